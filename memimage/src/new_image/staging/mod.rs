//! The staging directory of a new image, which is synced and verified before it gets its final path. So a crash leaves either no
//! image or a complete image at the final path.
//!
//! - If nothing is at the final path, the image is staged beside it, and one rename moves the directory.
//! - If there is an empty directory, which may be a mount point or have a parent where nothing can be created, the image is staged
//!   inside of it, and its directories are renamed. The directory `journal`, without which there is no image, is the last one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod messages;

use crate::disk::{Disk, Entry, FileType, Lock, LockGuard, StoredFile, failed, rename, sync_dir};
use crate::error::{Error, ErrorDetail};
use crate::journal::{INSIDE_IMAGE, Layout, enclosing_image};
use crate::log;
use crate::planted::{Bug, planted};

const LOCK: &str = "LOCK";

/// An operation that creates an image in a staging directory.
#[derive(Debug)]
pub(crate) struct StagingTask {
    /// The name of the operation, for messages.
    pub(crate) name: &'static str,
    /// The end of the directory's name, after a dot and the name of the final path. Inside the final path, this is the whole name.
    pub(crate) ending: &'static str,
    /// The name of the marker file beside `LOCK`: the operation may clear a staging directory with this file. The operation
    /// creates the marker before the image's directories. It removes the marker only after it has removed these directories or
    /// moved the image to the final path. A crash may leave the marker in the finished image, where it is ignored.
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
    /// The directory with the lock and the marker: beside the final path, or the final path itself.
    home: Layout,
    /// The directory of the image: `home`, or a directory inside of it.
    layout: Layout,
    /// The image's lock, held until the image is at its final path, so that no process opens the image earlier.
    _lock: LockGuard,
    finished: bool,
}

/// Checks that a new image at `target` is outside of the image `source`.
pub(crate) fn refuse_inside(disk: &dyn Disk, target: &Path, source: &Path) -> Result<(), Error> {
    // the paths must be resolved, because a link or `..` may lead into the source
    match disk.is_within(target, source).map_err(|error| failed("inspecting", target, error))? {
        true => Err(taken(target, messages::INSIDE_SOURCE)),
        false => Ok(()),
    }
}

/// Checks that `task` can create an image at `target`: the path is not inside an image, and does not exist, or is a directory that
/// is empty or contains what an interrupted operation of this kind left.
pub(crate) fn vacant(disk: &dyn Disk, target: &Path, task: &StagingTask) -> Result<(), Error> {
    if enclosing_image(disk, target)?.is_some() {
        return Err(taken(target, INSIDE_IMAGE));
    }
    match kind(disk, target)? {
        None => Ok(()),
        Some(FileType::Dir) if task.is_unfinished(&list(disk, target)?) => Ok(()),
        Some(FileType::Dir) => Err(taken(target, messages::NOT_EMPTY)),
        Some(kind) => Err(taken(target, kind.as_str())),
    }
}

impl StagingDir {
    /// Creates the staging directory, or clears the files that an interrupted operation of the same kind left in it.
    pub(crate) fn take(disk: &Arc<dyn Disk>, target: &Path, task: &'static StagingTask) -> Result<StagingDir, Error> {
        vacant(&**disk, target, task)?;
        let Some(beside) = Layout::new(target).beside(task.ending) else {
            return Err(taken(target, messages::NO_NAME));
        };
        let is_inside = kind(&**disk, target)?.is_some();
        let (home, layout) = match is_inside {
            true => (Layout::new(target), Layout::new(&target.join(task.ending))),
            false => (Layout::new(&beside), Layout::new(&beside)),
        };
        let root = home.root();
        match kind(&**disk, root)? {
            None => create_dir(&**disk, root)?,
            Some(_) => task.may_clear(&**disk, root)?,
        }
        let lock = acquire_lock(&**disk, &home, target, task);
        // another operation may have created the image since the first check
        vacant(&**disk, target, task)?;
        let lock = lock?;
        task.may_clear(&**disk, root)?;
        let (disk, target) = (Arc::clone(disk), target.to_owned());
        let staging = StagingDir { disk, task, target, home, layout, _lock: lock, finished: false };
        staging.clear()?;
        staging.mark()?;
        if is_inside {
            create_dir(&*staging.disk, staging.layout.root())?;
        }
        Ok(staging)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    fn is_inside(&self) -> bool {
        self.home.root() != self.layout.root()
    }

    /// Moves the image to its final path. The image must already be synced.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let disk = &*self.disk;
        if self.is_inside() {
            self.move_up()?;
        } else {
            rename(disk, self.layout.root(), &self.target)?;
        }
        self.finished = true;
        let changed = if self.is_inside() { Some(self.target.clone()) } else { self.layout.parent() };
        if let Some(dir) = changed {
            sync_dir(disk, &dir)?;
        }
        if let Err(error) = self.remove_traces() {
            log::debug!(%error, "{}", messages::TRACES_LEFT);
        }
        Ok(())
    }

    /// Moves the files out of the staging directory inside the final path, the directory `journal` last.
    fn move_up(&self) -> Result<(), Error> {
        let (disk, is_of) = (&*self.disk, Layout::new(&self.target));
        for (from, to) in [(self.layout.snapshots(), is_of.snapshots()), (self.layout.quarantine(), is_of.quarantine())]
        {
            rename(disk, &from, &to)?;
        }
        if let Some(extra) = self.task.extra {
            rename(disk, &self.layout.root().join(extra), &self.target.join(extra))?;
        }
        if !planted(Bug::ImageNamedUnsynced) {
            sync_dir(disk, &self.target)?;
        }
        rename(disk, &self.layout.journal(), &is_of.journal())
    }

