//! When a reader beside the owner in another process looks at the journal's files again.

use std::time::Duration;

/// The pause between two looks while events arrive.
pub(crate) const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// The pause between two looks while the owner is at rest.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// After this many looks without a new event, the pause is doubled.
const LOOKS_PER_PAUSE: u32 = 8;

/// The looks at the files since the last one that found an event.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Polling {
    idle: u32,
}

impl Polling {
    /// Counts a look.
    pub(crate) fn looked(&mut self, has_found: bool) {
        self.idle = if has_found { 0 } else { self.idle.saturating_add(1) };
    }

    /// Whether the last look found no event.
    pub(crate) fn is_idle(self) -> bool {
        self.idle > 0
    }

    /// The pause before the next look.
    pub(crate) fn pause(self) -> Duration {
        (SHORTEST_PAUSE * 2_u32.pow((self.idle / LOOKS_PER_PAUSE).min(5))).min(LONGEST_PAUSE)
    }
}
