//! Shapes of other crates' types, each crate behind a feature.
//!
//! Most are opaque, known by name only: their crates define how they serialize and have promised not to change it.

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
    chrono::DateTime<chrono::FixedOffset> => "chrono::DateTime<FixedOffset>",
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
    jiff::Zoned => "jiff::Zoned",
    jiff::Span => "jiff::Span",
    jiff::SignedDuration => "jiff::SignedDuration",
    jiff::civil::Date => "jiff::civil::Date",
    jiff::civil::Time => "jiff::civil::Time",
    jiff::civil::DateTime => "jiff::civil::DateTime",
    jiff::civil::ISOWeekDate => "jiff::civil::ISOWeekDate",
}

// The serialized form depends on the crate's features. Our feature enables `serde-str`; `serde-float`, enabled by any other
// crate of the program, would change it.
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
    const SHAPE: ShapeRef = <[T]>::SHAPE;
}