    /// Removes from the finished image what the operation needed before.
    fn remove_traces(&self) -> std::io::Result<()> {
        if self.is_inside() {
            self.disk.remove_dir(self.layout.root())?;
        }
        self.disk.remove(&self.target.join(self.task.marker))?;
        self.disk.sync_dir(&self.target)
    }

    fn mark(&self) -> Result<(), Error> {
        let path = self.home.root().join(self.task.marker);
        if kind(&*self.disk, &path)?.is_none() {
            let file = StoredFile::create(&*self.disk, &path)?;
            file.write_all(self.task.text.as_bytes(), 0)?;
            file.sync_all()?;
        }
        sync_dir(&*self.disk, self.home.root())
    }

    /// Removes everything except the lock file and the marker.
    fn clear(&self) -> Result<(), Error> {
        if self.is_inside() {
            let target = Layout::new(&self.target);
            self.clear_dirs(&[target.snapshots(), target.quarantine()])?;
            self.remove_extra(&target)?;
        }
        self.clear_dirs(&[self.layout.journal(), self.layout.snapshots(), self.layout.quarantine()])?;
        self.remove_extra(&self.layout)?;
        if self.is_inside() { self.clear_dirs(&[self.layout.root().to_owned()]) } else { Ok(()) }
    }

    /// Removes these directories with their files, if they exist.
    fn clear_dirs(&self, dirs: &[PathBuf]) -> Result<(), Error> {
        let disk = &*self.disk;
        for dir in dirs {
            if kind(disk, dir)?.is_none() {
                continue;
            }
            for entry in list(disk, dir)? {
                let path = dir.join(entry.name);
                disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
            }
            disk.remove_dir(dir).map_err(|error| failed("removing", dir, error))?;
        }
        Ok(())
    }

    fn remove_extra(&self, layout: &Layout) -> Result<(), Error> {
        self.task.extra.map_or(Ok(()), |extra| self.remove_if_exists(&layout.root().join(extra)))
    }

    fn remove_if_exists(&self, path: &Path) -> Result<(), Error> {
        match kind(&*self.disk, path)? {
            Some(_) => self.disk.remove(path).map_err(|error| failed("removing", path, error)),
            None => Ok(()),
        }
    }

    /// Removes the staging directory, or empties the directory at the final path. The marker is removed only after the removal of
    /// the image is synced.
    fn remove(&self) -> Result<(), Error> {
        let (disk, home) = (&*self.disk, self.home.root());
        if self.is_inside() && kind(disk, &Layout::new(&self.target).journal())?.is_some() {
            // the last rename took effect although it failed, so the image is complete
            return Ok(());
        }
        self.clear()?;
        sync_dir(disk, home)?;
        for name in [self.task.marker, LOCK] {
            self.remove_if_exists(&home.join(name))?;
        }
        match self.is_inside() {
            true => sync_dir(disk, home),
            false => disk.remove_dir(home).map_err(|error| failed("removing", home, error)),
        }
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
        match kind(disk, root)? {
            Some(FileType::Dir) => {}
            found => return Err(taken(root, found.map_or(messages::NOTHING, FileType::as_str))),
        }
        let entries = list(disk, root)?;
        let is_own = |name: &std::ffi::OsStr| name == "journal" && self.is_marked(&entries);
        let others: Vec<Entry> = entries.iter().filter(|entry| !is_own(&entry.name)).cloned().collect();
        match self.is_unfinished(&others) {
            true => Ok(()),
            false => Err(taken(root, messages::FOREIGN_FILES)),
        }
    }

    fn is_marked(&self, entries: &[Entry]) -> bool {
        entries.iter().any(|entry| entry.name == self.marker)
    }

    /// Whether these are the entries of an empty directory, or of one in which an operation of this kind was interrupted before
    /// there was an image.
    fn is_unfinished(&self, entries: &[Entry]) -> bool {
        let is_marked = self.is_marked(entries);
        let parts = [self.ending, "snapshot", "quarantine"].into_iter().chain(self.extra);
        let known = |name: &std::ffi::OsStr| {
            [LOCK, self.marker].iter().any(|own| name == *own) || is_marked && parts.clone().any(|own| name == own)
        };
        entries.iter().all(|entry| known(&entry.name))
    }
}

fn kind(disk: &dyn Disk, path: &Path) -> Result<Option<FileType>, Error> {
    disk.kind(path).map_err(|error| failed("inspecting", path, error))
}

/// Creates a directory, unless another operation to the same path has just created it.
fn create_dir(disk: &dyn Disk, dir: &Path) -> Result<(), Error> {
    match disk.create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created.map_err(|error| failed("creating", dir, error)),
    }
}

/// Acquires the lock of a staging directory, which a running operation of the same kind holds.
fn acquire_lock(disk: &dyn Disk, home: &Layout, target: &Path, task: &StagingTask) -> Result<LockGuard, Error> {
    let path = home.lock();
    match disk.lock(&path).map_err(|error| failed("locking", &path, error))? {
        Lock::Held(lock) => Ok(lock),
        Lock::Busy { owner } => {
            Err(Error::new(ErrorDetail::Staged { task: task.name, path: target.to_owned(), owner }))
        }
    }
}

fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<Entry>, Error> {
    disk.list(dir).map_err(|error| failed("listing", dir, error))
}

/// The error: no image can be created at the path.
fn taken(path: &Path, found: &'static str) -> Error {
    Error::new(ErrorDetail::Taken { path: path.to_owned(), found })
}
