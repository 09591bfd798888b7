//! Determines what a program would make of a repaired journal, without repairing it.

use std::fmt;
use std::sync::Arc;

use super::give_up::trial;
use super::session::RepairSession;
use crate::admin::outcome_change::{OutcomeChange, changes, fmt_changes};
use crate::admin::repair_action::{RepairAction, ranges};
use crate::admin::seq_range::SeqRange;
use crate::disk::Disk;
use crate::error::{Error, ErrorKind};
use crate::event::Model;
use crate::keys::Keyring;
use crate::recovery::{OpenedJournal, RecoveryGoal, dispatch_of, recover};
use crate::seq::Seq;

/// What a program would make of the journal after [`RepairAction::GiveUp`]; see [`Repair::dry_run`](super::Repair::dry_run). `Display`
/// prints it as a report for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RepairDryRun {
    /// The repair.
    pub action: RepairAction,
    /// The events that the repair would lose, in order.
    pub gaps: Vec<SeqRange>,
    /// The snapshot or base with which an opening would begin, by its last event; `None` if it would begin at genesis. It has the effect
    /// of the lost events up to this one.
    pub snapshot: Option<Seq>,
    /// The events whose outcome would change, in their order; empty if there is a `failure`.
    pub outcomes: Vec<OutcomeChange>,
    /// The error of the first event that cannot be replayed without the lost ones; `None` if there is no such event. Then the image
    /// would not open after this repair alone.
    pub failure: Option<Error>,
}

impl fmt::Display for RepairDryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gaps[..] {
            [] => f.write_str("no event would be lost")?,
            gaps => write!(f, "lost would be: {}", ranges(gaps))?,
        }
        if let Some(error) = &self.failure {
            return write!(f, "; without them, the journal cannot be replayed: {error}");
        }
        if let Some(seq) = self.snapshot {
            write!(f, "; the snapshot after event {seq} keeps the effect of those up to this event")?;
        }
        fmt_changes(&self.outcomes, f)
    }
}

/// Replays the journal as it would be after the repair.
pub(super) fn dry_run<M: Model>(
    session: &RepairSession,
    keyring: &Arc<Keyring>,
    action: RepairAction,
    seq: Seq,
) -> Result<RepairDryRun, Error> {
    let (disk, gaps, last) = trial(session, seq)?;
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let journal = OpenedJournal::open(&disk, session.layout(), keyring, Some(M::NAME))?;
    let goal =
        RecoveryGoal { until: Some(last), verify_digests: true, trust_upcasters: true, ..RecoveryGoal::default() };
    let of = |snapshot, outcomes, failure| RepairDryRun { action, gaps, snapshot, outcomes, failure };
    match recover::<M>(&journal, &dispatch_of::<M>(&journal)?, goal) {
        Ok(recovered) => Ok(of(recovered.snapshot, changes(recovered.changed_outcomes), None)),
        Err(error) if error.kind() == ErrorKind::Diverged => Ok(of(None, Vec::new(), Some(error))),
        Err(error) => Err(error),
    }
}
