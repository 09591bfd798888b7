//! The decision that an event is void, as the journal records it.

use std::fmt;

use crate::context::Timestamp;
use crate::journal::VoidMark;
use crate::seq::Seq;

/// A recorded decision that an event does nothing on replay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// The seq of the void event.
    pub seq: Seq,
    /// The time of the decision.
    pub time: Timestamp,
    /// The reason for the decision.
    pub reason: String,
    /// The name of the person who decided, if it is recorded.
    pub by: Option<String>,
}

impl From<VoidMark> for Decision {
    fn from(VoidMark { seq, time, reason, by }: VoidMark) -> Decision {
        Decision { seq, time, reason, by }
    }
}

/// Prints the event, the reason, the time, and who decided. Recorded text is quoted and escaped, so it cannot send control
/// sequences to a terminal.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}: {:?}, decided at {}", self.seq, self.reason, self.time)?;
        match &self.by {
            Some(by) => write!(f, " by {by:?}"),
            None => Ok(()),
        }
    }
}
