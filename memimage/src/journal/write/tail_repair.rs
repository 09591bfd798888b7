//! Repairs the end of a journal before new frames are appended to it.
//!
//! If a crash interrupts a step, the next opening can repeat the step, because torn bytes are cleared only after their copy has
//! been synced, and frames are rewritten unchanged.

use std::path::{Path, PathBuf};

use crate::disk::{Disk, StagedFile, StoredFile, failed, rename, sync_dir};
use crate::error::Error;
use crate::journal::layout::{Layout, TORN};
use crate::journal::read::scan::JournalEnd;
use crate::log;
use crate::planted::{Bug, planted};
use crate::seq::SegmentId;

/// Copies a torn write to the quarantine, syncs the copy, overwrites the torn bytes with zeros and syncs the zeros. Returns the
/// path of the copy, if there is a torn write.
pub(crate) fn quarantine_torn_write(
    disk: &dyn Disk,
    layout: &Layout,
    file: &StoredFile,
    end: &JournalEnd,
) -> Result<Option<PathBuf>, Error> {
    let Some(torn) = end.torn.clone().filter(|_| !planted(Bug::TornTailLeft)) else { return Ok(None) };
    let copy = clear(disk, layout, file, end.segment, &end.bytes[torn.clone()], torn.start)?;
    log::warning!(
        segment = %end.segment,
        offset = torn.start,
        bytes = torn.len(),
        copy = %copy.display(),
        "cleared a torn write from the end of the journal; a copy of it is in the quarantine"
    );
    Ok(Some(copy))
}

/// Copies the given bytes at `offset` of a segment to the quarantine, syncs the copy, overwrites the bytes with zeros and syncs
/// the zeros. Returns the path of the copy.
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

/// Moves a file of the image to the quarantine, and syncs both directories.
pub(crate) fn quarantine_file(disk: &dyn Disk, layout: &Layout, path: &Path) -> Result<PathBuf, Error> {
    let target = free_name(disk, layout, path)?;
    rename(disk, path, &target)?;
    // syncs the quarantine first: a crash between the two syncs may leave the file with both names, but never without a
    // name
    sync_dir(disk, &layout.quarantine())?;
    if let Some(dir) = path.parent() {
        sync_dir(disk, dir)?;
    }
    Ok(target)
}

/// An unused path in the quarantine: the file's name and a number.
pub(crate) fn free_name(disk: &dyn Disk, layout: &Layout, path: &Path) -> Result<PathBuf, Error> {
    let name = path.file_name().unwrap_or_default();
    let mut number = 0u32;
    loop {
        let mut target = name.to_owned();
        target.push(format!(".{number}"));
        let target = layout.quarantine().join(target);
        match disk.kind(&target).map_err(|error| failed("inspecting", &target, error))? {
            None => return Ok(target),
            Some(_) => number += 1,
        }
    }
}

/// An unused path in the quarantine for the bytes at `offset` of a segment.
fn free_path(disk: &dyn Disk, layout: &Layout, segment: SegmentId, offset: usize) -> Result<PathBuf, Error> {
    let mut attempt = 0u32;
    loop {
        let path = layout.quarantine().join(format!("{:08}-{offset:010}-{attempt}{TORN}", segment.get()));
        match disk.kind(&path).map_err(|error| failed("inspecting", &path, error))? {
            None => return Ok(path),
            Some(_) => attempt += 1,
        }
    }
}

/// Writes again, unchanged, all frames that are not proven to be on disk, and syncs the file.
///
/// Recovery has read these frames, but perhaps only from the page cache of the operating system. After a failed sync, a later
/// sync may report success without having written the frames to disk.
///
/// The zeros that overwrote a torn write may be only in the page cache, too. So these zeros are written again, up to the end of
/// the last range that has a copy in the quarantine.
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

/// Rewrites and syncs the zeros that overwrote torn bytes after the last frame of a segment. The last frame ends at `offset`.
/// The caller has read these zeros, but perhaps only from the page cache.
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

/// The end of the last range that was ever cleared in this segment, computed from the names and lengths of the copies in the
/// quarantine.
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
