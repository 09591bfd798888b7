//! A disk that refuses file operations once the image's locked directory is no longer at its path. If the file system can lock
//! only files, the disk checks the lock file instead of the directory.
//!
//! A directory can be moved or removed while its image runs, and another image can be created in its place. Files that are
//! already open then belong to the old directory, but paths refer to the new directory. Without this check, the owner of the
//! old directory would rename its segments over the segments of the new image, prune the new image's journal, and rebuild its
//! model from the new image's files.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::owner_lock::Watch;
use super::{Access, Disk, DiskFile, Entry, FileType, Lock, LockGuard};

pub(crate) struct OwnedDisk {
    inner: Arc<dyn Disk>,
    watch: Watch,
}

impl OwnedDisk {
    /// Wraps `inner`. Returns `inner` itself if the lock has no `Watch`.
    pub(crate) fn over(inner: Arc<dyn Disk>, lock: &LockGuard) -> Arc<dyn Disk> {
        match lock.watch() {
            Some(watch) => Arc::new(OwnedDisk { inner, watch }),
            None => inner,
        }
    }

    fn inner(&self) -> io::Result<&dyn Disk> {
        if !(self.watch)()? {
            return Err(io::Error::other("the directory of the image was moved, removed or replaced"));
        }
        Ok(&*self.inner)
    }
}

impl fmt::Debug for OwnedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Disk for OwnedDisk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.inner()?.create_new(path)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        self.inner()?.open(path, access)
    }

    fn clone_file(&self, from: &Path, to: &Path) -> io::Result<bool> {
        self.inner()?.clone_file(from, to)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.inner()?.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.inner()?.list(dir)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<FileType>> {
        self.inner()?.kind(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner()?.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner()?.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.inner()?.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.inner()?.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        self.inner.lock(path)
    }

    fn is_within(&self, path: &Path, dir: &Path) -> io::Result<bool> {
        self.inner.is_within(path, dir)
    }

    fn owner(&self, path: &Path) -> io::Result<Option<String>> {
        self.inner.owner(path)
    }

    fn exposed(&self, path: &Path) -> io::Result<Option<String>> {
        self.inner.exposed(path)
    }

    fn network_filesystem(&self, path: &Path) -> io::Result<Option<String>> {
        self.inner.network_filesystem(path)
    }
}
