//! The operating system's file system.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::mount::here_if_empty;
use super::plain::{DIR_MODE, FILE_MODE, Links, file_type_of};
use super::{Access, Disk, DiskFile, Entry, FileType, Lock, exposed, mount, owner_lock, plain};

/// The operating system's file system, through [`std::fs`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RealDisk;

/// The absolute form of a path, so that an image keeps its path when the program changes its working directory. Links are not
/// resolved. If the working directory no longer exists, the path is returned unchanged.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(here_if_empty(path)).unwrap_or_else(|_| path.to_owned())
}

/// The time at which the content, the name or the mode of a file last changed, in microseconds since 1970.
#[cfg(feature = "admin")]
pub(crate) fn changed_at(path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::symlink_metadata(path)?;
    let micros = metadata.ctime().saturating_mul(1_000_000).saturating_add(metadata.ctime_nsec() / 1_000);
    Ok(u64::try_from(micros).unwrap_or(0))
}

impl Disk for RealDisk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path)?;
        plain::set_file_mode(&file)?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let (write, links) = match access {
            Access::Read => (false, Links::Any),
            Access::ReadWrite => (true, Links::One),
        };
        Ok(Box::new(plain::open(path, OpenOptions::new().read(true).write(write), links)?))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn clone_file(&self, from: &Path, to: &Path) -> io::Result<bool> {
        let from = plain::open(from, OpenOptions::new().read(true), Links::Any)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(to)?;
        plain::set_file_mode(&file)?;
        if rustix::fs::ioctl_ficlone(&file, &from).is_ok() {
            return Ok(true);
        }
        // after any failure the caller copies the bytes, and finds out whether these files can be read and written at all
        fs::remove_file(to)?;
        Ok(false)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(DIR_MODE).create(path)?;
        plain::set_dir_mode(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for found in fs::read_dir(here_if_empty(dir))? {
            let found = found?;
            // `DirEntry::metadata` does not follow links. An entry that was removed after the directory was read is skipped.
            let metadata = match found.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let kind = file_type_of(metadata.file_type());
            let len = if kind == FileType::File { metadata.len() } else { 0 };
            entries.push(Entry { name: found.file_name(), kind, len });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<FileType>> {
        match fs::symlink_metadata(here_if_empty(path)) {
            Ok(metadata) => Ok(Some(file_type_of(metadata.file_type()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // without this flag, the open call would block on a pipe instead of refusing the pipe
        OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::DIRECTORY.bits().cast_signed())
            .open(here_if_empty(path))?
            .sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        owner_lock::acquire(path)
    }

    fn is_within(&self, path: &Path, dir: &Path) -> io::Result<bool> {
        mount::is_within(path, dir)
    }

    fn owner(&self, path: &Path) -> io::Result<Option<String>> {
        owner_lock::owner(path)
    }

    fn exposed(&self, path: &Path) -> io::Result<Option<String>> {
        exposed::exposed(path)
    }

    fn network_filesystem(&self, path: &Path) -> io::Result<Option<String>> {
        mount::network_filesystem(path)
    }
}

impl DiskFile for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        File::sync_all(self)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn only_the_owner_can_access_new_files_and_directories() {
        let dir = tempfile::tempdir().unwrap();
        let [file, lock, below] = ["file", "LOCK", "below"].map(|name| dir.path().join(name));
        RealDisk.create_new(&file).unwrap();
        RealDisk.create_dir(&below).unwrap();
        assert!(matches!(RealDisk.lock(&lock).unwrap(), Lock::Held(_)));
        let modes = [file, lock, below].map(|path| path.metadata().unwrap().permissions().mode() & 0o7777);
        assert_eq!(modes, [0o600, 0o600, 0o700]);
    }

    #[test]
    fn a_clone_has_the_same_bytes_or_is_not_created() {
        let dir = tempfile::tempdir().unwrap();
        let [from, to, missing] = ["from", "to", "missing"].map(|name| dir.path().join(name));
        RealDisk.create_new(&from).unwrap().write_at(b"bytes", 0).unwrap();
        let is_cloned = RealDisk.clone_file(&from, &to).unwrap();
        assert_eq!(RealDisk.kind(&to).unwrap().is_some(), is_cloned);
        if is_cloned {
            assert_eq!(fs::read(&to).unwrap(), b"bytes");
            RealDisk.open(&to, Access::ReadWrite).unwrap().write_at(b"other", 0).unwrap();
        }
        assert_eq!(fs::read(&from).unwrap(), b"bytes");
        assert_eq!(RealDisk.clone_file(&missing, &to).unwrap_err().kind(), io::ErrorKind::NotFound);
        RealDisk.create_new(&missing).unwrap();
        assert_eq!(RealDisk.clone_file(&from, &missing).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_link_is_reported_as_a_link_for_every_target() {
        let dir = tempfile::tempdir().unwrap();
        let [target, link, dangling] = ["target", "link", "dangling"].map(|name| dir.path().join(name));
        RealDisk.create_dir(&target).unwrap();
        symlink(&target, &link).unwrap();
        symlink("nowhere", &dangling).unwrap();
        assert_eq!(RealDisk.kind(&link).unwrap(), Some(FileType::Link));
        assert_eq!(RealDisk.kind(&dangling).unwrap(), Some(FileType::Link));
        assert_eq!(RealDisk.kind(&link.join("..")).unwrap(), Some(FileType::Dir), "a link in a parent is followed");
        let kinds: Vec<_> = RealDisk.list(dir.path()).unwrap().into_iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [FileType::Link, FileType::Link, FileType::Dir]);
    }

    #[test]
    fn a_temporary_directory_is_on_a_local_file_system() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(RealDisk.network_filesystem(&dir.path().join("not/yet/there")).unwrap(), None);
    }
}
