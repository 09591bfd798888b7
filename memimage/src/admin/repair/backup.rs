//! Keeping what a repair changes: in the quarantine, under a name that nothing had.

use std::path::{Path, PathBuf};

use crate::disk::{Access, Disk, StagedFile, StoredFile};
use crate::error::Error;
use crate::journal::{Layout, free_name};

/// Files are copied in pieces of this size.
const CHUNK: usize = 1 << 20;

/// Keeps files of one image.
#[derive(Clone, Copy)]
pub(super) struct BackupKeeper<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) layout: &'a Layout,
}

impl BackupKeeper<'_> {
    /// Copies a file and syncs the copy. The file stays as it is.
    pub(super) fn copy(&self, path: &Path) -> Result<PathBuf, Error> {
        let kept = free_name(self.disk, self.layout, path)?;
        let from = StoredFile::open(self.disk, path, Access::Read)?;
        StagedFile::write(self.disk, &kept, true, |to| copy(&from, to))?.install(self.disk)?;
        Ok(kept)
    }
}

fn copy(from: &StoredFile, to: &StoredFile) -> Result<(), Error> {
    let (mut chunk, mut offset) = (vec![0; CHUNK], 0);
    loop {
        let read = from.read_surely(&mut chunk, offset)?;
        to.write_all(&chunk[..read], offset)?;
        offset += read as u64;
        if read < CHUNK {
            return Ok(());
        }
    }
}
