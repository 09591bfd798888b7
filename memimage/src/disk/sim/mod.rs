//! A disk in memory that knows what a power cut would leave of it.

mod content;
mod crash;
mod file;
mod operation;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

pub use self::crash::Unsynced;
pub use self::operation::Operation;

use self::file::{Handle, Locked, SimFile};
use self::tree::{Dir, File, Node, NodeId, Tree, absolute};
use super::lock::{OWNER_MAX, owner_in, owner_line};
use super::{Access, Disk, DiskFile, Entry, Kind, Lock, LockGuard};

/// What reaches a disk whole or not at all, in bytes.
const SECTOR: u64 = 512;

/// A deterministic disk in memory that keeps apart what is written and what is synced: the same calls give the same
/// bytes, the same listings and the same questions at a crash.
///
/// A clone is the same disk. Paths start at the root, which always exists; a relative path starts there too, and `..`
/// is resolved by name.
///
/// # What is modelled
///
/// - *Bytes.* A write is seen by every reader at once and reaches the disk when the file is synced, by either sync.
///   Until then a power cut takes or leaves each written 512-byte sector by itself, in any combination; a sector is
///   never torn within.
/// - *Length.* A file that grew ends, after a power cut, where it was synced or after the last surviving sector beyond.
///   It may also keep its length without its bytes, which then are zeros.
/// - *Names.* Creating, renaming and removing is seen at once and reaches the disk when the directory is synced. Until
///   then a power cut takes or leaves each change by itself, in any combination; a rename is one change, which happened
///   or did not, and a change takes along the older ones that freed the name it gives. Syncing either of the two
///   directories of a rename makes it durable, with all older changes in both.
///   Syncing a file does not make its name durable. Syncing a directory makes neither its own name durable nor the
///   bytes of its files. What is in a directory that is lost is lost.
/// - *Processes.* A [`fork`](Self::fork) is the disk as the next process finds it after this one was killed: all that
///   was written is there, and what was unsynced still is. Open files and locks are gone.
///
/// Not modelled: permissions, times, links, space that runs out, sectors that come back as garbage, and disks that fail
/// or lie.
///
/// # Testing every crash point
///
/// Observe a scenario, and crash each fork in as many ways as wanted:
///
/// ```
/// # #[cfg(feature = "sim")] {
/// use memimage::disk::{Disk, SimDisk};
/// use std::{path::Path, sync::mpsc};
///
/// let disk = SimDisk::new();
/// let (forks, observed) = mpsc::channel();
/// disk.observe(move |operation, fork| _ = forks.send((operation.clone(), fork.clone())));
///
/// let file = disk.create_new(Path::new("greeting"))?;
/// file.write_at(b"hello", 0)?;
/// file.sync_data()?;
/// disk.sync_dir(Path::new("/"))?;
///
/// for (operation, fork) in observed.try_iter() {
///     let crashed = fork.crash(|_| false);
///     println!("after {operation:?} a power cut may leave {:?}", crashed.files());
/// }
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

struct State {
    tree: Tree,
    locked: BTreeSet<NodeId>,
    network_filesystem: Option<String>,
    operations: u64,
    stop_after: Option<u64>,
    observer: Option<Box<Observer>>,
}

