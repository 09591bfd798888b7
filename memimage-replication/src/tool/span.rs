//! Spans of time on the command line.

use std::time::Duration;

/// Parses a number and a unit, such as `500ms`, `3s`, `15m`, `12h` or `30d`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let unknown =
        || format!("`{text}` is no span of time: give a number and a unit, such as 500ms, 3s, 15m, 12h or 30d");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| unknown())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(unknown()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        assert_eq!(parse("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(parse("3s").unwrap(), Duration::from_secs(3));
        assert_eq!(parse("30d").unwrap(), Duration::from_secs(30 * 86_400));
        for text in ["", "3", "s", "3 s", "-3s", "3w", "99999999999999999999d", "999999999999999999d"] {
            assert!(parse(text).unwrap_err().contains("is no span of time"), "{text}");
        }
    }
}
