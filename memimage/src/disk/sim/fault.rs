//! Fault injection: calls that fail, transfer fewer bytes, drop data, or return wrong bits.

use std::io;
use std::ops::Range;
use std::path::Path;

use super::rng::Rng;

/// A method of [`Disk`](crate::disk::Disk) or [`DiskFile`](crate::disk::DiskFile).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each variant is the method of the same name")]
pub enum Method {
    CreateNew,
    Open,
    CreateDir,
    List,
    Kind,
    Rename,
    Remove,
    RemoveDir,
    SyncDir,
    Lock,
    IsWithin,
    Owner,
    Exposed,
    NetworkFilesystem,
    ReadAt,
    WriteAt,
    SyncData,
    SyncAll,
    Len,
}

impl Method {
    /// All methods.
    pub const ALL: [Method; 19] = [
        Method::CreateNew,
        Method::Open,
        Method::CreateDir,
        Method::List,
        Method::Kind,
        Method::Rename,
        Method::Remove,
        Method::RemoveDir,
        Method::SyncDir,
        Method::Lock,
        Method::IsWithin,
        Method::Owner,
        Method::Exposed,
        Method::NetworkFilesystem,
        Method::ReadAt,
        Method::WriteAt,
        Method::SyncData,
        Method::SyncAll,
        Method::Len,
    ];

    /// Whether the method makes data durable.
    #[must_use]
    pub fn is_sync(self) -> bool {
        matches!(self, Method::SyncDir | Method::SyncData | Method::SyncAll)
    }

    /// Whether the method changes the disk, or the data that would survive a power cut. If a call of such a method takes
    /// effect, the call is an [`Operation`](super::Operation).
    #[must_use]
    pub fn is_change(self) -> bool {
        use Method::{Exposed, IsWithin, Kind, Len, List, NetworkFilesystem, Open, Owner, ReadAt};
        !matches!(self, Open | List | Kind | IsWithin | Owner | Exposed | NetworkFilesystem | ReadAt | Len)
    }
}

/// How much of a failing call takes effect although the call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The call has no effect. A failed sync leaves all unsynced data unsynced. A bit that rots is wrong only in the bytes that
    /// one read returns.
    Nothing,
    /// The call has its full effect and then fails. A bit that rots is wrong on disk too.
    Everything,
    /// The call has a partial effect, which depends on the fault's seed. A write transfers the first part of its bytes. A file
    /// sync makes some sectors durable and drops the others; see [`Dropped`](Effect::Dropped). A call that is neither a write
    /// nor a file sync has its full effect or none.
    Part,
    /// A sync drops the data: nothing reaches the disk, but the data counts as synced. Reads return the written data, and later
    /// syncs succeed without writing it to the disk. Dropped data can be synced only after it has been written again. Linux
    /// behaves like this when a disk fails (known as fsyncgate among PostgreSQL developers, 2018). With `Dropped`, a call that
    /// is not a sync has no effect.
    Dropped,
}

