//! The file lock that gives one process exclusive ownership of an image directory.

use std::any::Any;
use std::env;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

use super::mount::here_if_empty;
use super::plain::{self, FILE_MODE, Links};
use crate::planted::{Bug, planted};
use crate::process::Process;

/// The result of trying to take a lock.
#[derive(Debug)]
pub enum Lock {
    /// The caller holds the lock until the caller drops the guard or the process ends.
    Held(LockGuard),
    /// Another owner holds the lock.
    Busy {
        /// The owner, as the text in the lock file describes it, such as `pid 4711 (bank)`; `another process` if the text is
        /// not of this form.
        owner: String,
    },
}

/// Checks whether the locked file is still at its path.
pub(super) type Watch = Arc<dyn Fn() -> io::Result<bool> + Send + Sync>;

/// A guard whose drop releases a lock.
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard {
    _held: Box<dyn Any + Send + Sync>,
    watch: Option<Watch>,
}

impl LockGuard {
    /// Creates a guard that owns `held`, a value that must release the lock when it is dropped.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self { _held: Box::new(held), watch: None }
    }

    /// Adds `is_there`, a check that the locked file is still at its path. The image runs this check before each operation on a
    /// path. So an image whose directory was moved does not change another image at the old path.
    pub fn watched_by(self, is_there: impl Fn() -> io::Result<bool> + Send + Sync + 'static) -> Self {
        Self { watch: Some(Arc::new(is_there)), ..self }
    }

    pub(super) fn watch(&self) -> Option<Watch> {
        self.watch.clone()
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").finish_non_exhaustive()
    }
}

/// The number of attempts to take a lock. If the locked file was removed or replaced meanwhile, a new attempt follows.
const ATTEMPTS: usize = 10;

/// How often an owner waits for inspections that hold shared locks, and the first pause; each pause is longer by this time. Together
/// a second, because the thread of an inspection may have to wait for a processor.
const INSPECTIONS: u32 = 100;
const INSPECTION: Duration = Duration::from_micros(200);

/// Takes the lock of the file at `path`; see [`Disk::lock`](super::Disk::lock).
pub(super) fn acquire(path: &Path) -> io::Result<Lock> {
    for _ in 0..ATTEMPTS {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        // accepts only a file with one name: the owner's text overwrites the file, and through a hard link it could overwrite
        // any file
        let file = plain::open(path, &mut options, Links::One)?;
        if let Some(lock) = lock_if_at(path, file)? {
            return Ok(lock);
        }
    }
    Err(io::Error::other("another process replaces the lock file again and again"))
}

/// Locks the directory of the file, and the file. `None` if the file is no longer at `path`: it may have been removed or replaced
/// after it was opened. A lock on a removed or replaced file does not exclude other processes.
///
/// The owner keeps only one file open: the directory if it could be locked, and otherwise the lock file. Both are locked at first,
/// because an owner of either kind must exclude this one. The directory is locked first, so that an attempt which fails never
/// holds the lock of the file, and makes no other attempt fail.
fn lock_if_at(path: &Path, file: File) -> io::Result<Option<Lock>> {
    let directory = match lock_directory_of(path)? {
        DirectoryLock::Held(directory) => Some(directory),
        DirectoryLock::Busy => return Ok(Some(Lock::Busy { owner: owner_of(&file) })),
        DirectoryLock::Unsupported => None,
    };
    let outcome = lock_exclusively(&file);
    if !still_at(path, &file)? {
        return Ok(None);
    }
    match outcome {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Ok(Some(Lock::Busy { owner: owner_of(&file) })),
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    let file = LockedFile::new(file);
    write_owner(&file.file);
    let guard = match directory {
        Some(directory) => {
            let (path, ours) = (directory_of(path).to_owned(), inode(&directory.file.metadata()?));
            // follows links: an image may be opened through a link
            LockGuard::new(directory).watched_by(move || is(fs::metadata(&path), ours))
        }
        None => {
            let (path, ours) = (path.to_owned(), inode(&file.file.metadata()?));
            LockGuard::new(file).watched_by(move || is(fs::symlink_metadata(&path), ours))
        }
    };
    Ok(Some(Lock::Held(guard)))
}

/// Like [`File::try_lock`], but waits for the shared locks of inspections, which [`owner`] holds for a moment: an inspection must not
/// make an owner fail.
fn lock_exclusively(file: &File) -> Result<(), fs::TryLockError> {
    for attempt in 1..=INSPECTIONS {
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => {}
            outcome => return outcome,
        }
        // an owner excludes a shared lock, too; inspections do not
        file.try_lock_shared()?;
        file.unlock().map_err(fs::TryLockError::Error)?;
        thread::sleep(INSPECTION * attempt);
    }
    file.try_lock()
}

