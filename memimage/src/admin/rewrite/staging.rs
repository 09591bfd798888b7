//! The staging directory of a new image, beside its final path. Once the image is synced, one rename moves the directory to the
//! final path. So a crash leaves either no image or a complete image at the final path.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::messages;
use crate::disk::{Disk, FileType, LockGuard, StoredFile, failed, rename, sync_dir};
use crate::error::{Error, ErrorDetail};
use crate::journal::Layout;
use crate::log;

/// The name of the marker file: a rewrite may clear a staging directory that contains this file. A rewrite creates the marker
/// before the image's directories. It removes the marker only after it has removed these directories or moved the image to the
/// final path. A crash may leave the marker in the finished image, where it is ignored.
const MARKER: &str = "REWRITING";
/// The text in the marker, for people.
const TEXT: &[u8] =
    b"A rewrite is creating an image in this directory. If no such process is running, the rewrite was interrupted: \
run it again, or remove the directory.\n";
const LOCK: &str = "LOCK";

/// The directory in which a rewrite creates a new image. Dropping this value removes the directory, unless the image is
/// [finished](StagingDir::finish).
pub(super) struct StagingDir {
    disk: Arc<dyn Disk>,
    target: PathBuf,
    layout: Layout,
    /// The image's lock, held until the image is at its final path, so that no process opens the image earlier.
    _lock: LockGuard,
    finished: bool,
}

/// Checks that an image can be created at `target`: the path does not exist or is an empty directory.
pub(super) fn vacant(disk: &dyn Disk, target: &Path) -> Result<(), Error> {
    let found = match disk.kind(target).map_err(|error| failed("inspecting", target, error))? {
        None => return Ok(()),
        Some(FileType::Dir) => match disk.list(target).map_err(|error| failed("listing", target, error))?.is_empty() {
            true => return Ok(()),
            false => messages::NOT_EMPTY,
        },
        Some(kind) => kind.as_str(),
    };
    Err(Error::new(ErrorDetail::Taken { path: target.to_owned(), found }))
}

impl StagingDir {
    /// Creates the staging directory, or clears the files that an interrupted rewrite left in it.
    pub(super) fn take(disk: &Arc<dyn Disk>, target: &Path) -> Result<StagingDir, Error> {
        vacant(&**disk, target)?;
        let Some(beside) = Layout::new(target).beside(".rewriting") else {
            return Err(Error::new(ErrorDetail::Taken { path: target.to_owned(), found: messages::NO_NAME }));
        };
        let layout = Layout::new(&beside);
        let root = layout.root();
        match disk.kind(root).map_err(|error| failed("inspecting", root, error))? {
            None => disk.create_dir(root).map_err(|error| failed("creating", root, error))?,
            Some(_) => ours(&**disk, root)?,
        }
        let lock = layout.acquire_lock(&**disk)?;
        ours(&**disk, root)?;
        let staging =
            StagingDir { disk: Arc::clone(disk), target: target.to_owned(), layout, _lock: lock, finished: false };
        staging.clear()?;
        staging.mark()?;
        Ok(staging)
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Moves the image to its final path. The image must already be synced.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        let disk = &*self.disk;
        rename(disk, self.layout.root(), &self.target)?;
        self.finished = true;
        if let Some(parent) = self.layout.parent() {
            sync_dir(disk, &parent)?;
        }
        let marker = self.target.join(MARKER);
        if let Err(error) = disk.remove(&marker).and_then(|()| disk.sync_dir(&self.target)) {
            log::debug!(%error, "{}", messages::MARKER_LEFT);
        }
        Ok(())
    }

    fn mark(&self) -> Result<(), Error> {
        let path = self.layout.root().join(MARKER);
        if self.disk.kind(&path).map_err(|error| failed("inspecting", &path, error))?.is_none() {
            let file = StoredFile::create(&*self.disk, &path)?;
            file.write_all(TEXT, 0)?;
            file.sync_all()?;
        }
        sync_dir(&*self.disk, self.layout.root())
    }

    /// Removes everything except the lock file and the marker.
    fn clear(&self) -> Result<(), Error> {
        let disk = &*self.disk;
        for dir in [self.layout.journal(), self.layout.snapshots(), self.layout.quarantine()] {
            if disk.kind(&dir).map_err(|error| failed("inspecting", &dir, error))?.is_none() {
                continue;
            }
            for entry in disk.list(&dir).map_err(|error| failed("listing", &dir, error))? {
                let path = dir.join(entry.name);
                disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
            }
            disk.remove_dir(&dir).map_err(|error| failed("removing", &dir, error))?;
        }
        Ok(())
    }

    /// Removes the staging directory. The marker is removed only after the removal of the image is synced.
    fn remove(&self) -> Result<(), Error> {
        let (disk, root) = (&*self.disk, self.layout.root());
        self.clear()?;
        sync_dir(disk, root)?;
        for name in [MARKER, LOCK] {
            let path = root.join(name);
            if disk.kind(&path).map_err(|error| failed("inspecting", &path, error))?.is_some() {
                disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
            }
        }
        disk.remove_dir(root).map_err(|error| failed("removing", root, error))
    }
}

impl Drop for StagingDir {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = self.remove()
        {
            log::warning!(%error, "{}", messages::STAGING_LEFT);
        }
    }
}

/// Checks that a directory contains only files that a rewrite creates.
fn ours(disk: &dyn Disk, root: &Path) -> Result<(), Error> {
    let taken = |found| Err(Error::new(ErrorDetail::Taken { path: root.to_owned(), found }));
    match disk.kind(root).map_err(|error| failed("inspecting", root, error))? {
        Some(FileType::Dir) => {}
        found => return taken(found.map_or(messages::NOTHING, FileType::as_str)),
    }
    let entries = disk.list(root).map_err(|error| failed("listing", root, error))?;
    let is = |name: &str| entries.iter().any(|entry| entry.name == name);
    let known = |name: &std::ffi::OsStr| {
        [LOCK, MARKER].iter().any(|own| name == *own)
            || is(MARKER) && ["journal", "snapshot", "quarantine"].iter().any(|own| name == *own)
    };
    match entries.iter().all(|entry| known(&entry.name)) {
        true => Ok(()),
        false => taken(messages::FOREIGN_FILES),
    }
}
