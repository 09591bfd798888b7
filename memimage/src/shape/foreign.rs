//! Shapes of types of other crates. For each of these crates, memimage has a feature that enables the shapes.
//!
//! Most of these types are opaque, which means known by name only. The crate of a type defines the serialization, and promises
//! not to change it. But another crate of the program can enable a feature that changes the serialization. Opening an image
//! therefore checks the encoding of known values (`foreign_probes`).
//!
//! A type is in this module only if decoding restores each of its values exactly. Three types are therefore missing: chrono's
//! `DateTime<FixedOffset>` (the seconds of an offset are lost), `jiff::Span` (1,500 ms come back as 1 s 500 ms) and
//! `jiff::Zoned` (its decoding depends on the time zone database of the host). Two kinds of values are exceptions to this rule:
//! decoding does not restore a leap second of chrono that is not at the end of a minute, and it returns a decimal −0 as 0. An
//! image makes no snapshot of a state with a decimal −0.

#[allow(unused_imports, reason = "the used imports depend on the features")]
use super::{Descriptor, Shape, ShapeRef};

#[allow(unused_macros, reason = "the use of the macro depends on the features")]
macro_rules! opaque {
    ($($type:ty => $name:literal,)+) => {$(
        impl Shape for $type {
            const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Opaque($name));
        }
    )+};
}

#[cfg(feature = "uuid")]
opaque! {
    uuid::Uuid => "uuid::Uuid",
    uuid::NonNilUuid => "uuid::NonNilUuid",
}

#[cfg(feature = "chrono")]
opaque! {
    chrono::DateTime<chrono::Utc> => "chrono::DateTime<Utc>",
    chrono::NaiveDate => "chrono::NaiveDate",
    chrono::NaiveTime => "chrono::NaiveTime",
    chrono::NaiveDateTime => "chrono::NaiveDateTime",
    chrono::TimeDelta => "chrono::TimeDelta",
    chrono::Weekday => "chrono::Weekday",
    chrono::Month => "chrono::Month",
}

#[cfg(feature = "jiff")]
opaque! {
    jiff::Timestamp => "jiff::Timestamp",
    jiff::SignedDuration => "jiff::SignedDuration",
    jiff::civil::Date => "jiff::civil::Date",
    jiff::civil::Time => "jiff::civil::Time",
    jiff::civil::DateTime => "jiff::civil::DateTime",
    jiff::civil::ISOWeekDate => "jiff::civil::ISOWeekDate",
}

#[cfg(feature = "rust_decimal")]
opaque! {
    rust_decimal::Decimal => "rust_decimal::Decimal",
}

#[cfg(feature = "indexmap")]
impl<K: Shape, V: Shape, S> Shape for indexmap::IndexMap<K, V, S> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::OrderedMap(K::SHAPE, V::SHAPE));
}

#[cfg(feature = "indexmap")]
impl<T: Shape, S> Shape for indexmap::IndexSet<T, S> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::OrderedSet(T::SHAPE));
}

#[cfg(all(test, any(feature = "chrono", feature = "jiff", feature = "rust_decimal", feature = "uuid")))]
mod tests;
