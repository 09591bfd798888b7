//! What is done to the end of a journal before anything is added to it.
//!
//! Each step can be cut short by a crash and is then done again: the torn bytes are cleared only once their copy is
//! synced, and frames are written again as they are.

use std::path::{Path, PathBuf};

use crate::disk::{Disk, StagedFile, StoredFile, failed, rename, sync_dir};
use crate::error::Error;
use crate::journal::layout::{Layout, TORN};
use crate::journal::read::scan::JournalEnd;
use crate::planted::{Bug, planted};
use crate::seq::SegmentId;

/// Copies what a crash left of a frame to the quarantine, syncs the copy, clears the place and syncs that.
pub(crate) fn quarantine_torn_write(
    disk: &dyn Disk,
    layout: &Layout,
    file: &StoredFile,
    end: &JournalEnd,
) -> Result<Option<PathBuf>, Error> {
    let Some(torn) = end.torn.clone().filter(|_| !planted(Bug::TornTailLeft)) else { return Ok(None) };
    let copy = clear(disk, layout, file, end.segment, &end.bytes[torn.clone()], torn.start)?;
    tracing::warn!(
        segment = %end.segment,
        offset = torn.start,
        bytes = torn.len(),
        copy = %copy.display(),
        "a write that a crash cut short was never acknowledged; it was cleared, and a copy is in the quarantine"
    );
    Ok(Some(copy))
}

/// Copies these bytes at `offset` of a segment to the quarantine, syncs the copy, clears the place and syncs that.
pub(crate) fn clear(
    disk: &dyn Disk,
    layout: &Layout,
    file: &StoredFile,
    segment: SegmentId,
    bytes: &[u8],
    offset: usize,
) -> Result<PathBuf, Error> {
    let copy = free_path(disk, layout, segment, offset)?;
    StagedFile::write(disk, &copy, true, |copy| copy.write_all(bytes, 0))?.install(disk)?;
    file.write_zeros(bytes.len() as u64, offset as u64)?;
    file.sync_data()?;
    Ok(copy)
}

/// Moves a file out of the image into its quarantine, for good before this returns.
pub(crate) fn quarantine_file(disk: &dyn Disk, layout: &Layout, path: &Path) -> Result<PathBuf, Error> {
    let kept = free_name(disk, layout, path)?;
    rename(disk, path, &kept)?;
    // first where it is now, so that it is never nowhere
    sync_dir(disk, &layout.quarantine())?;
    if let Some(dir) = path.parent() {
        sync_dir(disk, dir)?;
    }
    Ok(kept)
}

/// A path in the quarantine that nothing has: the file's name and a number.
pub(crate) fn free_name(disk: &dyn Disk, layout: &Layout, path: &Path) -> Result<PathBuf, Error> {
    let name = path.file_name().unwrap_or_default();
    let mut number = 0u32;
    loop {
        let mut kept = name.to_owned();
        kept.push(format!(".{number}"));
        let kept = layout.quarantine().join(kept);
        match disk.kind(&kept).map_err(|error| failed("looking at", &kept, error))? {
            None => return Ok(kept),
            Some(_) => number += 1,
        }
    }
}

/// A path in the quarantine that nothing has.
fn free_path(disk: &dyn Disk, layout: &Layout, segment: SegmentId, offset: usize) -> Result<PathBuf, Error> {
    let mut attempt = 0u32;
    loop {
        let path = layout.quarantine().join(format!("{:08}-{offset:010}-{attempt}{TORN}", segment.get()));
        match disk.kind(&path).map_err(|error| failed("looking at", &path, error))? {
            None => return Ok(path),
            Some(_) => attempt += 1,
        }
    }
}

/// Writes again, as they are, the frames that nothing proves to be on disk, and syncs them.
///
/// They were read, but perhaps from the operating system's cache only: after a sync that failed, a later sync may report
/// success without having written them.
///
/// So may the zeros of a place that was cleared: they are written again as far as a copy in the quarantine says.
pub(crate) fn rewrite_unproven(
    disk: &dyn Disk,
    layout: &Layout,
    file: &StoredFile,
    end: &JournalEnd,
) -> Result<(), Error> {
    let cleared = cleared_up_to(disk, layout, end.segment)?.min(end.len);
    if end.unproven.is_empty() && cleared <= end.offset as u64 || planted(Bug::UnprovenNotWrittenAgain) {
        return Ok(());
    }
    file.write_all(&end.bytes[end.unproven.clone()], end.unproven.start as u64)?;
    file.write_zeros(cleared.saturating_sub(end.offset as u64), end.offset as u64)?;
    file.sync_data()
}

/// Clears again what was cleared behind the last frame of a segment, which ends at `offset`, and syncs that: the zeros were read,
/// and perhaps from the cache only.
pub(crate) fn clear_again(
    disk: &dyn Disk,
    layout: &Layout,
    file: &StoredFile,
    segment: SegmentId,
    offset: u64,
) -> Result<(), Error> {
    let cleared = cleared_up_to(disk, layout, segment)?.min(file.len()?);
    if cleared <= offset {
        return Ok(());
    }
    file.write_zeros(cleared - offset, offset)?;
    file.sync_data()
}

/// Where the last place of this segment ends that was ever cleared.
fn cleared_up_to(disk: &dyn Disk, layout: &Layout, segment: SegmentId) -> Result<u64, Error> {
    let dir = layout.quarantine();
    let copies = disk.list(&dir).map_err(|error| failed("listing", &dir, error))?;
    let of_segment = format!("{:08}-", segment.get());
    let ends = copies.iter().filter_map(|copy| {
        let name = copy.name.to_str()?.strip_prefix(&of_segment)?;
        let start: u64 = name.split('-').next()?.parse().ok()?;
        start.checked_add(copy.len)
    });
    Ok(ends.max().unwrap_or(0))
}
