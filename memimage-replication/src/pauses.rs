//! The pauses between attempts: twice as long each time, with jitter, so that several callers do not meet again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(5);
const LAST: Duration = Duration::from_secs(1);

/// The pauses since the last success.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pauses {
    pause: Duration,
    total: Duration,
}

impl Pauses {
    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        self.pause = (self.pause * 2).clamp(FIRST, LAST);
        let mut random = [0; 1];
        // without random bytes, the pause has no jitter
        let _ = getrandom::fill(&mut random);
        let pause = self.pause / 2 + self.pause * u32::from(random[0]) / 512;
        self.total += pause;
        pause
    }

    /// The sum of the pauses.
    pub(crate) fn total(&self) -> Duration {
        self.total
    }
}
