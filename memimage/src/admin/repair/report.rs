//! The report of a repair.

use std::path::PathBuf;

use crate::admin::repair_action::RepairAction;
use crate::admin::seq_range::SeqRange;
use crate::seq::Seq;

/// The result of [`repair`](super::repair()). `Display` prints it as a report for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairReport {
    /// The requested action.
    pub action: RepairAction,
    /// The files that the repair changed, in the order of the changes; empty if an earlier run had completed the repair.
    pub changes: Vec<FileChange>,
    /// The events that were lost; `None` if no event is known to be lost. If the repair gave up the damaged frames alone, the range
    /// from the first to the last lost event, of which only those in [`gaps`](RepairReport::gaps) are lost.
    pub lost: Option<SeqRange>,
    /// The events that are lost in the gaps that [`GiveUp`](RepairAction::GiveUp) has recorded, in order; empty for other actions.
    pub gaps: Vec<SeqRange>,
    /// The events that left the journal although the state keeps their effect. These events can no longer be replayed,
    /// rewritten or read, and the quarantine may contain the only copies of them.
    pub retired: Option<SeqRange>,
    /// The events that are no longer void, because the repair lost the decisions about them. Decide again whether to make these
    /// events void.
    pub revived: Vec<Seq>,
    /// The number of void decisions that the repair lost and whose events are unknown.
    pub lost_decisions: u32,
    /// The epoch of the image after the repair.
    pub epoch: u64,
}

/// A file that a repair changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileChange {
    /// The path of the file.
    pub path: PathBuf,
    /// A description of the change, for people.
    pub change: &'static str,
    /// The copy of the old file in the quarantine; `None` if the file is new, or its old content is not needed.
    pub backup: Option<PathBuf>,
}

impl RepairReport {
    /// Whether the repair changed nothing.
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty()
    }
}
