//! A disk that shows some files with another content than they have, or hides them. It writes nothing: so the effect of a change can be
//! tried.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Access, Disk, DiskFile, Entry, FileType, Lock};

/// The content of a file: these bytes, and zeros up to the length.
#[derive(Clone, Debug)]
pub(crate) struct ShownFile {
    pub(crate) bytes: Arc<Vec<u8>>,
    pub(crate) len: u64,
}

/// A disk that shows the files of another disk, some of them with another content, and others not at all. All changes fail.
#[derive(Debug)]
pub(crate) struct OverlayDisk {
    inner: Arc<dyn Disk>,
    files: BTreeMap<PathBuf, ShownFile>,
    hidden: BTreeSet<PathBuf>,
}

impl OverlayDisk {
    pub(crate) fn new(inner: Arc<dyn Disk>, files: BTreeMap<PathBuf, ShownFile>) -> OverlayDisk {
        OverlayDisk { inner, files, hidden: BTreeSet::new() }
    }

    /// A disk without the files at these paths.
    #[cfg(feature = "admin")]
    pub(crate) fn without(inner: Arc<dyn Disk>, hidden: BTreeSet<PathBuf>) -> OverlayDisk {
        OverlayDisk { inner, files: BTreeMap::new(), hidden }
    }
}

fn read_only<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a trial writes nothing"))
}

impl Disk for OverlayDisk {
    fn create_new(&self, _: &Path) -> io::Result<Box<dyn DiskFile>> {
        read_only()
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        match (access, self.files.get(path)) {
            (Access::Read, Some(file)) => Ok(Box::new(file.clone())),
            (Access::Read, None) if self.hidden.contains(path) => Err(io::ErrorKind::NotFound.into()),
            (Access::Read, None) => self.inner.open(path, access),
            (Access::ReadWrite, _) => read_only(),
        }
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        read_only()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries: BTreeMap<_, _> =
            self.inner.list(dir)?.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        for (path, file) in self.files.iter().filter(|(path, _)| path.parent() == Some(dir)) {
            let name = path.file_name().unwrap_or_default().to_owned();
            entries.insert(name.clone(), Entry { name, kind: FileType::File, len: file.len });
        }
        entries.retain(|name, _| !self.hidden.contains(&dir.join(name)));
        Ok(entries.into_values().collect())
    }

    fn kind(&self, path: &Path) -> io::Result<Option<FileType>> {
        match self.hidden.contains(path) {
            true => Ok(None),
            false if self.files.contains_key(path) => Ok(Some(FileType::File)),
            false => self.inner.kind(path),
        }
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        read_only()
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        read_only()
    }

    fn remove_dir(&self, _: &Path) -> io::Result<()> {
        read_only()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        self.inner.lock(path)
    }

    fn is_within(&self, path: &Path, dir: &Path) -> io::Result<bool> {
        self.inner.is_within(path, dir)
    }

    fn exposed(&self, path: &Path) -> io::Result<Option<String>> {
        self.inner.exposed(path)
    }

    fn owner(&self, path: &Path) -> io::Result<Option<String>> {
        self.inner.owner(path)
    }

    fn network_filesystem(&self, path: &Path) -> io::Result<Option<String>> {
        self.inner.network_filesystem(path)
    }
}

impl DiskFile for ShownFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = (self.len.saturating_sub(offset)).min(buf.len() as u64) as usize;
        let stored = self.bytes.get(offset as usize..).unwrap_or_default();
        let stored = &stored[..stored.len().min(len)];
        buf[..stored.len()].copy_from_slice(stored);
        buf[stored.len()..len].fill(0);
        Ok(len)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        read_only()
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn a_shown_file_takes_the_place_of_the_file_and_nothing_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let (replaced, new) = (directory.path().join("a"), directory.path().join("c"));
        for name in ["a", "b"] {
            let file = RealDisk.create_new(&directory.path().join(name)).unwrap();
            file.write_at(b"old", 0).unwrap();
        }
        let shown = ShownFile { bytes: Arc::new(b"new".to_vec()), len: 5 };
        let files = [replaced.clone(), new.clone()].map(|path| (path, shown.clone()));
        let disk = OverlayDisk::new(Arc::new(RealDisk), files.into());
        let read = |path: &Path| {
            let mut bytes = [9; 8];
            let read = disk.open(path, Access::Read).unwrap().read_at(&mut bytes, 1).unwrap();
            bytes[..read].to_vec()
        };
        assert_eq!((read(&replaced), read(&new)), (b"ew\0\0".to_vec(), b"ew\0\0".to_vec()));
        assert_eq!(read(&directory.path().join("b")), b"ld");
        let entries = disk.list(directory.path()).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.len).collect::<Vec<_>>(), [5, 3, 5]);
        assert_eq!(disk.kind(&new).unwrap(), Some(FileType::File));
        assert!(disk.open(&replaced, Access::ReadWrite).is_err() && disk.remove(&replaced).is_err());
        assert!(disk.create_new(&directory.path().join("d")).is_err() && disk.rename(&replaced, &new).is_err());
    }

    #[cfg(feature = "admin")]
    #[test]
    fn a_hidden_file_is_missing() {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| directory.path().join(name));
        paths.iter().for_each(|path| drop(RealDisk.create_new(path).unwrap()));
        let disk = OverlayDisk::without(Arc::new(RealDisk), BTreeSet::from([paths[0].clone()]));
        assert_eq!(disk.kind(&paths[0]).unwrap(), None);
        assert_eq!(disk.open(&paths[0], Access::Read).err().map(|error| error.kind()), Some(io::ErrorKind::NotFound));
        assert_eq!(disk.list(directory.path()).unwrap().len(), 1);
        assert_eq!(disk.kind(&paths[1]).unwrap(), Some(FileType::File));
    }
}
