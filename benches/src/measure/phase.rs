//! The phases of a measurement by time.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

const WARM_UP: u8 = 0;
const MEASURE: u8 = 1;
const END: u8 = 2;

/// The present phase, which all threads of a measurement read before and after each command: a warm-up, the measurement, and
/// the end. Only commands that end in the measurement count.
pub(crate) struct Phase(AtomicU8);

impl Phase {
    pub(crate) fn new() -> Phase {
        Phase(AtomicU8::new(WARM_UP))
    }

    pub(crate) fn is_end(&self) -> bool {
        self.0.load(Ordering::Relaxed) == END
    }

    pub(crate) fn is_measured(&self) -> bool {
        self.0.load(Ordering::Relaxed) == MEASURE
    }

    /// Goes through the phases, and returns the exact duration of the measurement and the growth of `counter` in it. The
    /// threads end even if `counter` fails.
    pub(crate) fn run<T>(&self, duration: Duration, counter: impl Fn() -> Result<T>) -> Result<(Duration, T, T)> {
        std::thread::sleep(duration / 10);
        let before = counter();
        let started = Instant::now();
        self.0.store(MEASURE, Ordering::Relaxed);
        std::thread::sleep(duration);
        self.0.store(END, Ordering::Relaxed);
        let took = started.elapsed();
        Ok((took, before?, counter()?))
    }
}
