//! The report of a repair.

use std::path::PathBuf;

use crate::admin::repair_action::RepairAction;
use crate::admin::seq_range::SeqRange;
use crate::seq::Seq;

/// The result of [`repair`](super::repair()). Its `Display` is a report for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairReport {
    /// The repair that was asked for.
    pub action: RepairAction,
    /// The files that were changed, in the order of the changes; empty if the repair had been done before.
    pub changes: Vec<FileChange>,
    /// The events that were lost.
    pub lost: Option<SeqRange>,
    /// The events that left the journal although the state keeps their effect. They can no longer be replayed, rewritten or
    /// read, and the quarantine may have the only copies of them.
    pub retired: Option<SeqRange>,
    /// The events that are no longer void, because the repair lost the decisions about them. Decide again whether to make
    /// them void.
    pub revived: Vec<Seq>,
    /// The number of lost decisions of which it is not known which events they made void.
    pub lost_decisions: u32,
    /// The epoch of the image after the repair.
    pub epoch: u64,
}

/// A file that a repair changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileChange {
    /// The file.
    pub path: PathBuf,
    /// The change, for people.
    pub change: &'static str,
    /// The copy of the file before the change; `None` if the file is new, or its old content is not needed.
    pub backup: Option<PathBuf>,
}

impl RepairReport {
    /// Whether the repair changed nothing.
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty()
    }
}
