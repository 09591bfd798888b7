//! String representations of values for which JSON has no type.

use crate::value::error::{ValueError, ValueErrorKind};
use crate::value::text::hex;

/// The error for a string that does not represent the expected value.
#[cold]
pub(super) fn invalid_text(expected: &'static str, found: &str) -> ValueError {
    ValueError::new(ValueErrorKind::Text { expected, found: found.chars().take(80).collect() })
}

pub(super) fn from_hex(text: &str) -> Result<Vec<u8>, ValueError> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    let bytes = pairs.iter().map(byte).collect::<Option<Vec<u8>>>();
    bytes.filter(|_| rest.is_empty()).ok_or_else(|| invalid_text("hexadecimal bytes", text))
}

/// Formats a UUID as `67e55044-10b1-426f-9247-bb680e5fe0c8`.
pub(super) fn uuid(bytes: &[u8]) -> String {
    let mut text = hex(bytes);
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}

pub(super) fn from_uuid(text: &str) -> Result<Vec<u8>, ValueError> {
    let bytes = from_hex(&text.replace('-', "")).ok().filter(|bytes| bytes.len() == 16);
    bytes.ok_or_else(|| invalid_text("a UUID", text))
}

/// The string for an infinite float or a NaN with these bits. `canonical` holds the bits of the canonical NaN.
pub(super) fn not_finite(is_nan: bool, is_negative: bool, bits: u64, canonical: u64, digits: usize) -> String {
    match (is_nan, is_negative) {
        (true, _) if bits == canonical => "NaN".to_owned(),
        (true, _) => format!("NaN:{bits:0digits$x}"),
        (false, false) => "inf".to_owned(),
        (false, true) => "-inf".to_owned(),
    }
}

/// Parses the bits after `NaN:`.
pub(super) fn nan_bits(text: &str) -> Option<u64> {
    text.strip_prefix("NaN:").and_then(|bits| u64::from_str_radix(bits, 16).ok())
}
