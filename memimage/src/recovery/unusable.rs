//! The snapshots and bases that the recovery of a follower did not use, for the image that continues its state.

use std::path::PathBuf;

use super::opened_journal::OpenedJournal;
use crate::error::Error;
use crate::snapshot::SnapshotHeader;

/// The files that a recovery did not use, each with the cause.
#[derive(Debug, Default)]
pub(super) struct UnusableFiles(Vec<UnusableFile>);

#[derive(Debug)]
struct UnusableFile {
    path: PathBuf,
    what: String,
    /// Whether the file is unusable only because replay from it contradicts the journal.
    is_contradicted: bool,
    /// The header, which identifies the file: an owner may replace it by another one with the same name. `None` if it cannot be
    /// read.
    header: Option<SnapshotHeader>,
}

/// The files that are still there unchanged.
#[derive(Debug, Default)]
pub(super) struct RemainingFiles {
    /// All of them, each with the cause.
    pub(super) unusable: Vec<(PathBuf, String)>,
    /// Those that contradict the journal.
    pub(super) contradicted: Vec<PathBuf>,
}

impl UnusableFiles {
    pub(super) fn new(
        journal: &OpenedJournal,
        unusable: Vec<(PathBuf, String)>,
        contradicted: &[PathBuf],
    ) -> UnusableFiles {
        let file = |(path, what)| {
            let (is_contradicted, header) = (contradicted.contains(&path), journal.snapshots().header(&path));
            UnusableFile { path, what, is_contradicted, header }
        };
        UnusableFiles(unusable.into_iter().map(file).collect())
    }

    pub(super) fn remaining(self, journal: &OpenedJournal) -> Result<RemainingFiles, Error> {
        let mut remaining = RemainingFiles::default();
        if self.0.is_empty() {
            return Ok(remaining);
        }
        let snapshots = journal.snapshots();
        let present: Vec<PathBuf> = snapshots.start_candidates()?.into_iter().map(|(_, path)| path).collect();
        for UnusableFile { path, what, is_contradicted, header } in self.0 {
            if present.contains(&path) && snapshots.header(&path) == header {
                remaining.contradicted.extend(is_contradicted.then(|| path.clone()));
                remaining.unusable.push((path, what));
            }
        }
        Ok(remaining)
    }
}