/// The result of locking a directory.
enum DirectoryLock {
    Held(LockedFile),
    Busy,
    /// The file system can lock files, but not directories.
    Unsupported,
}

/// Locks the directory of the lock file too: a program that removes old temporary files may remove the lock file, and another
/// owner would then create and lock a new file. The program cannot remove the directory itself, because the directory is not
/// empty.
fn lock_directory_of(path: &Path) -> io::Result<DirectoryLock> {
    let directory = File::open(directory_of(path))?;
    match lock_exclusively(&directory) {
        Ok(()) => Ok(DirectoryLock::Held(LockedFile::new(directory))),
        Err(fs::TryLockError::WouldBlock) => Ok(DirectoryLock::Busy),
        Err(fs::TryLockError::Error(error)) if is_unsupported(&error) => Ok(DirectoryLock::Unsupported),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Whether an error of a lock means that the file system cannot lock a directory. After any other error, for example because there
/// is no memory for a lock, another owner may hold the lock.
fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::BADF, Errno::INVAL, Errno::ISDIR, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP];
    Errno::from_io_error(error).is_some_and(|error| unsupported.contains(&error))
}

/// The owner of the lock on the file at `path`; see [`Disk::owner`](super::Disk::owner).
pub(super) fn owner(path: &Path) -> io::Result<Option<String>> {
    let file = match plain::open(path, OpenOptions::new().read(true), Links::Any) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // takes a shared lock, because two concurrent inspections must not report each other as the owner
    match file.try_lock_shared() {
        Ok(()) => file.unlock()?,
        Err(fs::TryLockError::WouldBlock) => return Ok(Some(owner_of(&file))),
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    // the lock file may have been removed or replaced since the owner locked it
    let directory = File::open(directory_of(path))?;
    match directory.try_lock_shared() {
        Err(fs::TryLockError::WouldBlock) => Ok(Some(owner_of(&file))),
        _ => Ok(None),
    }
}

/// The directory of a file.
fn directory_of(path: &Path) -> &Path {
    here_if_empty(path.parent().unwrap_or(path))
}

fn still_at(path: &Path, file: &File) -> io::Result<bool> {
    is(fs::symlink_metadata(path), inode(&file.metadata()?))
}

/// Identifies a file independently of its name: the device and inode number. While a file is open, no other file has the same
/// device and inode number.
type Inode = (u64, u64);

fn inode(metadata: &fs::Metadata) -> Inode {
    (metadata.dev(), metadata.ino())
}

/// Whether `found` describes the file `expected`; `false` if no file was found.
fn is(found: io::Result<fs::Metadata>, expected: Inode) -> io::Result<bool> {
    match found {
        Ok(metadata) => Ok(inode(&metadata) == expected),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes this process's id and program name into the lock file. A failed write is ignored: an image must still open on a full
/// disk.
fn write_owner(file: &File) {
    let line = owner_line();
    // Overwrites the old text before it truncates the file: overwriting needs no new block, and readers use only the first
    // line.
    if file.write_all_at(line.as_bytes(), 0).is_ok() {
        file.set_len(line.len() as u64).ok();
    }
}

fn owner_of(file: &File) -> String {
    let mut text = [0; OWNER_MAX];
    let read = FileExt::read_at(file, &mut text, 0).unwrap_or(0);
    owner_in(&text[..read])
}

#[derive(Debug)]
struct LockedFile {
    file: File,
    owner: Process,
}

impl LockedFile {
    /// Wraps a file that this process has locked.
    fn new(file: File) -> LockedFile {
        LockedFile { file, owner: Process::current() }
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // A child process made by `fork` must not unlock the file, because that would release the parent's lock. The child only
        // closes its copy of the descriptor.
        if self.owner.is_certainly_current() || planted(Bug::ClosedInForkedChild) {
            // Closing the file is not enough: the lock is released only when the last copy of the descriptor is closed, and a
            // child process that another thread is starting keeps a copy until the child calls `exec`.
            self.file.unlock().ok();
        }
    }
}

/// The maximum number of bytes to read from a lock file.
pub(super) const OWNER_MAX: usize = 256;

/// The maximum length, in characters, of the program name in a lock file.
const PROGRAM_MAX: usize = 48;

/// The line that this process writes into a lock file.
pub(super) fn owner_line() -> String {
    format!("pid {} ({})\n", process::id(), program())
}

fn program() -> String {
    let path = env::current_exe().ok().or_else(|| env::args_os().next().map(PathBuf::from));
    let name = path.as_deref().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    name.chars().filter(|c| !c.is_control()).take(PROGRAM_MAX).collect()
}

/// The owner that the bytes of a lock file describe. The bytes are untrusted: any process may have written them.
pub(super) fn owner_in(text: &[u8]) -> String {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match str::from_utf8(line) {
        Ok(line) if names_an_owner(line) => line.to_owned(),
        _ => "another process".to_owned(),
    }
}

fn names_an_owner(line: &str) -> bool {
    let Some((pid, program)) = line.strip_prefix("pid ").and_then(|rest| rest.split_once(" (")) else { return false };
    !pid.is_empty()
        && pid.bytes().all(|byte| byte.is_ascii_digit())
        && program.ends_with(')')
        && !program.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_line_names_the_process_id_and_the_program() {
        let owner = owner_in(owner_line().as_bytes());
        assert!(owner.starts_with(&format!("pid {} (memimage", process::id())), "{owner}");
        assert!(owner_line().len() < OWNER_MAX);
    }

    #[test]
    fn only_the_first_line_counts() {
        assert_eq!(owner_in(b"pid 7 (bank)\nger name)\n"), "pid 7 (bank)");
    }

    #[test]
    fn text_that_names_no_owner_is_reported_as_another_process() {
        for text in [
            &b""[..],
            b"\n",
            b"\0\0\0\0",
            b"\xff\xfe",
            b"pid",
            b"pid 7",
            b"pid  (bank)",
            b"pid x (bank)",
            b"pid 7 (bank",
            b"pid 7 (\x1b[2Jbank)",
            b"hello",
        ] {
            assert_eq!(owner_in(text), "another process", "{text:?}");
        }
    }

    #[test]
    fn asking_for_the_owner_neither_takes_the_lock_nor_creates_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LOCK");
        assert_eq!(owner(&path).unwrap(), None, "no file");
        assert!(!path.exists());
        let Lock::Held(guard) = acquire(&path).unwrap() else { panic!("the lock is free") };
        assert_eq!(owner(&path).unwrap().as_deref(), Some(owner_line().trim_end()));
        drop(guard);
        assert_eq!(owner(&path).unwrap(), None);
        assert!(matches!(acquire(&path).unwrap(), Lock::Held(_)));
    }

    #[test]
    fn a_lock_on_a_file_no_longer_at_the_path_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LOCK");
        let lock = |file: &File| lock_if_at(&path, file.try_clone().unwrap()).unwrap();
        let file = File::create(&path).unwrap();
        assert!(matches!(lock(&file), Some(Lock::Held(_))));
        fs::remove_file(&path).unwrap();
        assert!(lock(&file).is_none(), "removed");
        let _other = File::create(&path).unwrap();
        assert!(lock(&file).is_none(), "replaced by another file");
    }

    #[test]
    fn a_lock_file_that_was_removed_or_replaced_lets_no_second_owner_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LOCK");
        let Lock::Held(guard) = acquire(&path).unwrap() else { panic!("the lock is free") };
        fs::remove_file(&path).unwrap();
        assert!(matches!(acquire(&path).unwrap(), Lock::Busy { .. }), "removed");
        fs::write(&path, "pid 1 (init)\n").unwrap();
        assert!(matches!(acquire(&path).unwrap(), Lock::Busy { .. }), "replaced");
        assert_eq!(owner(&path).unwrap().as_deref(), Some("pid 1 (init)"));
        drop(guard);
        assert!(matches!(acquire(&path).unwrap(), Lock::Held(_)));
    }

    #[test]
    fn a_longer_name_left_in_the_file_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LOCK");
        fs::write(&path, "x".repeat(1000)).unwrap();
        let Lock::Held(_guard) = acquire(&path).unwrap() else { panic!("the lock is free") };
        assert_eq!(fs::read_to_string(&path).unwrap(), owner_line());
    }
}
