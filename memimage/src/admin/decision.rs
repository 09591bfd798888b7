//! The decisions of owners that a journal records: that an event is void, and that damaged frames are given up.

use std::fmt;

use super::seq_range::SeqRange;
use crate::context::Timestamp;
use crate::journal::{Gap, GapMark, VoidMark};
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

/// A recorded gap: damaged frames that an owner has given up by [`RepairAction::GiveUp`](super::RepairAction::GiveUp).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedGap {
    /// The lost events; `None` if the damaged frames had no events.
    pub lost: Option<SeqRange>,
    /// The event after the gap.
    pub next: Seq,
    /// The epoch in which the frames were given up. States and digests of earlier epochs contain the effect of the lost events.
    pub epoch: u64,
    /// The time of the decision.
    pub time: Timestamp,
    /// The damage that was found.
    pub reason: String,
    /// The name of the person who decided, if it is recorded.
    pub by: Option<String>,
}

impl RecordedGap {
    pub(super) fn new(gap: Gap, mark: &GapMark) -> RecordedGap {
        let GapMark { epoch, time, reason, by, .. } = mark.clone();
        RecordedGap { lost: SeqRange::of(gap.first, gap.last()), next: gap.next, epoch, time, reason, by }
    }
}

/// Prints the lost events, the reason, the time, and who decided. Recorded text is quoted and escaped.
impl fmt::Display for RecordedGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.lost {
            Some(lost) => write!(f, "{lost}")?,
            None => write!(f, "no event before event {}", self.next)?,
        }
        write!(f, ": {:?}, given up at {}", self.reason, self.time)?;
        match &self.by {
            Some(by) => write!(f, " by {by:?}"),
            None => Ok(()),
        }
    }
}
