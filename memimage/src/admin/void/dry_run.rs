//! Determines the effect of a void decision without recording the decision.

use crate::admin::outcome_change::{OutcomeChange, changes};
use crate::error::{Error, ErrorKind};
use crate::event::Model;
use crate::recovery::{OpenedJournal, RecoveryGoal, dispatch_of, recover};
use crate::seq::Seq;

/// The effect that making an event void would have; see [`Void::dry_run`](super::Void::dry_run). `Display` prints it as a
/// report for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VoidDryRun {
    /// The event.
    pub seq: Seq,
    /// The event's name; empty if the journal has no name for it.
    pub name: String,
    /// The event's version; 0 if the journal has no name for it.
    pub version: u32,
    /// Whether the event is already void.
    pub already: bool,
    /// The later events whose outcome would change, in their order; empty if there is a `failure`.
    pub outcomes: Vec<OutcomeChange>,
    /// The error of the first later event that cannot be replayed without this event; `None` if there is no such event. If a
    /// later event cannot be replayed, the image would not open after this decision alone.
    pub failure: Option<Error>,
}

/// Replays the journal without event `seq`. Returns the outcomes that change, or else the error of the first event that cannot
/// be replayed.
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
    match recover::<M>(journal, &dispatch_of::<M>(journal)?, goal) {
        Ok(recovered) => Ok((changes(recovered.changed_outcomes), None)),
        Err(error) if error.kind() == ErrorKind::Diverged => Ok((Vec::new(), Some(error))),
        Err(error) => Err(error),
    }
}
