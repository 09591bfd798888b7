//! A disk with a rule that can block, fail, interrupt or shorten each call, and a trace of all calls.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use memimage::disk::{Access, Disk, DiskFile, Entry, FileType, Lock};

/// A call of a disk method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: DiskMethod,
    /// The file or directory.
    pub path: PathBuf,
    /// The offset in the file.
    pub offset: u64,
    /// The number of bytes.
    pub len: usize,
}

/// A method of a disk or of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the methods of Disk and DiskFile")]
pub enum DiskMethod {
    CreateNew,
    /// Opening a file for reading only.
    Open,
    /// Opening a file for reading and writing.
    OpenToWrite,
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
    /// An inspection: the kind of a file, the owner of a lock, or the length of an open file.
    Inspect,
}

impl Call {
    /// Whether this is a call of `method` on a path that ends with `ending`.
    pub fn is(&self, method: DiskMethod, ending: &str) -> bool {
        self.method == method && self.path.to_string_lossy().ends_with(ending)
    }
}

type Rule = dyn Fn(&Call) -> io::Result<Option<usize>> + Send + Sync;

/// A disk that applies a rule to each call.
#[derive(Clone)]
pub struct GateDisk {
    inner: Arc<dyn Disk>,
    rule: Arc<Mutex<Arc<Rule>>>,
    trace: Arc<Mutex<Vec<Call>>>,
    gates_inspections: bool,
}

impl GateDisk {
    /// A disk that lets all calls through.
    pub fn new(inner: impl Disk) -> GateDisk {
        GateDisk {
            inner: Arc::new(inner),
            rule: Arc::new(Mutex::new(Arc::new(|_: &Call| Ok(None)))),
            trace: Arc::default(),
            gates_inspections: false,
        }
    }

    /// Applies the rule to [inspections](DiskMethod::Inspect), too.
    pub fn with_inspections(self) -> GateDisk {
        GateDisk { gates_inspections: true, ..self }
    }

    /// Sets the rule that is called before each disk call. `Ok(None)` lets the call through, `Ok(Some(n))` limits a read or
    /// write to `n` bytes. The rule may block.
    pub fn rule(&self, rule: impl Fn(&Call) -> io::Result<Option<usize>> + Send + Sync + 'static) {
        *lock(&self.rule) = Arc::new(rule);
    }

    /// Removes the rule: all calls pass again.
    pub fn remove_rule(&self) {
        self.rule(|_| Ok(None));
    }

    /// Fails each call of this method on a path with this ending.
    pub fn fail(&self, method: DiskMethod, ending: &str, kind: io::ErrorKind) {
        let ending = ending.to_owned();
        self.rule(move |call| if call.is(method, &ending) { Err(kind.into()) } else { Ok(None) });
    }

    /// All calls that passed since the last call of `trace`.
    pub fn trace(&self) -> Vec<Call> {
        std::mem::take(&mut *lock(&self.trace))
    }

    fn apply_rule(&self, method: DiskMethod, path: &Path, offset: u64, len: usize) -> io::Result<usize> {
        let call = Call { method, path: path.to_owned(), offset, len };
        let rule = Arc::clone(&lock(&self.rule));
        let limit = rule(&call)?.unwrap_or(len).min(len);
        lock(&self.trace).push(call);
        Ok(limit)
    }

    fn inspect(&self, path: &Path) -> io::Result<()> {
        if self.gates_inspections { self.apply_rule(DiskMethod::Inspect, path, 0, 0).map(drop) } else { Ok(()) }
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
        self.apply_rule(DiskMethod::CreateNew, path, 0, 0)?;
        self.inner.create_new(path).map(|file| self.file(path, file))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let method = if access == Access::Read { DiskMethod::Open } else { DiskMethod::OpenToWrite };
        self.apply_rule(method, path, 0, 0)?;
        self.inner.open(path, access).map(|file| self.file(path, file))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.apply_rule(DiskMethod::CreateDir, path, 0, 0)?;
        self.inner.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.apply_rule(DiskMethod::List, dir, 0, 0)?;
        self.inner.list(dir)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<FileType>> {
        self.inspect(path)?;
        self.inner.kind(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.apply_rule(DiskMethod::Rename, to, 0, 0)?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.apply_rule(DiskMethod::Remove, path, 0, 0)?;
        self.inner.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.apply_rule(DiskMethod::Remove, path, 0, 0)?;
        self.inner.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.apply_rule(DiskMethod::SyncDir, path, 0, 0)?;
        self.inner.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        self.apply_rule(DiskMethod::Lock, path, 0, 0)?;
        self.inner.lock(path)
    }

    fn is_within(&self, path: &Path, dir: &Path) -> io::Result<bool> {
        self.inner.is_within(path, dir)
    }

    fn owner(&self, path: &Path) -> io::Result<Option<String>> {
        self.inspect(path)?;
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
        let len = self.disk.apply_rule(DiskMethod::Read, &self.path, offset, buf.len())?;
        self.file.read_at(&mut buf[..len], offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        let len = self.disk.apply_rule(DiskMethod::Write, &self.path, offset, buf.len())?;
        self.file.write_at(&buf[..len], offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.apply_rule(DiskMethod::SyncData, &self.path, 0, 0)?;
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.disk.apply_rule(DiskMethod::SyncAll, &self.path, 0, 0)?;
        self.file.sync_all()
    }

    fn len(&self) -> io::Result<u64> {
        self.disk.inspect(&self.path)?;
        self.file.len()
    }
}

/// A test that waits longer than this has failed.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A gate that blocks calls until it is opened.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    state: Arc<(Mutex<GateState>, Condvar)>,
}

#[derive(Debug, Default)]
struct GateState {
    open: bool,
    waiting: usize,
}

impl Gate {
    /// Waits until the gate is open or the timeout has passed.
    pub fn pass(&self) {
        let (state, changed) = &*self.state;
        let mut state = lock(state);
        state.waiting += 1;
        changed.notify_all();
        let deadline = Instant::now() + TIMEOUT;
        while !state.open && Instant::now() < deadline {
            state = changed.wait_timeout(state, TIMEOUT).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting -= 1;
    }

    /// Lets all calls through, now and later.
    pub fn open(&self) {
        let (state, changed) = &*self.state;
        lock(state).open = true;
        changed.notify_all();
    }

    /// Returns once a call is blocked at the gate.
    ///
    /// # Panics
    ///
    /// If no call reaches the gate before the timeout.
    pub fn wait_until_blocked(&self) {
        let (state, changed) = &*self.state;
        let mut state = lock(state);
        let deadline = Instant::now() + TIMEOUT;
        while state.waiting == 0 {
            assert!(Instant::now() < deadline, "no call reached the gate");
            state = changed.wait_timeout(state, TIMEOUT).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
