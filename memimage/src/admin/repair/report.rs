//! What a repair did.

use std::fmt;
use std::path::PathBuf;

use crate::admin::repair_action::{RepairAction, SeqRange, listed};
use crate::seq::Seq;

/// What [`repair`](super::repair()) did. Its `Display` is a report for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairReport {
    /// What was asked for.
    pub choice: RepairAction,
    /// The files that were changed, in that order; none if there was nothing to do, since it was done before.
    pub changes: Vec<FileChange>,
    /// The events that were given up.
    pub lost: Option<SeqRange>,
    /// The events that left the journal, whose state stayed: they can no longer be replayed, rewritten or looked at, and what is
    /// kept of them in the quarantine may be the only copy.
    pub retired: Option<SeqRange>,
    /// Events that are there, and were void by decisions that were given up: to be made void again, or not.
    pub revived: Vec<Seq>,
    /// The epoch that the image is in since.
    pub epoch: u64,
}

/// A file that a repair changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileChange {
    /// The file.
    pub path: PathBuf,
    /// What became of it.
    pub what: &'static str,
    /// Where what it was stands now; `None` for a file that was not there, or that says nothing which is lost.
    pub backup: Option<PathBuf>,
}

impl RepairReport {
    /// Whether nothing was to be done.
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty()
    }
}

impl fmt::Display for RepairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unchanged() {
            return f.write_str("nothing was to be done");
        }
        writeln!(f, "done: {}", self.choice)?;
        for FileChange { path, what, backup } in &self.changes {
            write!(f, "  `{}` {what}", path.display())?;
            match backup {
                Some(backup) => writeln!(f, "; what it was is `{}`", backup.display())?,
                None => writeln!(f)?,
            }
        }
        match &self.lost {
            Some(lost) => write!(f, "lost: {lost}")?,
            None => f.write_str("lost: no event that is known of")?,
        }
        if let Some(retired) = &self.retired {
            write!(
                f,
                "\ntook {retired} out of the journal, whose state stays: what is in the quarantine may be their only copy"
            )?;
        }
        match &self.revived[..] {
            [] => Ok(()),
            revived => write!(f, "\nno longer void, since the decision was given up: {}", listed(revived)),
        }
    }
}
