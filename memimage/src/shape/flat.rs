//! Types of other crates whose values are never nested.

/// The opaque names that this crate gives to types of other crates. No value of these types contains another value of the same
/// type.
const FLAT: [&str; 19] = [
    "uuid::Uuid",
    "uuid::NonNilUuid",
    "chrono::DateTime<Utc>",
    "chrono::DateTime<FixedOffset>",
    "chrono::NaiveDate",
    "chrono::NaiveTime",
    "chrono::NaiveDateTime",
    "chrono::TimeDelta",
    "chrono::Weekday",
    "chrono::Month",
    "jiff::Timestamp",
    "jiff::Zoned",
    "jiff::Span",
    "jiff::SignedDuration",
    "jiff::civil::Date",
    "jiff::civil::Time",
    "jiff::civil::DateTime",
    "jiff::civil::ISOWeekDate",
    "rust_decimal::Decimal",
];

/// Whether an opaque name is the name of a type whose values are never nested.
pub(crate) const fn is_flat(name: &str) -> bool {
    let mut i = 0;
    while i < FLAT.len() {
        if is_same(FLAT[i].as_bytes(), name.as_bytes()) {
            return true;
        }
        i += 1;
    }
    false
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
