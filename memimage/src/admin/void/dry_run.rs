//! The effect of a void decision before it is made.

use crate::error::{Error, ErrorKind};
use crate::event::Model;
use crate::outcome::Outcome;
use crate::recovery::{OpenedJournal, RecoveryGoal, dispatch_of, recover};
use crate::seq::Seq;

/// The effect that making an event void would have; see [`Void::dry_run`](super::Void::dry_run). Its `Display` is a report for
/// people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VoidDryRun {
    /// The event.
    pub seq: Seq,
    /// The event's name; empty if the journal has no name for it.
    pub name: String,
    /// The event's version; 0 if the journal has no name for it.
    pub version: u32,
    /// The event is void already.
    pub already: bool,
    /// The later events whose outcome would change, in their order.
    pub outcomes: Vec<OutcomeChange>,
    /// If a later event cannot be replayed once this event is void: the error of the first such event. With this decision alone, the
    /// image would not open.
    pub failure: Option<Error>,
}

/// An event whose outcome would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutcomeChange {
    /// The event.
    pub seq: Seq,
    /// Whether its body would return an error now. Otherwise it returned an error when it was recorded, and would not now.
    pub is_rejected: bool,
}

/// Replays all other events. Returns the outcomes that change, and the error of the first event that cannot be replayed.
pub(super) fn replay_without<M: Model>(
    journal: &OpenedJournal,
    seq: Seq,
) -> Result<(Vec<OutcomeChange>, Option<Error>), Error> {
    let goal = RecoveryGoal {
        newest_snapshot: Some(Seq::new(seq.get().saturating_sub(1))),
        verify_digests: true,
        trust_upcasters: true,
        also_void: Some(seq),
        ..RecoveryGoal::default()
    };
    let change = |(seq, now)| OutcomeChange { seq, is_rejected: now == Outcome::Rejected };
    match recover::<M>(journal, &dispatch_of::<M>(journal)?, goal) {
        Ok(recovered) => Ok((recovered.changed_outcomes.into_iter().map(change).collect(), None)),
        Err(error) if error.kind() == ErrorKind::Diverged => Ok((Vec::new(), Some(error))),
        Err(error) => Err(error),
    }
}
