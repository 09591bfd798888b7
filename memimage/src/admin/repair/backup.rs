//! Keeping what a repair changes: in the quarantine, under a name that nothing had.

use std::path::{Path, PathBuf};

use crate::disk::{Access, Disk, StoredFile, failed};
use crate::error::Error;
use crate::journal::{Layout, free_name, rename, sync_dir, unfinished};

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
        let temporary = unfinished(&kept);
        if self.there(&temporary)? {
            self.disk.remove(&temporary).map_err(|error| failed("removing", &temporary, error))?;
        }
        if let Err(error) = self.copy_to(path, &temporary) {
            // in the way of nobody: it is removed when the image is next opened
            let _ = self.disk.remove(&temporary);
            return Err(error);
        }
        rename(self.disk, &temporary, &kept)?;
        sync_dir(self.disk, &self.layout.quarantine())?;
        Ok(kept)
    }

    fn copy_to(&self, from: &Path, to: &Path) -> Result<(), Error> {
        let (from, to) = (StoredFile::open(self.disk, from, Access::Read)?, StoredFile::create(self.disk, to)?);
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

    fn there(&self, path: &Path) -> Result<bool, Error> {
        Ok(self.disk.kind(path).map_err(|error| failed("looking at", path, error))?.is_some())
    }
}
