//! The encodings of foreign types that a shape describes only by name.

use super::{Value, ValueError};

/// The encoding of a foreign type whose name this crate knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForeignEncoding {
    /// Sixteen bytes.
    Uuid,
    /// A string in the type's own format.
    Text,
    /// Seconds and nanoseconds.
    TimeDelta,
}

/// The encoding of the type with this name, if this crate knows the name. The returned encoding is wrong in two cases: a
/// program gave its own type this name, or a crate of the writing program enabled the feature `serde-float` of `rust_decimal`.
pub(super) fn foreign_encoding(name: &str) -> Option<ForeignEncoding> {
    Some(match name {
        "uuid::Uuid" | "uuid::NonNilUuid" => ForeignEncoding::Uuid,
        "chrono::TimeDelta" => ForeignEncoding::TimeDelta,
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
        | "rust_decimal::Decimal" => ForeignEncoding::Text,
        _ => return None,
    })
}

/// Checks that the bytes are a UUID.
pub(super) fn check_uuid(bytes: &Value) -> Result<(), ValueError> {
    match bytes {
        Value::Bytes(bytes) if bytes.len() == 16 => Ok(()),
        _ => Err(ValueError::unexpected("a UUID of 16 bytes", bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::is_flat;

    #[test]
    fn exactly_the_foreign_types_of_known_encoding_are_never_nested() {
        let names = ["uuid::Uuid", "uuid::NonNilUuid", "chrono::TimeDelta", "chrono::NaiveDate", "jiff::civil::Time"];
        let others = ["bank::Iban", "", "uuid::Uuid2", "uuid::Uui", "chrono::Month "];
        for name in names.into_iter().chain(others).chain(["rust_decimal::Decimal", "jiff::Zoned", "chrono::Month"]) {
            assert_eq!(is_flat(name), foreign_encoding(name).is_some(), "{name}");
        }
    }
}
