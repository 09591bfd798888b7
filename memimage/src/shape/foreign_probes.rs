//! Known values of other crates' types. Each opening encodes these values and compares the bytes with the bytes that existing
//! images contain. Any crate of the program can enable a feature that changes how a type serializes, and no other check would
//! detect this.

use super::{ShapeRef, ShapeTree};

/// A value with a known encoding.
struct Probe {
    /// The name of the value's type in shapes.
    name: &'static str,
    encoded: postcard::Result<Vec<u8>>,
    expected: &'static [u8],
}

/// Encodes known values of each crate's types.
fn probes() -> Vec<Probe> {
    #[allow(unused_mut, reason = "the use depends on the features")]
    let mut probes = Vec::new();
    #[allow(unused_macros, reason = "the use of the macro depends on the features")]
    macro_rules! probe {
        ($name:literal, $value:expr, $expected:literal) => {
            probes.push(Probe { name: $name, encoded: postcard::to_stdvec(&$value), expected: $expected });
        };
    }
    #[cfg(feature = "uuid")]
    probe!("uuid::Uuid", uuid::Uuid::from_u128(0x30), b"\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x30");
    #[cfg(feature = "chrono")]
    {
        let time = chrono::DateTime::from_timestamp(1_700_000_000, 5_000_000).expect("in range");
        probe!("chrono::DateTime<Utc>", time, b"\x182023-11-14T22:13:20.005Z");
        probe!("chrono::NaiveDate", time.date_naive(), b"\x0a2023-11-14");
        probe!("chrono::NaiveTime", time.time(), b"\x0c22:13:20.005");
        probe!("chrono::NaiveDateTime", time.naive_utc(), b"\x172023-11-14T22:13:20.005");
        probe!("chrono::TimeDelta", chrono::TimeDelta::milliseconds(1_001), b"\x02\x80\x89\x7a");
        probe!("chrono::Month", chrono::Month::May, b"\x03May");
        probe!("chrono::Weekday", chrono::Weekday::Tue, b"\x03Tue");
    }
    #[cfg(feature = "jiff")]
    {
        let time = jiff::Timestamp::new(1_700_000_000, 5_000_000).expect("in range");
        let civil = jiff::civil::DateTime::constant(2023, 11, 14, 22, 13, 20, 0);
        probe!("jiff::Timestamp", time, b"\x182023-11-14T22:13:20.005Z");
        probe!("jiff::SignedDuration", jiff::SignedDuration::from_secs(90), b"\x07PT1M30S");
        probe!("jiff::civil::Date", civil.date(), b"\x0a2023-11-14");
        probe!("jiff::civil::Time", civil.time(), b"\x0822:13:20");
        probe!("jiff::civil::DateTime", civil, b"\x132023-11-14T22:13:20");
        probe!("jiff::civil::ISOWeekDate", civil.date().iso_week_date(), b"\x0a2023-W46-2");
    }
    #[cfg(feature = "rust_decimal")]
    probe!("rust_decimal::Decimal", rust_decimal::Decimal::new(-12_345, 2), b"\x07-123.45");
    probes
}

/// Encodes a known value of each foreign type. Returns the name of a type in `shapes` whose value is now encoded to other bytes
/// than in existing images. An encoding changes if any crate of the program enables certain features of the type's crate.
pub(crate) fn changed_encoding<'a>(shapes: impl Iterator<Item = ShapeRef> + 'a) -> Option<&'static str> {
    changed_among(probes(), shapes)
}

fn changed_among(mut probes: Vec<Probe>, shapes: impl Iterator<Item = ShapeRef>) -> Option<&'static str> {
    probes.retain(|probe| probe.encoded.as_deref() != Ok(probe.expected));
    if probes.is_empty() {
        return None;
    }
    let encoded: Vec<Vec<u8>> = shapes.map(|shape| ShapeTree::of(shape).encode()).collect();
    let names = |shape: &Vec<u8>, name: &str| shape.windows(name.len()).any(|part| part == name.as_bytes());
    probes.into_iter().map(|probe| probe.name).find(|name| encoded.iter().any(|shape| names(shape, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_have_the_recorded_encoding() {
        for probe in probes() {
            assert_eq!(probe.encoded.as_deref(), Ok(probe.expected), "{}", probe.name);
        }
    }

    #[cfg(feature = "rust_decimal")]
    #[test]
    fn a_changed_encoding_matters_only_to_shapes_that_name_the_type() {
        use rust_decimal::Decimal;

        use crate::shape::Shape;
        use crate::shape::samples::Order;

        let changed = || vec![Probe { name: "rust_decimal::Decimal", encoded: Ok(vec![1]), expected: &[2] }];
        let found = |shape: ShapeRef| changed_among(changed(), [u8::SHAPE, shape].into_iter());
        assert_eq!(found(Decimal::SHAPE), Some("rust_decimal::Decimal"));
        assert_eq!(found(<Vec<(u8, Option<Decimal>)>>::SHAPE), Some("rust_decimal::Decimal"));
        assert_eq!(found(Order::SHAPE), None);
        assert_eq!(changed_encoding([Decimal::SHAPE].into_iter()), None);
    }
}
