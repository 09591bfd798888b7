//! A file together with its path: whole reads and writes, and errors that say which file.

use std::io;
use std::path::{Path, PathBuf};

use super::{Access, Disk, DiskFile, NotPlain};
use crate::error::{Error, Kind, is_full};
use crate::planted::{Bug, planted};

/// An open file that reads and writes all or fails, and names itself in its errors.
///
/// `EINTR` and short reads and writes go on; no other failure is tried again.
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
        self.file.len().map_err(|error| failed("looking at", &self.path, error))
    }

    /// Reads from `offset` until the buffer is full or the file ends, and says how much.
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

    /// Reads as [`read_up_to`](StoredFile::read_up_to), twice: what is to stand in for the original must be that.
    pub(crate) fn read_surely(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        let read = self.read_up_to(buffer, offset)?;
        let mut again = vec![0; read];
        if self.read_up_to(&mut again, offset)? != read || again != buffer[..read] {
            let error = io::Error::new(io::ErrorKind::InvalidData, "what was read twice is not the same both times");
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

    /// Writes so many zeros, a piece at a time.
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

/// The error of a failed operation on a path.
pub(crate) fn failed(act: &'static str, path: &Path, source: io::Error) -> Error {
    if let Some(NotPlain(what)) = source.get_ref().and_then(|inner| inner.downcast_ref()) {
        return Error::new(Kind::NotPlain { path: path.to_owned(), what });
    }
    match is_full(&source) {
        true => Error::new(Kind::StorageFull { act, path: path.to_owned(), source }),
        false => Error::io(act, path, source),
    }
}
