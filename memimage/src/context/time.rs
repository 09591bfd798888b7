//! Recorded time.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::shape::{Shape, ShapeRef};

/// A point in time: microseconds since the Unix epoch, 1 January 1970 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Creates a timestamp from microseconds since the Unix epoch.
    pub const fn from_micros(micros: u64) -> Timestamp {
        Timestamp(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Seconds since the Unix epoch, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The duration from `earlier` to this timestamp; zero if `earlier` is later.
    pub const fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The current wall-clock time; the Unix epoch if the clock is set to an earlier time.
    #[inline]
    pub(crate) fn wall_clock() -> Timestamp {
        let now = clock_gettime(ClockId::Realtime);
        let micros = (now.tv_nsec / 1_000).cast_unsigned();
        u64::try_from(now.tv_sec)
            .map_or(Timestamp(0), |secs| Timestamp(secs.saturating_mul(1_000_000).saturating_add(micros)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Timestamp {
        let micros = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Timestamp(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(time.0)
    }
}

/// Displays the time as RFC 3339 in UTC with microseconds, such as `2026-11-30T12:00:00.000000Z`. A year after 9999, which RFC 3339
/// does not have, begins with `+`, as in ISO 8601.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.as_secs() / DAY, self.as_secs() % DAY);
        let (year, month, day) = date(days);
        let sign = if year > 9999 { "+" } else { "" };
        let (hour, minute, second, micros) = (second / 3600, second / 60 % 60, second % 60, self.0 % 1_000_000);
        write!(f, "{sign}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

/// The seconds of a day.
const DAY: u64 = 24 * 3600;

/// The year, month and day that begin so many days after 1 January 1970.
///
/// Howard Hinnant's algorithm `civil_from_days`: its years begin in March, so that a leap day is the last day of a year.
fn date(days: u64) -> (u64, u64, u64) {
    const FROM_MARCH_OF_YEAR_0: u64 = 719_468;
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = days + FROM_MARCH_OF_YEAR_0;
    let (era, day_of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
    let (month, is_next_year) = match months_since_march {
        0..=9 => (months_since_march + 3, 0),
        _ => (months_since_march - 9, 1),
    };
    (400 * era + year_of_era + is_next_year, month, day)
}

/// A timestamp has the shape of a `u64`.
impl Shape for Timestamp {
    const SHAPE: ShapeRef = <u64 as Shape>::SHAPE;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_displayed_as_rfc_3339() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399_000_001, "2000-02-28T23:59:59.000001Z"),
            (951_868_799_999_999, "2000-02-29T23:59:59.999999Z"),
            (951_868_800_000_000, "2000-03-01T00:00:00.000000Z"),
            (1_709_164_800_000_000, "2024-02-29T00:00:00.000000Z"),
            (1_796_040_000_000_000, "2026-11-30T12:00:00.000000Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
            (253_402_300_800_000_000, "+10000-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_string(), text);
        }
        assert!(Timestamp::from_micros(u64::MAX).to_string().starts_with("+586524-"));
    }

    /// The calendar of another crate.
    #[cfg(feature = "admin")]
    #[test]
    fn each_day_has_its_date() {
        const DAYS_UNTIL_9999: u64 = 2_932_531;
        for day in 0..DAYS_UNTIL_9999 {
            let micros = day * DAY * 1_000_000;
            let expected = jiff::Timestamp::from_microsecond(micros.cast_signed()).unwrap();
            assert_eq!(Timestamp::from_micros(micros).to_string(), format!("{expected:.6}"));
        }
    }
}
