//! A disk as the owner of an image uses it: only while the lock that it holds is the one in the image's directory.
//!
//! A directory can be moved or removed while its image runs, and another image be begun in its place. The open files go with
//! the old directory, but paths lead into the new one: without this, the old owner would rename its segments over those of
//! the new image, prune the new one's journal, and rebuild its model from the new one's files.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::lock::Watch;
use super::{Access, Disk, DiskFile, Entry, FileType, Lock, LockGuard};

pub(crate) struct OwnedDisk {
    inner: Arc<dyn Disk>,
    watch: Watch,
}

impl OwnedDisk {
    /// The disk itself, if the lock cannot be watched.
    pub(crate) fn over(inner: Arc<dyn Disk>, lock: &LockGuard) -> Arc<dyn Disk> {
        match lock.watch() {
            Some(watch) => Arc::new(OwnedDisk { inner, watch }),
            None => inner,
        }
    }

    fn inner(&self) -> io::Result<&dyn Disk> {
        match (self.watch)()? {
            true => Ok(&*self.inner),
            false => Err(io::Error::other(
                "the lock that this process holds is not in the image's directory any more: it was moved or removed, and \
                 perhaps another put in its place",
            )),
        }
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
