//! Complete reads and writes, atomic creation of files, and errors that contain the path of the file.

use std::io;
use std::path::{Path, PathBuf};

use super::{Access, Disk, DiskFile, NotPlain};
use crate::error::{Error, ErrorDetail, is_full};
use crate::log;
use crate::planted::{Bug, planted};

/// An open file with complete reads and writes. Every error contains the path of the file.
///
/// A read or write continues after `EINTR` and after a short transfer. Any failure except `EINTR` ends the read or write.
#[derive(Debug)]
pub(crate) struct StoredFile {
    path: PathBuf,
    file: Box<dyn DiskFile>,
}

impl StoredFile {
    pub(crate) fn create(disk: &dyn Disk, path: &Path) -> Result<StoredFile, Error> {
        let file = disk.create_new(path).map_err(|error| failed("creating", path, error))?;
        Ok(StoredFile { path: path.to_owned(), file })
    }

    pub(crate) fn open(disk: &dyn Disk, path: &Path, access: Access) -> Result<StoredFile, Error> {
        let file = disk.open(path, access).map_err(|error| failed("opening", path, error))?;
        Ok(StoredFile { path: path.to_owned(), file })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> Result<u64, Error> {
        self.file.len().map_err(|error| failed("inspecting", &self.path, error))
    }

    /// Reads from `offset` until the buffer is full or the file ends. Returns the number of bytes read.
    pub(crate) fn read_up_to(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        let mut done = 0;
        while done < buffer.len() {
            match self.file.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("reading", &self.path, error)),
            }
        }
        Ok(done)
    }

    /// Like [`read_up_to`](StoredFile::read_up_to), but reads twice and fails if the two results differ. Callers use this
    /// method to copy bytes before they change or replace the original.
    pub(crate) fn read_twice(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        let read = self.read_up_to(buffer, offset)?;
        let mut again = vec![0; read];
        if self.read_up_to(&mut again, offset)? != read || again != buffer[..read] {
            let error =
                io::Error::new(io::ErrorKind::InvalidData, "two reads of the same bytes returned different bytes");
            return Err(failed("reading", &self.path, error));
        }
        Ok(read)
    }

    pub(crate) fn write_all(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        let mut done = 0;
        while done < bytes.len() {
            match self.file.write_at(&bytes[done..], offset + done as u64) {
                Ok(0) => return Err(failed("writing", &self.path, io::ErrorKind::WriteZero.into())),
                Ok(_) if planted(Bug::ShortWriteIgnored) => return Ok(()),
                Ok(written) => done += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("writing", &self.path, error)),
            }
        }
        Ok(())
    }

    /// Writes `len` zero bytes at `offset`, in pieces of bounded size.
    pub(crate) fn write_zeros(&self, len: u64, offset: u64) -> Result<(), Error> {
        const PIECE: u64 = 1 << 20;
        let zeros = vec![0; len.min(PIECE) as usize];
        for start in (0..len).step_by(PIECE as usize) {
            self.write_all(&zeros[..(len - start).min(PIECE) as usize], offset + start)?;
        }
        Ok(())
    }

    pub(crate) fn sync_data(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(|error| failed("syncing", &self.path, error))
    }

    pub(crate) fn sync_all(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(|error| failed("syncing", &self.path, error))
    }
}

/// The suffix of the name of an incomplete file.
pub(crate) const UNFINISHED: &str = ".tmp";

/// A complete, synced file under a temporary name, ready to be renamed.
///
/// The file is written and synced under the temporary name, then renamed, and then its directory is synced. After a crash,
/// either no new file or the complete file has the final name.
#[derive(Debug)]
pub(crate) struct StagedFile {
    temporary: PathBuf,
    path: PathBuf,
}

impl StagedFile {
    /// First removes the temporary file of an interrupted attempt, if there is one. Creates the temporary file for `path`,
    /// calls `content` to write the bytes, and syncs the file. Removes the file if this attempt fails.
    ///
    /// `synced` is false only if a test build omits the sync on purpose (a planted bug).
    pub(crate) fn write(
        disk: &dyn Disk,
        path: &Path,
        synced: bool,
        content: impl FnOnce(&StoredFile) -> Result<(), Error>,
    ) -> Result<StagedFile, Error> {
        let staged = StagedFile::new(disk, path)?;
        let temporary = &staged.temporary;
        let written = StoredFile::create(disk, temporary).and_then(|file| {
            content(&file)?;
            if synced { file.sync_all() } else { Ok(()) }
        });
        match written {
            Ok(()) => Ok(staged),
            Err(error) => {
                staged.discard(disk);
                Err(error)
            }
        }
    }

    /// Creates the temporary file for `path` as a [clone](Disk::clone_file) of the file `from`, and syncs the file. Returns
    /// `None` if the file system cannot clone files.
    pub(crate) fn clone_of(disk: &dyn Disk, from: &Path, path: &Path) -> Result<Option<StagedFile>, Error> {
        let staged = StagedFile::new(disk, path)?;
        let temporary = &staged.temporary;
        if !disk.clone_file(from, temporary).map_err(|error| failed("copying", from, error))? {
            return Ok(None);
        }
        let synced = StoredFile::open(disk, temporary, Access::Read).and_then(|file| file.sync_all());
        synced.inspect_err(|_| staged.discard(disk))?;
        Ok(Some(staged))
    }

