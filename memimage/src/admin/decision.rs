//! What a journal says of who made an event void, and why.

use std::fmt;

use crate::context::Timestamp;
use crate::journal::VoidMark;
use crate::seq::Seq;

/// That an event does nothing, as the journal has it on record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// The event.
    pub seq: Seq,
    /// When that was decided.
    pub time: Timestamp,
    /// Why.
    pub reason: String,
    /// By whom, if it was said.
    pub by: Option<String>,
}

impl From<VoidMark> for Decision {
    fn from(VoidMark { seq, time, reason, by }: VoidMark) -> Decision {
        Decision { seq, time, reason, by }
    }
}

/// Why, when and by whom. Texts are in quotes, and nothing in them controls a terminal.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}: {:?}, decided at {}", self.seq, self.reason, self.time)?;
        match &self.by {
            Some(by) => write!(f, " by {by:?}"),
            None => Ok(()),
        }
    }
}
