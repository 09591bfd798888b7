//! The clock of a running image assigns events their time, and detects jumps of the wall clock.
//!
//! The wall clock alone proves nothing: one wrong reading can be ten years ahead.
//! [`Retention::Period`](crate::Retention::Period) removes events for ever, so it depends on confirmed time only: the time of
//! the last event before this opening, plus the time that has passed since this opening by the monotonic clock.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::context::Timestamp;
use crate::log;
use crate::options::{Monotonic, WallClock};
use crate::planted::{Bug, planted};

/// The difference between the two clocks that counts as a jump, in microseconds: one hour.
const JUMP: u64 = 3_600 * 1_000_000;

/// The clocks of an image.
pub(super) struct RecordingClock {
    wall: WallClock,
    /// `None` if the program supplies the wall clock, but no monotonic clock to compare it with. Without a monotonic clock, the
    /// image trusts the present reading of the wall clock.
    monotonic: Option<Monotonic>,
    /// The confirmed time when the image was opened, and the reading of the monotonic clock at that moment.
    opened: (Timestamp, Duration),
    /// Readings that were taken of both clocks at the same moment; later readings are compared with them.
    anchor: Mutex<(Timestamp, Duration)>,
    /// How far the wall clock has jumped ahead, in microseconds.
    jumped: AtomicU64,
    /// Whether a jump was detected, but has not been logged yet.
    unreported: AtomicBool,
}

impl RecordingClock {
    /// Reads both clocks.
    ///
    /// # Errors
    ///
    /// If the program supplies a clock, and the clock panics, returns the panic.
    pub(super) fn read(
        wall: &WallClock,
        monotonic: Option<&Monotonic>,
    ) -> Result<(Timestamp, Duration), Box<dyn Any + Send>> {
        catch_unwind(AssertUnwindSafe(|| (wall.now(), monotonic.map_or(Duration::ZERO, |monotonic| monotonic()))))
    }

    /// Starts the clocks of an image that is opened when the clocks have these [readings](RecordingClock::read). `last` is the time
    /// of the image's last event; `None` if the image has no event.
    pub(super) fn start(
        wall: WallClock,
        monotonic: Option<Monotonic>,
        (now, reading): (Timestamp, Duration),
        last: Option<Timestamp>,
    ) -> RecordingClock {
        RecordingClock {
            wall,
            monotonic,
            // if the clock is behind the last event's time, one of the two times is wrong: use the earlier time, so that
            // retention removes less
            opened: (last.unwrap_or(now).min(now), reading),
            anchor: Mutex::new((now, reading)),
            jumped: AtomicU64::new(0),
            unreported: AtomicBool::new(false),
        }
    }

    /// Returns the time for the next event. `last` is the time of the previous event. Unless `is_exact` is true, the time may be
    /// that of the last reading, if it was in the same tick.
    ///
    /// # Errors
    ///
    /// If the program supplies a clock, and the clock panics, returns the panic.
    #[inline]
    pub(super) fn after(
        &self,
        last: Timestamp,
        is_exact: bool,
        reading: &mut ClockReading,
    ) -> Result<Timestamp, Box<dyn Any + Send>> {
        let now = match &self.wall {
            WallClock::System => reading.read(is_exact),
            WallClock::Supplied(clock) => catch_unwind(AssertUnwindSafe(|| clock()))?,
        };
        if now.as_micros() > last.as_micros().saturating_add(JUMP) {
            catch_unwind(AssertUnwindSafe(|| self.compare(now)))?;
        }
        Ok(last.max(now))
    }

    /// Compares the two clocks, to distinguish a long time without events from a jump of the wall clock.
    #[cold]
    fn compare(&self, now: Timestamp) {
        let Some(monotonic) = &self.monotonic else { return };
        let mut anchor = self.anchor.lock();
        let reading = monotonic();
        let passed = reading.saturating_sub(anchor.1);
        let ahead = now.since(anchor.0).saturating_sub(passed).as_micros() as u64;
        // the next comparison starts from these readings, because clocks may drift apart slowly
        *anchor = (now, reading);
        if ahead > JUMP {
            self.jumped.fetch_add(ahead, Ordering::Relaxed);
            self.unreported.store(true, Ordering::Release);
        }
    }

    /// How far the wall clock has jumped ahead of the monotonic clock since the image was opened.
    pub(super) fn jumped(&self) -> Option<Duration> {
        match self.jumped.load(Ordering::Relaxed) {
            0 => None,
            ahead => Some(Duration::from_micros(ahead)),
        }
    }

    /// Logs a new jump. The caller must hold no lock of the image, because a log subscriber may run any code.
    #[inline]
    pub(super) fn report(&self) {
        if self.unreported.load(Ordering::Relaxed) && self.unreported.swap(false, Ordering::Acquire) {
            log::warning!(
                ahead = ?self.jumped(),
                "the wall clock jumped ahead of the monotonic clock, and events have got its time; help: if the system clock is \
                 wrong, correct it, then call `Admin::correct_time`"
            );
        }
    }

