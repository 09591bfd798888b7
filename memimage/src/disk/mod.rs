//! The interface between the library and file systems.
//!
//! All file operations of an image go through [`Disk`] and [`DiskFile`]. [`RealDisk`] is the operating system's file system.
//! [`SimDisk`] is a deterministic file system in memory that simulates power cuts. Both implementations pass the same
//! conformance suite.
//!
//! Each call makes one attempt: the caller sees short reads, short writes and `EINTR`, and decides whether to continue. So
//! `StoredFile` alone determines which calls are retried, and the journal alone determines when an image is poisoned.

#[cfg(not(unix))]
compile_error!("memimage needs a Unix file system: it relies on directory syncs, file modes and inode numbers");

// each module uses only modules above it
mod plain;
mod mount;
mod owner_lock;
mod owned;
mod overlay;
mod exposed;
mod real;
mod sim;
mod stored;
mod copy;
pub(crate) mod text_file;
#[cfg(test)]
mod conformance;

use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::path::Path;

pub(crate) use copy::{copy_in_pieces, is_filled_with, is_same_content, write_in_pieces};
pub(crate) use overlay::{OverlayDisk, ShownFile};
pub(crate) use owned::OwnedDisk;
pub use owner_lock::{Lock, LockGuard};
pub(crate) use plain::NotPlain;
pub use real::RealDisk;
pub(crate) use real::absolute;
#[cfg(feature = "admin")]
pub(crate) use real::changed_at;
pub use sim::{Crash, Effect, Fate, Fault, Method, Operation, Shrunk, SimDisk, Trace, Unsynced};
pub(crate) use stored::{StagedFile, StoredFile, UNFINISHED, failed, rename, sync_dir};

/// The access for which a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only reads; a write fails.
    Read,
    /// Reads, and writes in place.
    ReadWrite,
}

/// The type of a directory entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link, regardless of its target.
    Link,
    /// Any other type: a device, a pipe, a socket.
    Other,
}

impl FileType {
    /// The type's name in error messages.
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
    /// The name of the entry, without the path of the directory.
    pub name: OsString,
    /// The type of the entry; links are not followed.
    pub kind: FileType,
    /// The length of a regular file in bytes; 0 for all other types.
    pub len: u64,
}

