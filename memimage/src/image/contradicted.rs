//! Snapshots that contradict the journal. They go to the quarantine, so that no open starts from them again.
//!
//! Their names in the quarantine also tell later snapshots after which event something was lost.

use std::path::PathBuf;

use crate::disk::Disk;
use crate::error::Error;
use crate::journal::{Layout, quarantine_file};
use crate::seq::Seq;
use crate::snapshot::quarantined_seq;

/// Moves the snapshots among these files to the quarantine. A base stays: without it, the image might be lost. A failure is no
/// error, because the next open skips the snapshot for the same reason.
pub(super) fn quarantine_contradicted(disk: &dyn Disk, layout: &Layout, paths: &[PathBuf]) {
    for path in paths.iter().filter(|path| path.parent() == Some(&layout.snapshots())) {
        match quarantine_file(disk, layout, path) {
            Ok(copy) => tracing::warn!(
                path = %path.display(),
                copy = %copy.display(),
                "moved a snapshot that contradicts the journal to the quarantine"
            ),
            Err(error) => {
                tracing::warn!(%error, "a snapshot that contradicts the journal could not be moved to the quarantine");
            }
        }
    }
}

/// The newest event between two others after which a quarantined snapshot has the state.
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
