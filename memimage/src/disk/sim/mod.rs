//! A deterministic disk in memory that simulates power cuts, process kills and injected faults.

mod content;
mod crash;
mod rng;
mod fault;
mod file;
mod methods;
mod operation;
mod state;
#[cfg(test)]
mod tests;
mod trace;
mod tree;
mod variant;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

pub use self::crash::{Fate, Unsynced};
pub use self::fault::{Effect, Fault, Method};
pub use self::operation::Operation;
pub use self::trace::Trace;
pub use self::variant::{Crash, Shrunk};

use self::state::SimState;
use self::tree::Tree;

/// The size, in bytes, of the unit that reaches a disk completely or not at all.
const SECTOR: u64 = 512;

/// A deterministic disk in memory that tracks written and synced data separately. The same calls always result in the same
/// bytes, the same listings and the same unsynced changes at a crash.
///
/// A clone refers to the same disk. Absolute and relative paths start at the root, which always exists; `..` is resolved by
/// name.
///
/// # What is modelled
///
/// - *Bytes.* Every reader sees a write immediately. The bytes reach the disk when the file is synced, by either sync method.
///   Until the file is synced, each written 512-byte sector survives a power cut or is lost independently, in any combination.
///   A sector is torn only if its [`Fate`] is `Garbage`.
/// - *Length.* After a power cut, a file that grew ends at its synced length or after the last surviving sector beyond it.
///   The file may also keep its new length without its new bytes, which are then zeros.
/// - *Names.* Every reader sees a creation, rename or removal immediately. The change reaches the disk when the directory is
///   synced. Until the directory is synced, each change survives a power cut or is lost independently, with one exception: if a
///   creation or rename survives, the older changes that freed its new name survive too. A rename is one atomic change. Syncing
///   either of the two directories of a rename makes the rename durable, with all older changes in both directories. Syncing a
///   file does not make its name durable. Syncing a directory makes neither the directory's own name nor the bytes of its files
///   durable. If a directory is lost, all its entries are lost.
/// - *Processes.* A [`fork`](Self::fork) is the disk that the next process finds if this process is killed: all written data is
///   visible, and unsynced data is still unsynced. No file is open, and no lock is held.
/// - *Faults.* Only [injected](Self::inject) faults occur: errors, short transfers, interruptions, syncs that drop data, and
///   bit rot. See [`Fault`]. After a power cut, a sector contains garbage only if its [`Fate`] says so.
///
/// The disk is deterministic: the same calls, seeds and fates give the same disk.
///
/// The disk does not model permissions, times, links, or the amount of free space ([`Fault::full`] makes calls fail as on a
/// full disk). No write damages other sectors. If two writes to a sector have no sync between them, no power cut keeps the
/// first and loses the second.
///
/// # Testing a model
///
/// This test tries every distinct ready-made power cut after every operation of a scenario. After each power cut, the image
/// must open and contain all acknowledged commands:
///
/// ```
/// # #[cfg(feature = "sim")] {
/// use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
/// use std::sync::{Arc, mpsc};
///
/// use memimage::disk::{Crash, SimDisk};
/// use memimage::{Image, Model, Shape};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// struct Guests {
///     names: Vec<String>,
/// }
///
/// #[memimage::commands]
/// impl Guests {
///     #[command]
///     fn sign(&mut self, name: String) {
///         self.names.push(name);
///     }
/// }
///
/// let open = |disk: &SimDisk| Image::<Guests>::options().segment_bytes(16 << 10).open_with(Arc::new(disk.clone()), "guests");
///
/// // run the scenario once; keep a fork of the disk after each operation, with the number of acknowledged commands
/// let (disk, acknowledged) = (SimDisk::new(), Arc::new(AtomicU64::new(0)));
/// let (points, observed) = mpsc::channel();
/// let seen = Arc::clone(&acknowledged);
/// disk.observe(move |_, fork| _ = points.send((fork.clone(), seen.load(SeqCst))));
/// let guests = open(&disk)?;
/// for name in ["Ada", "Grace", "Barbara"] {
///     guests.sign(name.to_owned())?;
///     acknowledged.fetch_add(1, SeqCst);
/// }
/// Image::close(guests)?;
///
/// let is_intact = |disk: &SimDisk, acknowledged: u64| match open(disk) {
///     Ok(guests) => guests.read_uncommitted().unwrap().names.len() as u64 >= acknowledged,
///     Err(_) => false,
/// };
/// for (disk, acknowledged) in observed.try_iter() {
///     for crash in Crash::all(disk.unsynced().len(), 0..2) {
///         if matches!(crash, Crash::Garbage(_)) {
///             continue; // the image may refuse to open: recovery cannot always distinguish a torn write from damage
///         }
///         let crashed = disk.crash_by(&crash);
///         if !is_intact(&crashed, acknowledged) {
///             let smallest = disk.shrink(&crash, |crashed| !is_intact(&crashed, acknowledged));
///             panic!("{crash:?} loses data: {smallest}\n{}", crashed.trace());
///         }
///     }
/// }
/// # }
/// # Ok::<(), memimage::Error>(())
/// ```
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<SimState>>,
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::with(SimState::new(Tree::new(), 0, Trace::default(), None))
    }

    /// A copy of the disk as the next process finds it if this process is killed now: all written data is visible, and unsynced
    /// data is still unsynced; no file is open, no lock is held, and there is no observer. The copy continues the count of
    /// [`operations`](Self::operations). Forking is cheap: the two disks share their bytes until one of them writes.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.state().fork()
    }

    /// A copy of the disk after a power cut. The copy contains all synced data. `fate` decides about each unsynced change: it
    /// returns a [`Fate`], or a bool that states whether the change survives. The copy counts [`operations`](Self::operations)
    /// from 0. [`crash_by`](Self::crash_by) takes a ready-made [`Crash`] instead of `fate`.
    ///
    /// The order of the calls of `fate` depends only on the operations so far: first the changes of names, from the oldest to
    /// the newest, then the changes of files in the order of their creation, with the sectors of a file in ascending order and
    /// its length last. The results of `fate` do not affect the later calls, so [`unsynced`](Self::unsynced) can list the
    /// changes in advance, in this order. `fate` is not called for a sector that was overwritten with identical bytes, nor for
    /// data that a failed sync dropped, which is lost.
    #[must_use]
    pub fn crash<F: Into<Fate>>(&self, mut fate: impl FnMut(&Unsynced) -> F) -> Self {
        let (tree, mut trace, network) = {
            let state = self.state();
            (state.tree.clone(), state.trace.clone(), state.network_filesystem.clone())
        };
        let (mut survived, mut unsynced) = (0, 0);
        let tree = crash::crash(&tree, &mut |change, _| {
            let fate = fate(&change).into();
            unsynced += 1;
            survived += usize::from(fate == Fate::Kept);
            fate
        });
        trace.power_cut(survived, unsynced);
        Self::with(SimState::new(tree, 0, trace, network))
    }

    /// All unsynced changes, in the order in which [`crash`](Self::crash) decides their fates.
    #[must_use]
    pub fn unsynced(&self) -> Vec<Unsynced> {
        self.ages().into_iter().map(|(_, unsynced)| unsynced).collect()
    }

    /// All unsynced changes, each with the number of the operation that made it.
    fn ages(&self) -> Vec<(u64, Unsynced)> {
        let (tree, mut ages) = (self.state().tree.clone(), Vec::new());
        _ = crash::crash(&tree, &mut |change, age| {
            ages.push((age, change));
            Fate::Lost
        });
        ages
    }

    /// The number of operations so far that changed the disk or its durable data; see [`Operation`].
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Stops the disk after this number of [`operations`](Self::operations): later operations fail, and reads still succeed.
    pub fn stop_after(&self, operations: u64) {
        self.state().stop_after = Some(operations);
    }

    /// Calls `observer` after each later operation, with a [`fork`](Self::fork) of the disk at that point.
    ///
    /// The observer is called before the operation returns and before any other operation begins. Therefore everything that the
    /// program has acknowledged before the observer returns depends only on this operation and on earlier ones. The observer
    /// must not use this disk, because that would deadlock.
    pub fn observe(&self, observer: impl FnMut(&Operation, &SimDisk) + Send + 'static) {
        self.state().observer = Some(Box::new(observer));
    }

    /// The paths of all files, sorted.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.state().tree.files()
    }

    /// All bytes of a file.
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory` or `IsADirectory` if there is no such file.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let state = self.state();
        let content = &state.tree.file(state.tree.find(path.as_ref())?)?.content;
        let mut bytes = vec![0; content.len() as usize];
        content.read_at(&mut bytes, 0);
        Ok(bytes)
    }

    /// Damages a file: replaces the bytes at `offset` as if the new bytes had been written and synced earlier. Other unsynced
    /// changes stay unsynced, and no operation is counted.
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory` or `IsADirectory` if there is no such file; `FileTooLarge` beyond the largest offset.
    pub fn write(&self, path: impl AsRef<Path>, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.state().file_at(path.as_ref())?.content.put_synced(bytes, offset)
    }

    /// Damages a file: truncates the file to `len` bytes, or extends it with zeros, as if this length had been synced earlier.
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory` or `IsADirectory` if there is no such file; `FileTooLarge` beyond the largest offset.
    pub fn truncate(&self, path: impl AsRef<Path>, len: u64) -> io::Result<()> {
        self.state().file_at(path.as_ref())?.content.set_len_synced(len)
    }

    /// Injects a fault into later calls. If several faults would strike the same call, the one that was injected first strikes.
    ///
    /// The disks that [`fork`](Self::fork) and [`crash`](Self::crash) return have no faults.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.inject(fault);
    }

    /// Removes all faults, but does not undo the effects that they had: data that a failed sync dropped stays dropped.
    pub fn heal(&self) {
        self.state().faults.heal();
    }

    /// The number of calls that a fault has struck. A test can run with a fault at call 1, then with a fault at call 2, and so
    /// on. Once a run ends without a strike, the test has tried every call.
    #[must_use]
    pub fn strikes(&self) -> u64 {
        self.state().faults.strikes
    }

    /// The most recent calls. The disks that [`fork`](Self::fork) and [`crash`](Self::crash) return keep the calls made before
    /// they were created.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.state().trace.clone()
    }

    /// Sets the result of [`Disk::network_filesystem`](super::Disk::network_filesystem) for every path. A new disk is local.
    pub fn set_network_filesystem(&self, name: Option<&str>) {
        self.state().network_filesystem = name.map(str::to_owned);
    }

    fn with(state: SimState) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, SimState> {
        self.state.lock()
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Does not lock the state, so that an observer can print the disk.
        f.debug_struct("SimDisk").finish_non_exhaustive()
    }
}
