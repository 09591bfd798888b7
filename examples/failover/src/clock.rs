//! The time, for measurements.

use std::time::Instant;

/// The present time.
pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the time is not part of the model")]
    Instant::now()
}
