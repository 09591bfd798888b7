//! The staging directory of a new image, beside its final path. Once the image is synced, one rename moves the directory to the
//! final path. So a crash leaves either no image or a complete image at the final path.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod messages;

use crate::disk::{Disk, FileType, Lock, LockGuard, StoredFile, failed, rename, sync_dir};
use crate::error::{Error, ErrorDetail};
use crate::journal::{INSIDE_IMAGE, Layout, enclosing_image};
use crate::log;

const LOCK: &str = "LOCK";

/// An operation that creates an image in a staging directory.
#[derive(Debug)]
pub(crate) struct StagingTask {
    /// The name of the operation, for messages.
    pub(crate) name: &'static str,
    /// The end of the directory's name, after a dot and the name of the final path.
    pub(crate) ending: &'static str,
    /// The name of the marker file: the operation may clear a staging directory that contains this file. The operation creates
    /// the marker before the image's directories. It removes the marker only after it has removed these directories or moved
    /// the image to the final path. A crash may leave the marker in the finished image, where it is ignored.
    pub(crate) marker: &'static str,
    /// The text in the marker, for people.
    pub(crate) text: &'static str,
    /// Another file that the operation creates in the image's directory.
    pub(crate) extra: Option<&'static str>,
}

/// The directory in which an operation creates a new image. Dropping this value removes the directory, unless the image is
/// [finished](StagingDir::finish).
pub(crate) struct StagingDir {
    disk: Arc<dyn Disk>,
    task: &'static StagingTask,
    target: PathBuf,
    layout: Layout,
    /// The image's lock, held until the image is at its final path, so that no process opens the image earlier.
    _lock: LockGuard,
    finished: bool,
}

/// Checks that an image can be created at `target`: the path does not exist or is an empty directory, and is not inside an image.
pub(crate) fn vacant(disk: &dyn Disk, target: &Path) -> Result<(), Error> {
    if enclosing_image(disk, target)?.is_some() {
        return Err(Error::new(ErrorDetail::Taken { path: target.to_owned(), found: INSIDE_IMAGE }));
    }
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
    /// Creates the staging directory, or clears the files that an interrupted operation of the same kind left in it.
    pub(crate) fn take(disk: &Arc<dyn Disk>, target: &Path, task: &'static StagingTask) -> Result<StagingDir, Error> {
        vacant(&**disk, target)?;
        let Some(beside) = Layout::new(target).beside(task.ending) else {
            return Err(Error::new(ErrorDetail::Taken { path: target.to_owned(), found: messages::NO_NAME }));
        };
        let layout = Layout::new(&beside);
        let root = layout.root();
        match disk.kind(root).map_err(|error| failed("inspecting", root, error))? {
            None => match disk.create_dir(root) {
                // another operation to the same path has just begun
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => created.map_err(|error| failed("creating", root, error))?,
            },
            Some(_) => task.may_clear(&**disk, root)?,
        }
        let path = layout.lock();
        let lock = match disk.lock(&path).map_err(|error| failed("locking", &path, error))? {
            Lock::Held(lock) => lock,
            Lock::Busy { owner } => {
                let path = target.to_owned();
                return Err(Error::new(ErrorDetail::Staged { task: task.name, path, owner }));
            }
        };
        task.may_clear(&**disk, root)?;
        let (disk, target) = (Arc::clone(disk), target.to_owned());
        let staging = StagingDir { disk, task, target, layout, _lock: lock, finished: false };
        staging.clear()?;
        staging.mark()?;
        Ok(staging)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Moves the image to its final path. The image must already be synced.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let disk = &*self.disk;
        rename(disk, self.layout.root(), &self.target)?;
        self.finished = true;
        if let Some(parent) = self.layout.parent() {
            sync_dir(disk, &parent)?;
        }
        let marker = self.target.join(self.task.marker);
        if let Err(error) = disk.remove(&marker).and_then(|()| disk.sync_dir(&self.target)) {
            log::debug!(%error, "{}", messages::MARKER_LEFT);
        }
        Ok(())
    }

    fn mark(&self) -> Result<(), Error> {
        let path = self.layout.root().join(self.task.marker);
        if self.disk.kind(&path).map_err(|error| failed("inspecting", &path, error))?.is_none() {
            let file = StoredFile::create(&*self.disk, &path)?;
            file.write_all(self.task.text.as_bytes(), 0)?;
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
        match self.task.extra {
            Some(extra) => self.remove_if_exists(&self.layout.root().join(extra)),
            None => Ok(()),
        }
    }

    fn remove_if_exists(&self, path: &Path) -> Result<(), Error> {
        match self.disk.kind(path).map_err(|error| failed("inspecting", path, error))? {
            Some(_) => self.disk.remove(path).map_err(|error| failed("removing", path, error)),
            None => Ok(()),
        }
    }

    /// Removes the staging directory. The marker is removed only after the removal of the image is synced.
    fn remove(&self) -> Result<(), Error> {
        let (disk, root) = (&*self.disk, self.layout.root());
        self.clear()?;
        sync_dir(disk, root)?;
        for name in [self.task.marker, LOCK] {
            self.remove_if_exists(&root.join(name))?;
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

impl StagingTask {
    /// Checks that a directory contains only files that this operation creates.
    fn may_clear(&self, disk: &dyn Disk, root: &Path) -> Result<(), Error> {
        let taken = |found| Err(Error::new(ErrorDetail::Taken { path: root.to_owned(), found }));
        match disk.kind(root).map_err(|error| failed("inspecting", root, error))? {
            Some(FileType::Dir) => {}
            found => return taken(found.map_or(messages::NOTHING, FileType::as_str)),
        }
        let entries = disk.list(root).map_err(|error| failed("listing", root, error))?;
        let is = |name: &str| entries.iter().any(|entry| entry.name == name);
        let known = |name: &std::ffi::OsStr| {
            [LOCK, self.marker].iter().any(|own| name == *own)
                || is(self.marker)
                    && ["journal", "snapshot", "quarantine"].into_iter().chain(self.extra).any(|own| name == own)
        };
        match entries.iter().all(|entry| known(&entry.name)) {
            true => Ok(()),
            false => taken(messages::FOREIGN_FILES),
        }
    }
}
