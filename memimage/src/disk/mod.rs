//! The one seam between the library and file systems.
//!
//! Everything the library does to files goes through [`Disk`] and [`DiskFile`]: [`RealDisk`] is the operating system's
//! file system, [`SimDisk`] a deterministic one in memory that knows what a power cut would leave. Both pass the same
//! conformance suite.
//!
//! A call is one attempt: a short read or write and `EINTR` reach the caller, who decides whether to go on. That keeps
//! the rule "what may be retried, and what poisons an image" in one place above this module.

#[cfg(not(unix))]
compile_error!("memimage needs a Unix file system: it relies on directory syncs, file modes and inode numbers");

// each uses those above it
mod plain;
mod lock;
mod owned;
mod mount;
mod exposed;
mod real;
mod sim;
mod stored;
pub(crate) mod text_file;
#[cfg(test)]
mod conformance;

use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::path::Path;

pub use lock::{Lock, LockGuard};
pub(crate) use owned::OwnedDisk;
pub(crate) use plain::NotPlain;
pub use real::RealDisk;
pub use sim::{Crash, Effect, Fate, Fault, Method, Operation, Shrunk, SimDisk, Trace, Unsynced};
pub(crate) use stored::{StagedFile, StoredFile, UNFINISHED, failed, rename, sync_dir};

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading only: a write fails.
    Read,
    /// Reading and writing in place.
    ReadWrite,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link, whatever it leads to.
    Link,
    /// Anything else: a device, a pipe, a socket.
    Other,
}

impl FileType {
    /// What it is, for errors.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            FileType::File => "a file",
            FileType::Dir => "a directory",
            FileType::Link => "a symbolic link",
            FileType::Other => "a pipe, a socket or a device",
        }
    }
}

/// One entry of a directory's listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name within the directory.
    pub name: OsString,
    /// What it is; links are not followed.
    pub kind: FileType,
    /// The length in bytes of a file, 0 for anything else.
    pub len: u64,
}

/// A file system, as far as an image needs one.
///
/// Nothing is durable before its own sync: a file's bytes and length by [`DiskFile::sync_data`], its being there, its
/// name and its removal by [`Disk::sync_dir`] of the directory that holds it.
///
/// # Errors
///
/// Every method passes the operating system's error on as it is, with the usual kinds: `NotFound`, `AlreadyExists`,
/// `PermissionDenied`, `NotADirectory`, `IsADirectory`, `StorageFull` and so on. [`SimDisk`] answers with the same
/// kinds.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Creates an empty file that only its owner can read and write (mode 0600).
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when anything stands at `path`; `NotFound` when its directory does not exist.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file that exists. What stands at `path` itself must be a regular file and, to be written to, have no other
    /// name: a link could lead out of the image, and opening a pipe or a device may wait or do something.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing stands at `path`; `IsADirectory` when a directory does; some error when anything else does
    /// but a regular file, which is not opened.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>>;

    /// Creates a directory, one level, that only its owner can enter (mode 0700).
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when anything stands at `path`; `NotFound` when its parent does not exist.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// What is in a directory, in the order of the names' bytes.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing stands at `dir`; `NotADirectory` when something else does.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// What stands at a path; `None` when nothing does. Links on the way are followed, one at the path itself is not.
    ///
    /// # Errors
    ///
    /// `NotADirectory` when the path leads through a file, `PermissionDenied` when it may not be looked at.
    fn kind(&self, path: &Path) -> io::Result<Option<FileType>>;

    /// Gives a file or directory another name and replaces the file that has that name, atomically: whoever looks
    /// finds the old or the new, also after a crash.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing stands at `from`; `IsADirectory`, `NotADirectory` or `DirectoryNotEmpty` when what
    /// stands at `to` cannot be replaced by it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Its bytes stay readable by those who have it open.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing stands at `path`; some error when a directory does.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing stands at `path`; `NotADirectory` when something else does; `DirectoryNotEmpty` when
    /// something is in it.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes the directory's entries durable: names created, renamed and removed in it.
    ///
    /// # Errors
    ///
    /// `NotFound` or `NotADirectory` when there is no such directory. After any other error nothing is known about
    /// what is on disk.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Takes the exclusive lock that the file at `path` stands for, without waiting; creates the file (mode 0600)
    /// when it is missing and never removes it. Two locks of one file exclude each other within a process too.
    ///
    /// The owner writes who it is into the file, so that others can be told. That text is a courtesy and proves
    /// nothing.
    ///
    /// # Errors
    ///
    /// As for opening a file, to write to it; some file systems support no locks. That another holds the lock is no error
    /// but [`Lock::Busy`].
    fn lock(&self, path: &Path) -> io::Result<Lock>;

    /// Whether `path`, where there need not be anything yet, is `dir` or inside it once all links are followed.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no `dir`; others when an existing part of the paths cannot be looked at.
    fn is_within(&self, path: &Path, dir: &Path) -> io::Result<bool>;

    /// How others than the user of this process may change what stands at the path: in words that follow its name, `can
    /// be written by every user (mode 0777)`. `None` when they cannot, or when the disk knows no users.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing stands at `path`; others when it may not be looked at.
    fn exposed(&self, path: &Path) -> io::Result<Option<String>>;

    /// Who holds the lock that the file at `path` stands for, as it calls itself; `None` when nobody does, or when there is no
    /// such file. Changes nothing. Whoever tries to take the lock while this is looked at may find it busy.
    ///
    /// # Errors
    ///
    /// As for opening a file; some file systems support no locks.
    fn owner(&self, path: &Path) -> io::Result<Option<String>>;

    /// The type of the file system that `path` is or would be on, when it is one that reaches over a network or from
    /// a virtual machine to its host (`nfs4`, `cifs`, `9p`, `fuse.sshfs` …), where locks and syncs mean less than an
    /// image needs. `None` when it is a local one, or when the system does not tell.
    ///
    /// # Errors
    ///
    /// When an existing part of the path cannot be looked at.
    fn network_filesystem(&self, path: &Path) -> io::Result<Option<String>>;
}

/// An open file of a [`Disk`], for positioned reads and writes by any number of threads.
///
/// # Errors
///
/// As for [`Disk`]. Once a sync has failed, no later success proves anything about the bytes written before it.
#[allow(clippy::len_without_is_empty, reason = "no caller asks a journal file whether it is empty")]
pub trait DiskFile: Debug + Send + Sync {
    /// Reads at most `buf.len()` bytes from `offset`, in one attempt; 0 at or beyond the end.
    ///
    /// # Errors
    ///
    /// Any I/O error, `Interrupted` included.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at most `buf.len()` bytes at `offset`, in one attempt, and says how many. A write beyond the end
    /// extends the file; a gap reads as zeros.
    ///
    /// # Errors
    ///
    /// Any I/O error, `Interrupted` and `StorageFull` included, and always when opened with [`Access::Read`].
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize>;

    /// Makes the bytes written so far durable, and the length as far as reading them back needs it (`fdatasync`).
    ///
    /// # Errors
    ///
    /// Any I/O error, after which nothing is known about what is on disk.
    fn sync_data(&self) -> io::Result<()>;

    /// Like [`sync_data`](Self::sync_data), with all that is known about the file (`fsync`).
    ///
    /// # Errors
    ///
    /// Any I/O error, after which nothing is known about what is on disk.
    fn sync_all(&self) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    ///
    /// Any I/O error.
    fn len(&self) -> io::Result<u64>;
}
