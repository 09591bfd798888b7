//! Calls that fail, fall short or lie.

use std::io;
use std::ops::Range;
use std::path::Path;

use super::dice::Dice;

/// A method of [`Disk`](crate::disk::Disk) or [`DiskFile`](crate::disk::DiskFile).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is the method of its name")]
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
    /// All of them.
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

    /// Whether it makes anything durable.
    #[must_use]
    pub fn is_sync(self) -> bool {
        matches!(self, Method::SyncDir | Method::SyncData | Method::SyncAll)
    }

    /// Whether it is one that changes the disk or what of it would survive a power cut: an
    /// [`Operation`](super::Operation) when it succeeds.
    #[must_use]
    pub fn is_change(self) -> bool {
        use Method::{Exposed, IsWithin, Kind, Len, List, NetworkFilesystem, Open, Owner, ReadAt};
        !matches!(self, Open | List | Kind | IsWithin | Owner | Exposed | NetworkFilesystem | ReadAt | Len)
    }
}

/// How much of what was asked for a failing call has done all the same. Without it a fault knows only the kindest case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing. After a sync all is as unsynced as before. Bits that rot were read wrong, once.
    Nothing,
    /// All of it, and then it failed. Bits that rot are wrong on disk from then on.
    Everything,
    /// As the fault's seed says: a write, the first part of its bytes; a sync, some sectors and not others, the others
    /// dropped as by [`Dropped`](Effect::Dropped); any other call and a directory's sync, all or nothing.
    Part,
    /// Of a sync: nothing reached the disk, and what was to be synced counts as synced. It is read as it was written, and
    /// later syncs succeed and pass over it; what is written once more is synced once more. So Linux does when the disk
    /// fails (the PostgreSQL developers called it fsyncgate in 2018). Of any other call: nothing.
    Dropped,
}

/// What goes wrong on a [`SimDisk`](super::SimDisk), in which calls and how often: see
/// [`SimDisk::inject`](super::SimDisk::inject).
///
/// Strikes once, at the first call that it is for, unless told otherwise.
///
/// ```
/// # #[cfg(feature = "sim")] {
/// use memimage::disk::{Effect, Fault, Method};
///
/// // the third sync of a journal file fails, and what it was to sync is lost though it is still seen
/// Fault::io().on(&[Method::SyncData]).path(".journal").nth(3).effect(Effect::Dropped);
/// // there is no room from now on
/// Fault::full().from(1);
/// // one read in a thousand shows a wrong bit
/// Fault::rot().one_in(1000).seed(7);
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    failure: Failure,
    methods: Option<Vec<Method>>,
    path: String,
    when: When,
    seed: u64,
    effect: Effect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Io,
    Error(io::ErrorKind),
    Short,
    Rot,
    RotAt { offset: u64, bit: u8 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Nth(u64),
    From(u64),
    Every(u64),
    OneIn(u64),
}

impl Fault {
    /// The disk fails (`EIO`), in calls of all methods.
    #[must_use]
    pub fn io() -> Fault {
        Fault::new(Failure::Io, None)
    }

    /// There is no room (`ENOSPC`), in calls that may need some: to create, rename and write.
    #[must_use]
    pub fn full() -> Fault {
        let methods = vec![Method::CreateNew, Method::CreateDir, Method::Rename, Method::WriteAt];
        Fault::new(Failure::Error(io::ErrorKind::StorageFull), Some(methods))
    }

    /// A signal interrupts a read or write before anything is transferred (`EINTR`). All other calls are taken up again
    /// by Rust's standard library and never show it. [`from`](Fault::from) makes it go on for ever, and so do programs
    /// that try again: use [`every`](Fault::every) or [`one_in`](Fault::one_in).
    #[must_use]
    pub fn interrupted() -> Fault {
        Fault::new(Failure::Error(io::ErrorKind::Interrupted), Some(vec![Method::ReadAt, Method::WriteAt]))
    }

    /// Any other error, in calls of all methods.
    #[must_use]
    pub fn error(kind: io::ErrorKind) -> Fault {
        Fault::new(Failure::Error(kind), None)
    }

    /// A read or write of two bytes or more transfers fewer than it was asked for, and at least one.
    #[must_use]
    pub fn short() -> Fault {
        Fault::new(Failure::Short, Some(vec![Method::ReadAt, Method::WriteAt]))
    }

    /// A read shows one bit wrong, which one depends on the seed. With [`Effect::Everything`] it is wrong on disk.
    #[must_use]
    pub fn rot() -> Fault {
        Fault::new(Failure::Rot, Some(vec![Method::ReadAt]))
    }

    /// A read of the byte at `offset` shows one bit of it wrong: `bit` 0 is the lowest. With [`Effect::Everything`] it is
    /// wrong on disk. Counts only reads of that byte.
    #[must_use]
    pub fn rot_at(offset: u64, bit: u8) -> Fault {
        Fault::new(Failure::RotAt { offset, bit: bit % 8 }, Some(vec![Method::ReadAt]))
    }

    fn new(failure: Failure, methods: Option<Vec<Method>>) -> Fault {
        Fault { failure, methods, path: String::new(), when: When::Nth(1), seed: 0, effect: Effect::Nothing }
    }

    /// Only in calls of these methods.
    #[must_use]
    pub fn on(mut self, methods: &[Method]) -> Fault {
        self.methods = Some(methods.to_vec());
        self
    }

    /// Only in calls on a path that has this text in it; of two paths, either. A file goes by the path by which it was
    /// created or opened.
    #[must_use]
    pub fn path(mut self, part: impl Into<String>) -> Fault {
        self.path = part.into();
        self
    }

