//! What is known of types that a shape gives by name only.

use super::{Value, ValueError};

/// How a foreign type that has a [`Shape`](crate::Shape) in this library is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Sixteen bytes.
    Uuid,
    /// A text in the type's own form.
    Text,
    /// Seconds and nanoseconds.
    TimeDelta,
}

/// What is known of the type of this name. Another type given the same name by hand, or a `rust_decimal` that some crate
/// of the writing program asked for its feature `serde-float`, is misread or refused here.
pub(super) fn known(name: &str) -> Option<Known> {
    Some(match name {
        "uuid::Uuid" | "uuid::NonNilUuid" => Known::Uuid,
        "chrono::TimeDelta" => Known::TimeDelta,
        "chrono::DateTime<Utc>"
        | "chrono::DateTime<FixedOffset>"
        | "chrono::NaiveDate"
        | "chrono::NaiveTime"
        | "chrono::NaiveDateTime"
        | "chrono::Weekday"
        | "chrono::Month"
        | "jiff::Timestamp"
        | "jiff::Zoned"
        | "jiff::Span"
        | "jiff::SignedDuration"
        | "jiff::civil::Date"
        | "jiff::civil::Time"
        | "jiff::civil::DateTime"
        | "jiff::civil::ISOWeekDate"
        | "rust_decimal::Decimal" => Known::Text,
        _ => return None,
    })
}

/// Refuses bytes that are no UUID.
pub(super) fn check_uuid(bytes: &Value) -> Result<(), ValueError> {
    match bytes {
        Value::Bytes(bytes) if bytes.len() == 16 => Ok(()),
        _ => Err(ValueError::unexpected("a UUID, 16 bytes,", bytes)),
    }
}
