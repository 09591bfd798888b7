//! Moves snapshots that contradict the journal to the quarantine, so that no opening starts from them again.
//!
//! A quarantined snapshot keeps its seq in its file name. From these names, the verification of later snapshots learns after
//! which event an earlier snapshot had lost part of the state.

use std::path::PathBuf;

use crate::disk::Disk;
use crate::error::Error;
use crate::journal::{Layout, quarantine_file};
use crate::log;
use crate::seq::Seq;
use crate::snapshot::quarantined_seq;

/// Moves to the quarantine those of the files that are snapshots. A base is not moved, because without it the image might be
/// lost. A failed move is no error, because the next opening finds the same contradiction and skips the snapshot again.
pub(super) fn quarantine_contradicted(disk: &dyn Disk, layout: &Layout, paths: &[PathBuf]) {
    for path in paths.iter().filter(|path| path.parent() == Some(&layout.snapshots())) {
        match quarantine_file(disk, layout, path) {
            Ok(copy) => log::warning!(
                path = %path.display(),
                copy = %copy.display(),
                "moved a snapshot that contradicts the journal to the quarantine"
            ),
            Err(error) => {
                log::warning!(%error, "a snapshot that contradicts the journal could not be moved to the quarantine");
            }
        }
    }
}

/// Returns the newest event, later than `after` and earlier than `before`, for which the quarantine contains a snapshot.
pub(super) fn newest_quarantined(
    disk: &dyn Disk,
    layout: &Layout,
    after: Seq,
    before: Seq,
) -> Result<Option<Seq>, Error> {
    let names = layout.list_if_exists(disk, &layout.quarantine())?;
    let seqs = names.iter().filter_map(|(name, _)| quarantined_seq(name));
    Ok(seqs.filter(|seq| *seq > after && *seq < before).max())
}