    /// In the `n`th of these calls, from 1, and in no other.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Fault {
        self.when = When::Nth(n);
        self
    }

    /// In the `n`th of these calls, from 1, and in all after it.
    #[must_use]
    pub fn from(mut self, n: u64) -> Fault {
        self.when = When::From(n);
        self
    }

    /// In each `n`th of these calls.
    #[must_use]
    pub fn every(mut self, n: u64) -> Fault {
        self.when = When::Every(n);
        self
    }

    /// In about one of `n` of these calls, by the seed.
    #[must_use]
    pub fn one_in(mut self, n: u64) -> Fault {
        self.when = When::OneIn(n);
        self
    }

    /// What is left open goes by this seed: how short a transfer is, which bits rot, and so on. Otherwise it is 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Fault {
        self.seed = seed;
        self
    }

    /// What the failing call has done all the same. Otherwise it is [`Effect::Nothing`].
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Fault {
        self.effect = effect;
        self
    }
}

/// A call of a method, as far as faults and traces are concerned with it.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'a Path,
    /// The second path, of those with two.
    pub(super) to: Option<&'a Path>,
    /// Of a read or write.
    pub(super) offset: u64,
    pub(super) len: usize,
}

impl<'a> Call<'a> {
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
    /// How many calls it was for.
    met: u64,
    dice: Dice,
}

impl Faults {
    pub(super) fn inject(&mut self, fault: Fault) {
        let dice = Dice::new(fault.seed);
        self.armed.push(Armed { fault, met: 0, dice });
    }

    pub(super) fn heal(&mut self) {
        self.armed.clear();
    }

    /// What strikes this call. All faults count it, and the one injected first strikes.
    pub(super) fn strike(&mut self, call: &Call<'_>) -> Option<Strike> {
        let mut strikes = self.armed.iter_mut().filter_map(|armed| armed.strike(call));
        let first = strikes.next();
        strikes.for_each(drop);
        self.strikes += u64::from(first.is_some());
        first
    }
}

impl Armed {
    fn strike(&mut self, call: &Call<'_>) -> Option<Strike> {
        let Fault { failure, methods, path, when, effect, .. } = &self.fault;
        let has = |at: &Path| path.is_empty() || at.to_string_lossy().contains(path);
        let meets = methods.as_ref().is_none_or(|methods| methods.contains(&call.method))
            && (has(call.path) || call.to.is_some_and(has))
            && match *failure {
                Failure::Short => call.len > 1,
                Failure::Rot => call.method == Method::ReadAt && call.len > 0,
                Failure::RotAt { offset, .. } => call.method == Method::ReadAt && call.bytes().contains(&offset),
                Failure::Io | Failure::Error(_) => true,
            };
        if !meets {
            return None;
        }
        self.met += 1;
        let strikes = match *when {
            When::Nth(n) => self.met == n,
            When::From(n) => self.met >= n,
            When::Every(n) => n > 0 && self.met.is_multiple_of(n),
            When::OneIn(n) => self.dice.once_in(n),
        };
        strikes.then(|| Strike { failure: *failure, effect: *effect, dice: Dice::new(self.dice.u64()) })
    }
}

/// A fault that struck a call.
#[derive(Clone)]
pub(super) struct Strike {
    failure: Failure,
    pub(super) effect: Effect,
    pub(super) dice: Dice,
}

impl Strike {
    /// What the caller is told; nothing of what falls short and what rots.
    pub(super) fn error(&self) -> Option<io::Error> {
        match self.failure {
            // as the operating system has it: it has no kind of its own
            Failure::Io => Some(io::Error::from_raw_os_error(5)),
            Failure::Error(kind) => Some(kind.into()),
            Failure::Short | Failure::Rot | Failure::RotAt { .. } => None,
        }
    }

    /// Whether a call that is done or not is done.
    pub(super) fn is_done(&mut self) -> bool {
        match self.effect {
            Effect::Nothing | Effect::Dropped => false,
            Effect::Everything => true,
            Effect::Part => self.dice.once_in(2),
        }
    }

    /// Of a sync: whether the next part of what it is to sync reaches the disk, or else is dropped; nothing if all stays as
    /// it is.
    pub(super) fn reaches(&mut self) -> Option<impl FnMut() -> bool> {
        let effect = self.effect;
        (effect != Effect::Nothing).then_some(move || match effect {
            Effect::Part => self.dice.once_in(2),
            effect => effect == Effect::Everything,
        })
    }

    /// How many of these bytes are transferred.
    pub(super) fn part_of(&mut self, len: usize) -> usize {
        match (self.failure, self.effect) {
            (Failure::Rot | Failure::RotAt { .. }, _) => len,
            (Failure::Short, _) => 1 + self.dice.below(len as u64 - 1) as usize,
            (_, Effect::Nothing | Effect::Dropped) => 0,
            (_, Effect::Everything) => len,
            (_, Effect::Part) => self.dice.below(len as u64) as usize,
        }
    }

    /// The bit that rots in what was read from `offset`: where in the file, and which.
    pub(super) fn rots(&mut self, offset: u64, read: usize) -> Option<(u64, u8)> {
        match self.failure {
            _ if read == 0 => None,
            Failure::Rot => Some((offset + self.dice.below(read as u64), self.dice.below(8) as u8)),
            Failure::RotAt { offset: at, bit } => (offset..offset + read as u64).contains(&at).then_some((at, bit)),
            _ => None,
        }
    }
}