/// A fault on a [`SimDisk`](super::SimDisk): its kind, the calls that it strikes, and how often; see
/// [`SimDisk::inject`](super::SimDisk::inject).
///
/// By default, a fault strikes once, at the first matching call.
///
/// ```
/// # #[cfg(feature = "sim")] {
/// use memimage::disk::{Effect, Fault, Method};
///
/// // the third sync of a journal file fails, and its data is lost although reads still return it
/// Fault::io().on(&[Method::SyncData]).path(".journal").nth(3).effect(Effect::Dropped);
/// // the disk is full from now on
/// Fault::full().from(1);
/// // one read in a thousand returns a wrong bit
/// Fault::rot().one_in(1000).seed(7);
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    methods: Option<Vec<Method>>,
    path: String,
    when: Schedule,
    seed: u64,
    effect: Effect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FaultKind {
    Io,
    Error(io::ErrorKind),
    Short,
    Rot,
    RotAt { offset: u64, bit: u8 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Schedule {
    Nth(u64),
    From(u64),
    Every(u64),
    OneIn(u64),
}

impl Fault {
    /// An I/O error (`EIO`) in calls of all methods.
    #[must_use]
    pub fn io() -> Fault {
        Fault::new(FaultKind::Io, None)
    }

    /// The error `ENOSPC` (no space is left), in calls that may need space: create, rename and write.
    #[must_use]
    pub fn full() -> Fault {
        let methods = vec![Method::CreateNew, Method::CreateDir, Method::Rename, Method::WriteAt];
        Fault::new(FaultKind::Error(io::ErrorKind::StorageFull), Some(methods))
    }

    /// A signal interrupts a read or write before any byte is transferred (`EINTR`). Rust's standard library itself retries
    /// every interrupted call that is not a read or write, and never returns `EINTR` for it. With [`from`](Fault::from), a
    /// program that retries the call would retry forever: use [`every`](Fault::every) or [`one_in`](Fault::one_in) instead.
    #[must_use]
    pub fn interrupted() -> Fault {
        Fault::new(FaultKind::Error(io::ErrorKind::Interrupted), Some(vec![Method::ReadAt, Method::WriteAt]))
    }

    /// An error of the given kind, in calls of all methods.
    #[must_use]
    pub fn error(kind: io::ErrorKind) -> Fault {
        Fault::new(FaultKind::Error(kind), None)
    }

    /// A read or write of at least two bytes transfers at least one byte, but fewer than requested.
    #[must_use]
    pub fn short() -> Fault {
        Fault::new(FaultKind::Short, Some(vec![Method::ReadAt, Method::WriteAt]))
    }

    /// A read returns one wrong bit, chosen by the seed. With [`Effect::Everything`], the bit is also wrong on disk.
    #[must_use]
    pub fn rot() -> Fault {
        Fault::new(FaultKind::Rot, Some(vec![Method::ReadAt]))
    }

    /// A read of the byte at `offset` returns one wrong bit; `bit` 0 is the lowest. With [`Effect::Everything`], the bit is
    /// also wrong on disk. Only reads of the byte at `offset` count as matching calls.
    #[must_use]
    pub fn rot_at(offset: u64, bit: u8) -> Fault {
        Fault::new(FaultKind::RotAt { offset, bit: bit % 8 }, Some(vec![Method::ReadAt]))
    }

    fn new(kind: FaultKind, methods: Option<Vec<Method>>) -> Fault {
        Fault { kind, methods, path: String::new(), when: Schedule::Nth(1), seed: 0, effect: Effect::Nothing }
    }

    /// Strikes only calls of these methods.
    #[must_use]
    pub fn on(mut self, methods: &[Method]) -> Fault {
        self.methods = Some(methods.to_vec());
        self
    }

    /// Strikes only calls with a path that contains this text. If the call has two paths, at least one of them must contain the
    /// text. The path of an open file is the path by which the file was created or opened.
    #[must_use]
    pub fn path(mut self, part: impl Into<String>) -> Fault {
        self.path = part.into();
        self
    }

    /// Strikes only the `n`th matching call, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Fault {
        self.when = Schedule::Nth(n);
        self
    }

    /// Strikes the `n`th matching call, counted from 1, and all later ones.
    #[must_use]
    pub fn from(mut self, n: u64) -> Fault {
        self.when = Schedule::From(n);
        self
    }

    /// Strikes every `n`th matching call.
    #[must_use]
    pub fn every(mut self, n: u64) -> Fault {
        self.when = Schedule::Every(n);
        self
    }

    /// Strikes about one in `n` matching calls, chosen by the seed.
    #[must_use]
    pub fn one_in(mut self, n: u64) -> Fault {
        self.when = Schedule::OneIn(n);
        self
    }

    /// Sets the seed for all random choices, such as the length of short transfers and the bits that rot. The default is 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Fault {
        self.seed = seed;
        self
    }

    /// Sets the effect of the failing call. The default is [`Effect::Nothing`].
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Fault {
        self.effect = effect;
        self
    }
}

/// A call of a method, with those of its arguments that faults and traces need.
#[derive(Clone, Copy)]
pub(super) struct DiskCall<'a> {
    pub(super) method: Method,
    pub(super) path: &'a Path,
    /// The second path, if the method has two.
    pub(super) to: Option<&'a Path>,
    /// The offset of a read or write.
    pub(super) offset: u64,
    pub(super) len: usize,
}

impl<'a> DiskCall<'a> {
    pub(super) fn new(method: Method, path: &'a Path) -> Self {
        Self { method, path, to: None, offset: 0, len: 0 }
    }

    fn bytes(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.len as u64)
    }
}

/// The faults of a disk.
#[derive(Default)]
pub(super) struct Faults {
    armed: Vec<Armed>,
    pub(super) strikes: u64,
}

struct Armed {
    fault: Fault,
    /// The number of matching calls so far.
    matched: u64,
    rng: Rng,
}

