//! Backups of the files that a repair changes, under unused names in the quarantine.

use std::path::{Path, PathBuf};

use crate::disk::{Access, Disk, StagedFile, StoredFile};
use crate::error::Error;
use crate::journal::{Layout, free_name};

/// The size of the pieces in which a backup copies a file.
const CHUNK: usize = 1 << 20;

/// Copies a file to the quarantine, and syncs the copy. The file itself is not touched.
pub(super) fn back_up(disk: &dyn Disk, layout: &Layout, path: &Path) -> Result<PathBuf, Error> {
    let backup = free_name(disk, layout, path)?;
    let from = StoredFile::open(disk, path, Access::Read)?;
    StagedFile::write(disk, &backup, true, |to| copy(&from, to))?.install(disk)?;
    Ok(backup)
}

fn copy(from: &StoredFile, to: &StoredFile) -> Result<(), Error> {
    let (mut chunk, mut offset) = (vec![0; CHUNK], 0);
    loop {
        let read = from.read_twice(&mut chunk, offset)?;
        to.write_all(&chunk[..read], offset)?;
        offset += read as u64;
        if read < CHUNK {
            return Ok(());
        }
    }
}
