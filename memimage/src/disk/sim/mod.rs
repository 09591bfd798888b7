//! A disk in memory that knows what a power cut would leave of it, and fails as it is told.

mod content;
mod crash;
mod dice;
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

use self::state::State;
use self::tree::Tree;

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
/// - *Faults.* Nothing goes wrong unless it is [injected](Self::inject): errors, short transfers, interruptions, syncs
///   that drop what they were to sync, bits that rot. See [`Fault`]. Sectors come back from a power cut as garbage only if
///   the answers to it say so. See [`Fate`].
///
/// All of it is deterministic: the same calls, seeds and answers give the same disk.
///
/// Not modelled: permissions, times, links, how much room there is (a [`Fault::full`] has none, wherever it strikes), that a
/// sector written twice without a sync may survive as first written, and writes that harm other sectors than theirs.
///
/// # Testing a model
///
/// Every operation of a scenario is followed by every power cut that differs, and each must leave an image that opens with
/// all that was acknowledged:
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
/// // run it once, and keep the disk after each operation, with what had been acknowledged by then
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
/// let good = |disk: &SimDisk, acknowledged: u64| match open(disk) {
///     Ok(guests) => guests.read_uncommitted().unwrap().names.len() as u64 >= acknowledged,
///     Err(_) => false,
/// };
/// for (disk, acknowledged) in observed.try_iter() {
///     for crash in Crash::all(disk.unsynced().len(), 0..2) {
///         if matches!(crash, Crash::Garbage(_)) {
///             continue; // may be refused: whoever looks cannot always tell what was torn from what was damaged
///         }
///         let crashed = disk.crash_by(&crash);
///         if !good(&crashed, acknowledged) {
///             let least = disk.shrink(&crash, |crashed| !good(&crashed, acknowledged));
///             panic!("{crash:?} loses something: {least}\n{}", crashed.trace());
///         }
///     }
/// }
/// # }
/// # Ok::<(), memimage::Error>(())
/// ```
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::with(State::new(Tree::new(), 0, Trace::default(), None))
    }

    /// A copy of the disk as the next process finds it when this one is killed: everything written is there, and what
    /// is unsynced still is; no file is open, no lock held, nobody observes. It counts on from the same number of
    /// [`operations`](Self::operations). Cheap: the bytes are shared until one of the two writes them.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.state().fork()
    }

    /// A copy of the disk as a power cut now would leave it: everything synced, and each thing unsynced with the `fate` that
    /// it is given, which may be said by a [`Fate`] or by a bool, whether it survives. It counts
    /// [`operations`](Self::operations) from 0. [`crash_by`](Self::crash_by) has ready-made answers.
    ///
    /// Asked in an order that depends on nothing but the operations done: names first, oldest change first, then files
    /// in the order of their creation, their sectors ascending and their length last. What is asked does not depend on
    /// the answers, so [`unsynced`](Self::unsynced) tells it beforehand. Sectors that were written with the bytes they
    /// had are not asked about, and neither is what a failed sync dropped, which is lost.
    #[must_use]
    pub fn crash<F: Into<Fate>>(&self, mut fate: impl FnMut(&Unsynced) -> F) -> Self {
        let (tree, mut trace, network) = {
            let state = self.state();
            (state.tree.clone(), state.trace.clone(), state.network_filesystem.clone())
        };
        let (mut survived, mut unsynced) = (0, 0);
        let tree = crash::crash(&tree, &mut |asked, _| {
            let fate = fate(&asked).into();
            unsynced += 1;
            survived += usize::from(fate == Fate::Kept);
            fate
        });
        trace.power_cut(survived, unsynced);
        Self::with(State::new(tree, 0, trace, network))
    }

    /// All that [`crash`](Self::crash) would ask about, in its order.
    #[must_use]
    pub fn unsynced(&self) -> Vec<Unsynced> {
        self.ages().into_iter().map(|(_, unsynced)| unsynced).collect()
    }

    /// The same, each with the number of the operation that did it.
    fn ages(&self) -> Vec<(u64, Unsynced)> {
        let (tree, mut ages) = (self.state().tree.clone(), Vec::new());
        _ = crash::crash(&tree, &mut |asked, age| {
            ages.push((age, asked));
            Fate::Lost
        });
        ages
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

    /// Lets something go wrong from now on. Of several faults that would strike the same call, the one injected first does.
    ///
    /// [`fork`](Self::fork) and [`crash`](Self::crash) give disks without faults.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.inject(fault);
    }

    /// Lets nothing go wrong any more. What went wrong is not undone: what a failed sync dropped stays dropped.
    pub fn heal(&self) {
        self.state().faults.heal();
    }

    /// How many calls have been struck by a fault. Once a fault for the `n`th call no longer strikes, a test has tried
    /// all.
    #[must_use]
    pub fn strikes(&self) -> u64 {
        self.state().faults.strikes
    }

    /// What happened last. A [`fork`](Self::fork) and what a [`crash`](Self::crash) leaves remember what was before.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.state().trace.clone()
    }

    /// What [`Disk::network_filesystem`](super::Disk::network_filesystem) answers from now on, for every path. A new disk is a local one.
    pub fn set_network_filesystem(&self, name: Option<&str>) {
        self.state().network_filesystem = name.map(str::to_owned);
    }

    fn with(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
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
        // Looks at nothing, so that it can be printed from within an observer.
        f.debug_struct("SimDisk").finish_non_exhaustive()
    }
}