impl Faults {
    pub(super) fn inject(&mut self, fault: Fault) {
        let rng = Rng::new(fault.seed);
        self.armed.push(Armed { fault, matched: 0, rng });
    }

    pub(super) fn heal(&mut self) {
        self.armed.clear();
    }

    /// Returns the fault that strikes this call, if any. If a call matches several faults, each of them counts the call. If
    /// several faults would strike the call, only the fault that was injected first strikes.
    pub(super) fn strike(&mut self, call: &DiskCall<'_>) -> Option<Strike> {
        let mut strikes = self.armed.iter_mut().filter_map(|armed| armed.strike(call));
        let first = strikes.next();
        strikes.for_each(drop);
        self.strikes += u64::from(first.is_some());
        first
    }
}

impl Armed {
    fn strike(&mut self, call: &DiskCall<'_>) -> Option<Strike> {
        let Fault { kind, methods, path, when, effect, .. } = &self.fault;
        let has = |at: &Path| path.is_empty() || at.to_string_lossy().contains(path);
        let matches = methods.as_ref().is_none_or(|methods| methods.contains(&call.method))
            && (has(call.path) || call.to.is_some_and(has))
            && match *kind {
                FaultKind::Short => call.len > 1,
                FaultKind::Rot => call.method == Method::ReadAt && call.len > 0,
                FaultKind::RotAt { offset, .. } => call.method == Method::ReadAt && call.bytes().contains(&offset),
                FaultKind::Io | FaultKind::Error(_) => true,
            };
        if !matches {
            return None;
        }
        self.matched += 1;
        let strikes = match *when {
            Schedule::Nth(n) => self.matched == n,
            Schedule::From(n) => self.matched >= n,
            Schedule::Every(n) => n > 0 && self.matched.is_multiple_of(n),
            Schedule::OneIn(n) => self.rng.once_in(n),
        };
        strikes.then(|| Strike { kind: *kind, effect: *effect, rng: Rng::new(self.rng.u64()) })
    }
}

/// A fault that struck a call.
#[derive(Clone)]
pub(super) struct Strike {
    kind: FaultKind,
    pub(super) effect: Effect,
    pub(super) rng: Rng,
}

impl Strike {
    /// The error that the call returns; `None` for short transfers and bit rot.
    pub(super) fn error(&self) -> Option<io::Error> {
        match self.kind {
            // EIO; `io::ErrorKind` has no variant for it
            FaultKind::Io => Some(io::Error::from_raw_os_error(5)),
            FaultKind::Error(kind) => Some(kind.into()),
            FaultKind::Short | FaultKind::Rot | FaultKind::RotAt { .. } => None,
        }
    }

    /// Decides whether a failing call takes effect. The call must be of a kind that takes effect completely or not at all.
    pub(super) fn takes_effect(&mut self) -> bool {
        match self.effect {
            Effect::Nothing | Effect::Dropped => false,
            Effect::Everything => true,
            Effect::Part => self.rng.once_in(2),
        }
    }

    /// For a failing sync, returns a function that decides whether the next unit of data reaches the disk or is dropped. `None`
    /// if all data stays unsynced.
    pub(super) fn reaches(&mut self) -> Option<impl FnMut() -> bool> {
        let effect = self.effect;
        (effect != Effect::Nothing).then_some(move || match effect {
            Effect::Part => self.rng.once_in(2),
            effect => effect == Effect::Everything,
        })
    }

    /// How many of `len` bytes the call transfers.
    pub(super) fn part_of(&mut self, len: usize) -> usize {
        match (self.kind, self.effect) {
            (FaultKind::Rot | FaultKind::RotAt { .. }, _) => len,
            (FaultKind::Short, _) => 1 + self.rng.below(len as u64 - 1) as usize,
            (_, Effect::Nothing | Effect::Dropped) => 0,
            (_, Effect::Everything) => len,
            (_, Effect::Part) => self.rng.below(len as u64) as usize,
        }
    }

    /// Chooses the bit that rots in a read of `read` bytes at `offset`. Returns the offset of the rotten byte in the file, and
    /// the number of the bit.
    pub(super) fn rots(&mut self, offset: u64, read: usize) -> Option<(u64, u8)> {
        match self.kind {
            _ if read == 0 => None,
            FaultKind::Rot => Some((offset + self.rng.below(read as u64), self.rng.below(8) as u8)),
            FaultKind::RotAt { offset: at, bit } => (offset..offset + read as u64).contains(&at).then_some((at, bit)),
            _ => None,
        }
    }
}