/// The file system operations that an image needs.
///
/// Every change needs its own sync to become durable: [`DiskFile::sync_data`] makes a file's bytes and length durable;
/// [`Disk::sync_dir`] of the parent directory makes the file's creation, name and removal durable.
///
/// # Errors
///
/// Every method returns the operating system's error unchanged, with the usual kinds: `NotFound`, `AlreadyExists`,
/// `PermissionDenied`, `NotADirectory`, `IsADirectory`, `StorageFull` and so on. [`SimDisk`] returns the same kinds of errors.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Creates an empty file that only its owner can read and write (mode 0600).
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if `path` exists; `NotFound` if the parent directory of `path` does not exist.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens an existing regular file. A file opened for writing must have no other name (hard link). Symbolic links at `path`
    /// are refused because they could lead out of the image; pipes and devices are refused because opening one may block or
    /// have side effects.
    ///
    /// # Errors
    ///
    /// `NotFound` if `path` does not exist; `IsADirectory` if it is a directory; an error of an unspecified kind if it is
    /// neither a directory nor a regular file. An entry that is not a regular file is never opened.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>>;

    /// Creates the file `to`, like [`create_new`](Disk::create_new), with the content of the file `from`. The two files share
    /// their blocks on disk until one of them is written (a reflink). Returns `false`, and creates nothing, if the file system
    /// cannot share blocks between these files.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if `to` exists; `NotFound` if `from` or the parent directory of `to` does not exist.
    fn clone_file(&self, from: &Path, to: &Path) -> io::Result<bool> {
        let (_, _) = (from, to);
        Ok(false)
    }

    /// Creates one directory that only its owner can enter (mode 0700). Parents are not created.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if `path` exists; `NotFound` if its parent does not exist.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Lists the entries of a directory, sorted by the bytes of their names.
    ///
    /// # Errors
    ///
    /// `NotFound` if `dir` does not exist; `NotADirectory` if it is not a directory.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// The type of the entry at `path`; `None` if it does not exist. Links in the parent directories are followed; a link at
    /// `path` itself is not.
    ///
    /// # Errors
    ///
    /// `NotADirectory` if a parent in the path is a file; `PermissionDenied` if the path cannot be inspected.
    fn kind(&self, path: &Path) -> io::Result<Option<FileType>>;

    /// Renames a file or directory atomically, and replaces an existing file at `to`. A reader sees either the old or the new
    /// file, even after a crash.
    ///
    /// # Errors
    ///
    /// `NotFound` if `from` does not exist; `IsADirectory`, `NotADirectory` or `DirectoryNotEmpty` if the entry at `to` cannot
    /// be replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. An open handle can still read the bytes of a removed file.
    ///
    /// # Errors
    ///
    /// `NotFound` if `path` does not exist; an error of an unspecified kind if it is a directory.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    ///
    /// # Errors
    ///
    /// `NotFound` if `path` does not exist; `NotADirectory` if it is not a directory; `DirectoryNotEmpty` if it has entries.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes the creations, renames and removals in this directory durable.
    ///
    /// # Errors
    ///
    /// `NotFound` or `NotADirectory` if there is no such directory. After any other error, the state on disk is unknown.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Tries to take the exclusive lock on the file at `path`, without waiting. Creates the file (mode 0600) if it is missing,
    /// and never removes it. Within one process, too, only one owner can hold the lock on a file. An implementation may also
    /// lock the directory of the file, so that a second owner cannot take the lock even if the lock file was removed and
    /// created again.
    ///
    /// The owner writes its process id and program name into the file, for the error messages of other processes. The text of a
    /// lock file is only a hint and proves nothing.
    ///
    /// # Errors
    ///
    /// The errors of opening a file for writing, and the errors of file systems that do not support locks. A lock held by
    /// another owner is not an error: the result is [`Lock::Busy`].
    fn lock(&self, path: &Path) -> io::Result<Lock>;

    /// Whether `path`, after all links are resolved, is `dir` or is inside `dir`. `path` does not need to exist.
    ///
    /// # Errors
    ///
    /// `NotFound` if `dir` does not exist; other kinds if an existing part of the paths cannot be inspected.
    fn is_within(&self, path: &Path, dir: &Path) -> io::Result<bool>;

    /// Describes how users other than the user of this process can change the entry at `path`, as a continuation of the entry's
    /// name: `can be written by every user (mode 0777)`. `None` if no other user can change the entry, or if the disk does not
    /// record owners and modes.
    ///
    /// # Errors
    ///
    /// `NotFound` if `path` does not exist; other kinds if it cannot be inspected.
    fn exposed(&self, path: &Path) -> io::Result<Option<String>>;

    /// The owner of the lock on the file at `path`, as the text of this file describes it; `None` if the lock is free or the
    /// file does not exist. Changes nothing on disk. If another process tries to take the lock during this call, it may find
    /// the lock busy.
    ///
    /// # Errors
    ///
    /// The errors of opening a file, and the errors of file systems that do not support locks.
    fn owner(&self, path: &Path) -> io::Result<Option<String>>;

    /// The type of the file system of `path`, if this file system works over a network, or between a virtual machine and its
    /// host (`nfs4`, `cifs`, `9p`, `fuse.sshfs` …). The locks and syncs of a network file system guarantee less than an image
    /// needs. `None` if the file system is local, or if the operating system does not report the type. `path` does not need to
    /// exist.
    ///
    /// # Errors
    ///
    /// Any I/O error from inspecting an existing part of the path.
    fn network_filesystem(&self, path: &Path) -> io::Result<Option<String>>;
}

/// An open file of a [`Disk`], for positioned reads and writes by any number of threads.
///
/// # Errors
///
/// The same errors as for [`Disk`]. After a failed sync, no later successful sync proves that the bytes written before the
/// failure are durable.
#[allow(clippy::len_without_is_empty, reason = "no caller asks a journal file whether it is empty")]
pub trait DiskFile: Debug + Send + Sync {
    /// Reads at most `buf.len()` bytes from `offset` in one attempt. Returns the number of bytes read: 0 if `offset` is at or
    /// beyond the end of the file.
    ///
    /// # Errors
    ///
    /// Any I/O error, including `Interrupted`.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at most `buf.len()` bytes at `offset` in one attempt. Returns the number of bytes written. A write beyond the end
    /// extends the file; a gap reads as zeros.
    ///
    /// # Errors
    ///
    /// Any I/O error, including `Interrupted` and `StorageFull`. A write to a file opened with [`Access::Read`] always fails.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize>;

    /// Makes the bytes written so far durable, and also the length of the file if these bytes cannot be read without the new
    /// length (`fdatasync`).
    ///
    /// # Errors
    ///
    /// Any I/O error. After an error, the state on disk is unknown.
    fn sync_data(&self) -> io::Result<()>;

    /// Like [`sync_data`](Self::sync_data), but also makes all metadata of the file durable (`fsync`).
    ///
    /// # Errors
    ///
    /// Any I/O error. After an error, the state on disk is unknown.
    fn sync_all(&self) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    ///
    /// Any I/O error.
    fn len(&self) -> io::Result<u64>;
}