type Observer = dyn FnMut(&Operation, &SimDisk) + Send;

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Tree::new(), 0, None)
    }

    /// A copy of the disk as the next process finds it when this one is killed: everything written is there, and what
    /// is unsynced still is; no file is open, no lock held, nobody observes. It counts on from the same number of
    /// [`operations`](Self::operations). Cheap: the bytes are shared until one of the two writes them.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.state().fork()
    }

    /// A copy of the disk as a power cut now would leave it: everything synced, and of the unsynced that which
    /// `survives`. It counts [`operations`](Self::operations) from 0.
    ///
    /// Asked in an order that depends on nothing but the operations done: names first, oldest change first, then files
    /// in the order of their creation, their sectors ascending and their length last. What is asked does not depend on
    /// the answers, so [`unsynced`](Self::unsynced) tells it beforehand. Sectors that were written with the bytes they
    /// had are not asked about.
    #[must_use]
    pub fn crash(&self, mut survives: impl FnMut(&Unsynced) -> bool) -> Self {
        let (tree, network) = {
            let state = self.state();
            (state.tree.clone(), state.network_filesystem.clone())
        };
        Self::with(crash::crash(&tree, &mut survives), 0, network)
    }

    /// All that [`crash`](Self::crash) would ask about, in its order.
    #[must_use]
    pub fn unsynced(&self) -> Vec<Unsynced> {
        let mut unsynced = Vec::new();
        _ = self.crash(|asked| {
            unsynced.push(asked.clone());
            false
        });
        unsynced
    }

    /// How many operations that change the disk have succeeded: see [`Operation`].
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets no operation change the disk once it has counted this many [`operations`](Self::operations): further ones
    /// fail, and reads go on.
    pub fn stop_after(&self, operations: u64) {
        self.state().stop_after = Some(operations);
    }

    /// Calls `observer` after each operation from now on, with a [`fork`](Self::fork) of the disk as it then is.
    ///
    /// It is called before the operation returns and before any other begins, so that what the program has
    /// acknowledged when it runs rests on that operation and older ones only. It must not touch this disk: that
    /// would wait for itself.
    pub fn observe(&self, observer: impl FnMut(&Operation, &SimDisk) + Send + 'static) {
        self.state().observer = Some(Box::new(observer));
    }

    /// Every file's path, in order.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.state().tree.files()
    }

    /// All bytes of a file.
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory` or `IsADirectory` when there is no such file.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let state = self.state();
        let content = &state.tree.file(state.tree.find(path.as_ref())?)?.content;
        let mut bytes = vec![0; content.len() as usize];
        content.read_at(&mut bytes, 0);
        Ok(bytes)
    }

    /// Damages a file: puts `bytes` at `offset` as if they had been written and synced before. What else is unsynced
    /// stays so, and no operation is counted.
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory` or `IsADirectory` when there is no such file.
    pub fn write(&self, path: impl AsRef<Path>, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.state().file_at(path.as_ref())?.content.put_synced(bytes, offset)
    }

    /// Damages a file: cuts it at `len` bytes, or extends it with zeros, as if it had been so and synced before.
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory` or `IsADirectory` when there is no such file.
    pub fn truncate(&self, path: impl AsRef<Path>, len: u64) -> io::Result<()> {
        self.state().file_at(path.as_ref())?.content.set_len_synced(len)
    }

    /// What [`Disk::network_filesystem`] answers from now on, for every path. A new disk is a local one.
    pub fn set_network_filesystem(&self, name: Option<&str>) {
        self.state().network_filesystem = name.map(str::to_owned);
    }

    fn with(tree: Tree, operations: u64, network_filesystem: Option<String>) -> Self {
        let state =
            State { tree, locked: BTreeSet::new(), network_filesystem, operations, stop_after: None, observer: None };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Every change goes through here: refuses, does, counts and tells.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut State) -> io::Result<T>,
        operation: impl FnOnce(&State) -> Operation,
    ) -> io::Result<T> {
        let mut state = self.state();
        if state.stop_after.is_some_and(|last| state.operations >= last) {
            return Err(io::Error::other(format!("the simulated disk stopped after operation {}", state.operations)));
        }
        let done = change(&mut state)?;
        state.operations += 1;
        if let Some(mut observer) = state.observer.take() {
            observer(&operation(&state), &state.fork());
            state.observer = Some(observer);
        }
        Ok(done)
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Looks at nothing, so that it can be printed from within an observer.
        f.debug_struct("SimDisk").finish_non_exhaustive()
    }
}

impl State {
    fn fork(&self) -> SimDisk {
        let mut tree = self.tree.clone();
        tree.close_all();
        SimDisk::with(tree, self.operations, self.network_filesystem.clone())
    }

    fn open(&mut self, node: NodeId) -> io::Result<NodeId> {
        self.tree.file_mut(node)?.handles += 1;
        Ok(node)
    }

    fn close(&mut self, node: NodeId) {
        if let Ok(file) = self.tree.file_mut(node) {
            file.handles -= 1;
            if file.handles == 0 {
                self.tree.sweep();
            }
        }
    }

    fn file_at(&mut self, path: &Path) -> io::Result<&mut File> {
        let node = self.tree.find(path)?;
        self.tree.file_mut(node)
    }

    /// For reports.
    fn path_of(&self, node: NodeId) -> PathBuf {
        self.tree.paths().remove(&node).unwrap_or_else(|| PathBuf::from("(removed)"))
    }
}

impl Disk for SimDisk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let node = self.change(
            |state| {
                let node = state.tree.create(path, Node::File(File::default()))?;
                state.open(node)
            },
            |_| Operation::CreateNew { path: absolute(path) },
        )?;
        Ok(Box::new(SimFile::new(Handle::new(self, node), Access::ReadWrite)))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let node = {
            let mut state = self.state();
            let node = state.tree.find(path)?;
            state.open(node)?
        };
        Ok(Box::new(SimFile::new(Handle::new(self, node), access)))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.change(
            |state| state.tree.create(path, Node::Dir(Dir::default())).map(drop),
            |_| Operation::CreateDir { path: absolute(path) },
        )
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let state = self.state();
        let names = &state.tree.dir(state.tree.find(dir)?)?.written;
        let entry = |(name, node)| match &state.tree.nodes[node] {
            Node::File(file) => Entry { name, kind: Kind::File, len: file.content.len() },
            Node::Dir(_) => Entry { name, kind: Kind::Dir, len: 0 },
        };
        Ok(names.iter().map(|(name, node)| (name.clone(), node)).map(entry).collect())
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        let state = self.state();
        match state.tree.find(path) {
            Ok(node) if state.tree.file(node).is_ok() => Ok(Some(Kind::File)),
            Ok(_) => Ok(Some(Kind::Dir)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(
            |state| state.tree.rename(from, to),
            |_| Operation::Rename { from: absolute(from), to: absolute(to) },
        )
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(|state| state.tree.remove(path), |_| Operation::Remove { path: absolute(path) })
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.change(|state| state.tree.remove_dir(path), |_| Operation::RemoveDir { path: absolute(path) })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.change(|state| state.tree.sync_dir(path), |_| Operation::SyncDir { path: absolute(path) })
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        let mut busy = None;
        let locked = self.change(
            |state| {
                let node = match state.tree.find(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        state.tree.create(path, Node::File(File::default()))?
                    }
                    found => found?,
                };
                let content = &mut state.tree.file_mut(node)?.content;
                if state.locked.contains(&node) {
                    let mut text = [0; OWNER_MAX];
                    let read = content.read_at(&mut text, 0);
                    busy = Some(owner_in(&text[..read]));
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                content.write_at(owner_line().as_bytes(), 0)?;
                state.locked.insert(node);
                state.open(node)
            },
            |_| Operation::Lock { path: absolute(path) },
        );
        match busy {
            Some(owner) => Ok(Lock::Busy { owner }),
            None => Ok(Lock::Held(LockGuard::new(Locked(Handle::new(self, locked?))))),
        }
    }

    fn is_within(&self, path: &Path, dir: &Path) -> io::Result<bool> {
        self.state().tree.find(dir)?;
        Ok(absolute(path).starts_with(absolute(dir)))
    }

    fn owner(&self, path: &Path) -> io::Result<Option<String>> {
        let state = self.state();
        let node = match state.tree.find(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        let mut text = [0; OWNER_MAX];
        let read = state.tree.file(node)?.content.read_at(&mut text, 0);
        Ok(state.locked.contains(&node).then(|| owner_in(&text[..read])))
    }

    fn exposed(&self, path: &Path) -> io::Result<Option<String>> {
        self.state().tree.find(path).map(|_| None)
    }

    fn network_filesystem(&self, _path: &Path) -> io::Result<Option<String>> {
        Ok(self.state().network_filesystem.clone())
    }
}
