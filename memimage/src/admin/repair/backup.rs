//! Backups of the files that a repair changes, under unused names in the quarantine.

use std::path::{Path, PathBuf};

use crate::disk::{Access, Disk, StoredFile, failed};
use crate::error::Error;
use crate::journal::{Layout, free_name, rename, sync_dir, unfinished};

/// The size of the pieces in which files are copied.
const CHUNK: usize = 1 << 20;

/// Copies a file to the quarantine, and syncs the copy. The file itself is not touched.
pub(super) fn back_up(disk: &dyn Disk, layout: &Layout, path: &Path) -> Result<PathBuf, Error> {
    let backup = free_name(disk, layout, path)?;
    let temporary = unfinished(&backup);
    if disk.kind(&temporary).map_err(|error| failed("looking at", &temporary, error))?.is_some() {
        disk.remove(&temporary).map_err(|error| failed("removing", &temporary, error))?;
    }
    if let Err(error) = copy(disk, path, &temporary) {
        // should that fail too, the next open removes it
        let _ = disk.remove(&temporary);
        return Err(error);
    }
    rename(disk, &temporary, &backup)?;
    sync_dir(disk, &layout.quarantine())?;
    Ok(backup)
}

fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), Error> {
    let (from, to) = (StoredFile::open(disk, from, Access::Read)?, StoredFile::create(disk, to)?);
    let (mut chunk, mut offset) = (vec![0; CHUNK], 0);
    loop {
        let read = from.read_surely(&mut chunk, offset)?;
        to.write_all(&chunk[..read], offset)?;
        offset += read as u64;
        if read < CHUNK {
            return to.sync_all();
        }
    }
}
