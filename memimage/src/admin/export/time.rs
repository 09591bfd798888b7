//! Recorded times in an export: RFC 3339 in UTC with microseconds.

use crate::context::Timestamp;
use serde_json::Value as Json;

/// A recorded time as JSON: RFC 3339, or the number of microseconds since 1970 for a time after the year 9999.
pub(in crate::admin) fn to_json(time: Timestamp) -> Json {
    let calendar =
        i64::try_from(time.as_micros()).ok().and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    match calendar {
        Some(calendar) => Json::from(format!("{calendar:.6}")),
        None => Json::from(time.as_micros()),
    }
}

/// Reads the JSON of a recorded time; `None` if it is none, is before 1970, or has a fraction of a microsecond.
pub(in crate::admin) fn from_json(json: &Json) -> Option<Timestamp> {
    let Some(text) = json.as_str() else { return json.as_u64().map(Timestamp::from_micros) };
    let time: jiff::Timestamp = text.parse().ok()?;
    let micros = u64::try_from(time.as_microsecond()).ok()?;
    (time.subsec_nanosecond() % 1000 == 0).then_some(Timestamp::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_read_back() {
        for micros in [0, 1, 1_796_040_000_000_001, 253_402_207_200_999_999, 1 << 62, u64::MAX] {
            let time = Timestamp::from_micros(micros);
            assert_eq!(from_json(&to_json(time)), Some(time), "{}", to_json(time));
        }
        assert_eq!(to_json(Timestamp::from_micros(1)), "1970-01-01T00:00:00.000001Z");
    }

    #[test]
    fn what_is_no_recorded_time() {
        for text in
            ["\"\"", "\"1969-12-31T23:59:59Z\"", "\"1970-01-01T00:00:00.0000001Z\"", "-1", "1.5", "null", "\"1\""]
        {
            assert_eq!(from_json(&serde_json::from_str(text).unwrap()), None, "{text}");
        }
    }
}