    /// Removes the temporary file of an interrupted attempt, if there is one.
    fn new(disk: &dyn Disk, path: &Path) -> Result<StagedFile, Error> {
        let staged = StagedFile { temporary: unfinished(path), path: path.to_owned() };
        let temporary = &staged.temporary;
        let is_stale = disk.kind(temporary).map_err(|error| failed("inspecting", temporary, error))?.is_some();
        if is_stale && !planted(Bug::RepairOnlyOnce) {
            disk.remove(temporary).map_err(|error| failed("removing", temporary, error))?;
        }
        Ok(staged)
    }

    /// The final path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file before it is renamed.
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Renames the file to its final path and syncs the directory.
    pub(crate) fn install(&self, disk: &dyn Disk) -> Result<(), Error> {
        self.rename(disk)?;
        sync_dir(disk, self.path.parent().unwrap_or(Path::new("")))
    }

    /// Renames the file to its final path. The rename is durable once the caller has synced the directory.
    pub(crate) fn rename(&self, disk: &dyn Disk) -> Result<(), Error> {
        rename(disk, &self.temporary, &self.path)
    }

    /// Removes the temporary file. If the removal fails, the next attempt or the next opening of the image removes the file.
    pub(crate) fn discard(&self, disk: &dyn Disk) {
        if let Err(error) = disk.remove(&self.temporary) {
            log::debug!(path = %self.temporary.display(), %error, "could not remove a temporary file");
        }
    }
}

/// The temporary path of an incomplete file.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    PathBuf::from(name)
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_dir(disk: &dyn Disk, dir: &Path) -> Result<(), Error> {
    if planted(Bug::DirectoryNotSynced) {
        return Ok(());
    }
    disk.sync_dir(dir).map_err(|error| failed("syncing", dir, error))
}

/// Renames a file or directory.
pub(crate) fn rename(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), Error> {
    disk.rename(from, to).map_err(|error| failed("renaming", from, error))
}

/// The error for a failed operation on a path.
pub(crate) fn failed(act: &'static str, path: &Path, source: io::Error) -> Error {
    if let Some(NotPlain(what)) = source.get_ref().and_then(|inner| inner.downcast_ref()) {
        return Error::new(ErrorDetail::NotPlain { path: path.to_owned(), what });
    }
    if is_full(&source) {
        Error::new(ErrorDetail::StorageFull { act, path: path.to_owned(), source })
    } else {
        Error::io(act, path, source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::SimDisk;

    fn bytes_at(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
        disk.read(path).ok()
    }

    fn staged(disk: &SimDisk, bytes: &[u8]) -> Result<StagedFile, Error> {
        StagedFile::write(disk, Path::new("file"), true, |file| file.write_all(bytes, 0))
    }

    #[test]
    fn after_a_crash_a_staged_file_is_complete_or_missing() {
        let disk = SimDisk::new();
        let file = staged(&disk, b"new").unwrap();
        assert_eq!(bytes_at(&disk, "file"), None);
        file.rename(&disk).unwrap();
        for kept in [false, true] {
            let after = disk.crash(|_| kept);
            assert!([None, Some(b"new".to_vec())].contains(&bytes_at(&after, "file")));
        }
        sync_dir(&disk, Path::new("")).unwrap();
        assert_eq!(bytes_at(&disk.crash(|_| false), "file"), Some(b"new".to_vec()));
    }

    #[test]
    fn an_installed_file_survives_a_crash_and_replaces_the_old_file() {
        let disk = SimDisk::new();
        staged(&disk, b"old").unwrap().install(&disk).unwrap();
        staged(&disk, b"new").unwrap().install(&disk).unwrap();
        assert_eq!(bytes_at(&disk.crash(|_| false), "file"), Some(b"new".to_vec()));
        assert_eq!(bytes_at(&disk, "file.tmp"), None);
    }

    #[test]
    fn a_temporary_file_of_an_interrupted_attempt_is_replaced() {
        let disk = SimDisk::new();
        StoredFile::create(&disk, Path::new("file.tmp")).unwrap().write_all(b"half of it", 0).unwrap();
        staged(&disk, b"new").unwrap().install(&disk).unwrap();
        assert_eq!(bytes_at(&disk, "file"), Some(b"new".to_vec()));
    }

    #[test]
    fn a_failed_attempt_leaves_the_old_file_and_no_temporary_file() {
        let disk = SimDisk::new();
        staged(&disk, b"old").unwrap().install(&disk).unwrap();
        let failed = StagedFile::write(&disk, Path::new("file"), true, |file| {
            file.write_all(b"half of it", 0)?;
            Err(Error::io("writing", file.path(), io::ErrorKind::BrokenPipe.into()))
        });
        assert!(failed.unwrap_err().is_io());
        assert_eq!(bytes_at(&disk, "file"), Some(b"old".to_vec()));
        assert_eq!(bytes_at(&disk, "file.tmp"), None);
    }
}
