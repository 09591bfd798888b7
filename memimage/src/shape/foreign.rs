//! Shapes of other crates' types, each crate behind a feature.
//!
//! Most are known by name only: how they are written is theirs to say, and they have promised not to change it.

#[allow(unused_imports, reason = "which are used depends on the features")]
use super::{Descriptor, Shape, ShapeRef};

#[allow(unused_macros, reason = "which are used depends on the features")]
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

// Its form hangs on the crate's features: our feature asks for `serde-str`; `serde-float`, asked for by any other crate
// of the program, would change it.
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