    /// The latest time that has been reached for certain: the wall clock's present reading, unless the monotonic clock contradicts
    /// it. So a wrong reading that the wall clock has taken back since then does not count.
    pub(super) fn confirmed(&self) -> Timestamp {
        if planted(Bug::PrunedOnOneReading) {
            return Timestamp::from_micros(u64::MAX);
        }
        let now = self.wall.now();
        let Some(monotonic) = &self.monotonic else { return now };
        let (confirmed, reading) = self.opened;
        let passed = monotonic().saturating_sub(reading);
        now.min(Timestamp::from_micros(confirmed.as_micros().saturating_add(passed.as_micros() as u64)))
    }
}

/// The last reading of the system's clock.
///
/// Reading the clock takes as long as executing a small command. So commands that nobody waits for share one reading if they are
/// executed for one batch, within one tick of the system's coarse clock (1 to 10 ms).
#[derive(Debug, Default)]
pub(super) struct ClockReading {
    /// The reading of the coarse clock when `time` was read.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    tick: Timespec,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    time: Timestamp,
}

impl ClockReading {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[inline]
    fn read(&mut self, is_exact: bool) -> Timestamp {
        let tick = clock_gettime(ClockId::RealtimeCoarse);
        if is_exact || tick != self.tick {
            *self = ClockReading { tick, time: Timestamp::wall_clock() };
        }
        self.time
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn read(&mut self, _is_exact: bool) -> Timestamp {
        Timestamp::wall_clock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const HOUR: u64 = 3_600;

    /// Clocks that a test sets, in seconds.
    #[derive(Clone, Default)]
    struct TestClocks {
        wall: Arc<AtomicU64>,
        monotonic: Arc<AtomicU64>,
    }

    impl TestClocks {
        fn set(&self, wall: u64, monotonic: u64) {
            self.wall.store(wall, Ordering::Relaxed);
            self.monotonic.store(monotonic, Ordering::Relaxed);
        }

        fn start(&self, last: u64) -> RecordingClock {
            let TestClocks { wall, monotonic } = self.clone();
            let wall = WallClock::Supplied(Arc::new(move || seconds(wall.load(Ordering::Relaxed))));
            let monotonic: Monotonic = Arc::new(move || Duration::from_secs(monotonic.load(Ordering::Relaxed)));
            let last = (last > 0).then(|| seconds(last));
            let readings = RecordingClock::read(&wall, Some(&monotonic)).unwrap();
            RecordingClock::start(wall, Some(monotonic), readings, last)
        }
    }

    fn seconds(seconds: u64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn after(clock: &RecordingClock, last: Timestamp) -> Timestamp {
        clock.after(last, true, &mut ClockReading::default()).unwrap()
    }

    #[test]
    fn a_pause_is_no_jump_and_a_jump_is() {
        let clocks = TestClocks::default();
        clocks.set(1_000 * HOUR, 5);
        let clock = clocks.start(999 * HOUR);
        clocks.set(1_009 * HOUR, 5 + 9 * HOUR);
        assert_eq!(after(&clock, seconds(1_000 * HOUR)), seconds(1_009 * HOUR));
        assert_eq!(clock.jumped(), None, "nine hours without an event");
        clocks.set(90_009 * HOUR, 5 + 10 * HOUR);
        assert_eq!(after(&clock, seconds(1_009 * HOUR)), seconds(90_009 * HOUR));
        assert_eq!(clock.jumped().map(|jump| jump.as_secs() / HOUR), Some(88_999));
        // the jump is counted once, and not again at each later event
        after(&clock, seconds(90_009 * HOUR));
        assert_eq!(clock.jumped().map(|jump| jump.as_secs() / HOUR), Some(88_999));
    }

    #[test]
    fn time_is_never_earlier_than_the_last_event() {
        let clocks = TestClocks::default();
        clocks.set(50, 0);
        assert_eq!(after(&clocks.start(90), seconds(90)), seconds(90));
    }

    #[test]
    fn confirmed_time_passes_with_the_monotonic_clock() {
        let clocks = TestClocks::default();
        clocks.set(1_000 * HOUR, 7);
        let clock = clocks.start(900 * HOUR);
        assert_eq!(clock.confirmed(), seconds(900 * HOUR), "the wall clock alone confirms nothing");
        clocks.set(90_000 * HOUR, 7 + 3 * HOUR);
        assert_eq!(clock.confirmed(), seconds(903 * HOUR));
        clocks.set(800 * HOUR, 7 + 4 * HOUR);
        assert_eq!(clock.confirmed(), seconds(800 * HOUR), "nor is it later than the wall clock");
        assert_eq!(clocks.start(0).confirmed(), seconds(800 * HOUR), "no event contradicts the clock of a new image");
    }
}
