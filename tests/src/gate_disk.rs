//! A disk that asks a rule before each call, which can block, fail, interrupt or shorten it; and a trace of all calls.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use memimage::disk::{Access, Disk, DiskFile, Entry, FileType, Lock};

/// A call of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is called.
    pub act: Act,
    /// The file or directory.
    pub path: PathBuf,
    /// Where in the file.
    pub offset: u64,
    /// How many bytes.
    pub len: usize,
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the methods of Disk and DiskFile")]
pub enum Act {
    CreateNew,
    Open,
    CreateDir,
    List,
    Rename,
    Remove,
    SyncDir,
    Lock,
    Read,
    Write,
    SyncData,
    SyncAll,
}

impl Call {
    /// Whether the path's last part ends so.
    pub fn is(&self, act: Act, ending: &str) -> bool {
        self.act == act && self.path.to_string_lossy().ends_with(ending)
    }
}

type Rule = dyn Fn(&Call) -> io::Result<Option<usize>> + Send + Sync;

/// A disk that asks a rule before each call.
#[derive(Clone)]
pub struct GateDisk {
    inner: Arc<dyn Disk>,
    rule: Arc<Mutex<Arc<Rule>>>,
    trace: Arc<Mutex<Vec<Call>>>,
}

impl GateDisk {
    /// A disk that lets all calls through.
    pub fn new(inner: impl Disk) -> GateDisk {
        GateDisk {
            inner: Arc::new(inner),
            rule: Arc::new(Mutex::new(Arc::new(|_: &Call| Ok(None)))),
            trace: Arc::default(),
        }
    }

    /// From now on `rule` is asked before each call. `Ok(None)` lets it through, `Ok(Some(n))` lets no more than `n` bytes
    /// of a read or write through. It may block.
    pub fn rule(&self, rule: impl Fn(&Call) -> io::Result<Option<usize>> + Send + Sync + 'static) {
        *held(&self.rule) = Arc::new(rule);
    }

    /// Lets all calls through again.
    pub fn calm(&self) {
        self.rule(|_| Ok(None));
    }

    /// Fails each call of this kind on a path with this ending.
    pub fn fail(&self, act: Act, ending: &str, kind: io::ErrorKind) {
        let ending = ending.to_owned();
        self.rule(move |call| if call.is(act, &ending) { Err(kind.into()) } else { Ok(None) });
    }

    /// All calls that were let through since this was last asked.
    pub fn trace(&self) -> Vec<Call> {
        std::mem::take(&mut *held(&self.trace))
    }

    fn ask(&self, act: Act, path: &Path, offset: u64, len: usize) -> io::Result<usize> {
        let call = Call { act, path: path.to_owned(), offset, len };
        let rule = Arc::clone(&held(&self.rule));
        let limit = rule(&call)?.unwrap_or(len).min(len);
        held(&self.trace).push(call);
        Ok(limit)
    }

    fn file(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(GateFile { disk: self.clone(), path: path.to_owned(), file })
    }
}

impl fmt::Debug for GateDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateDisk").finish_non_exhaustive()
    }
}

impl Disk for GateDisk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.ask(Act::CreateNew, path, 0, 0)?;
        self.inner.create_new(path).map(|file| self.file(path, file))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        self.ask(Act::Open, path, 0, 0)?;
        self.inner.open(path, access).map(|file| self.file(path, file))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(Act::CreateDir, path, 0, 0)?;
        self.inner.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.ask(Act::List, dir, 0, 0)?;
        self.inner.list(dir)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<FileType>> {
        self.inner.kind(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(Act::Rename, to, 0, 0)?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.ask(Act::Remove, path, 0, 0)?;
        self.inner.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(Act::Remove, path, 0, 0)?;
        self.inner.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(Act::SyncDir, path, 0, 0)?;
        self.inner.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        self.ask(Act::Lock, path, 0, 0)?;
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

#[derive(Debug)]
struct GateFile {
    disk: GateDisk,
    path: PathBuf,
    file: Box<dyn DiskFile>,
}

impl DiskFile for GateFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = self.disk.ask(Act::Read, &self.path, offset, buf.len())?;
        self.file.read_at(&mut buf[..len], offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        let len = self.disk.ask(Act::Write, &self.path, offset, buf.len())?;
        self.file.write_at(&buf[..len], offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.ask(Act::SyncData, &self.path, 0, 0)?;
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.disk.ask(Act::SyncAll, &self.path, 0, 0)?;
        self.file.sync_all()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

/// A test that waits for longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A gate that calls wait at until it is opened.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    inside: Arc<(Mutex<Inside>, Condvar)>,
}

#[derive(Debug, Default)]
struct Inside {
    open: bool,
    waiting: usize,
}

impl Gate {
    /// Waits until the gate is open, or for so long that the test has failed already.
    pub fn pass(&self) {
        let (inside, changed) = &*self.inside;
        let mut inside = held(inside);
        inside.waiting += 1;
        changed.notify_all();
        let patience = Instant::now() + PATIENCE;
        while !inside.open && Instant::now() < patience {
            inside = changed.wait_timeout(inside, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
        inside.waiting -= 1;
    }

    /// Lets all through, now and later.
    pub fn open(&self) {
        let (inside, changed) = &*self.inside;
        held(inside).open = true;
        changed.notify_all();
    }

    /// Returns once somebody waits at the gate.
    ///
    /// # Panics
    ///
    /// If nobody comes.
    pub fn until_somebody_waits(&self) {
        let (inside, changed) = &*self.inside;
        let mut inside = held(inside);
        let patience = Instant::now() + PATIENCE;
        while inside.waiting == 0 {
            assert!(Instant::now() < patience, "nobody came to the gate");
            inside = changed.wait_timeout(inside, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn held<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
