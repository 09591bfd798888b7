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

/// Displays the seconds since the Unix epoch with six decimals.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.as_secs(), self.0 % 1_000_000)
    }
}

/// A timestamp has the shape of a `u64`.
impl Shape for Timestamp {
    const SHAPE: ShapeRef = <u64 as Shape>::SHAPE;
}
