//! The parameters that a seed determines: the options of the image, and the course and end of each lifetime.

use std::sync::Arc;
use std::time::Duration;

use memimage::disk::{Crash, Effect, Fault, Method, SimDisk};
use memimage::{
    Durability, Error, Follower, Image, Journal, Options, Replica, Retention, SnapshotPolicy, SnapshotSource,
};
use memimage_tests::protection::{MODES, PLAIN, ProtectionMode};
use memimage_tests::{SplitMix64, with_keys};

use crate::model::MarkList;
use crate::oracle::THREADS_MAX;

/// The path of the image.
pub(crate) const IMAGE: &str = "/list";
/// The path of its backup.
pub(crate) const COPY: &str = "/copy";
/// The path of a projection of it.
pub(crate) const PROJECTION: &str = "/projection";

/// All parameters of a seed.
#[derive(Clone, Debug)]
pub(crate) struct SwarmParameters {
    pub(crate) align: u32,
    pub(crate) retention: Retention,
    pub(crate) lifetimes: Vec<LifetimeParameters>,
    pub(crate) protection: ProtectionMode,
}

/// One process with the image open.
#[derive(Clone, Debug)]
pub(crate) struct LifetimeParameters {
    pub(crate) durability: Durability,
    pub(crate) snapshots: SnapshotPolicy,
    pub(crate) snapshot_source: SnapshotSource<MarkList>,
    pub(crate) replica: Replica,
    /// Zero skips the verification of snapshots from a replica.
    pub(crate) pause_budget: Duration,
    pub(crate) batch_bytes: usize,
    pub(crate) pending_batches: usize,
    /// The seed of each thread.
    pub(crate) thread_seeds: Vec<u64>,
    /// The number of operations of each thread.
    pub(crate) operations: u64,
    /// The observers of the image, each with its seed.
    pub(crate) observers: Vec<(ObserverKind, u64)>,
    /// Whether a follower takes the image over, rather than that it is opened.
    pub(crate) taken_over: bool,
    pub(crate) fault: Option<Fault>,
    /// Whether the fault is injected before the opening.
    pub(crate) faulty_opening: bool,
    pub(crate) end: LifetimeEnd,
}

/// The kind of an observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObserverKind {
    Subscriber,
    Projection,
    Follower,
}

/// How a lifetime ends.
#[derive(Clone, Debug)]
pub(crate) enum LifetimeEnd {
    /// The image is closed: everything is written and synced.
    Close,
    /// The last handle is dropped.
    Drop,
    /// The process is killed after this number of disk operations.
    Kill(u64),
    /// The power fails after this number of disk operations.
    PowerCut(u64, Crash),
}

impl SwarmParameters {
    pub(crate) fn new(seed: u64) -> SwarmParameters {
        let mut rng = SplitMix64::new(seed);
        let retention = match rng.below(3) {
            0 => Retention::Events(rng.below(20)),
            _ => Retention::Everything,
        };
        let lifetimes = (0..1 + rng.below(4)).map(|_| LifetimeParameters::new(&mut rng)).collect();
        let align = [8, 512, 4096][rng.below(3) as usize];
        let protection = if rng.once_in(2) { MODES[rng.below(4) as usize] } else { PLAIN };
        SwarmParameters { align, retention, lifetimes, protection }
    }

    /// Opens the image with the options of a lifetime.
    pub(crate) fn open(&self, lifetime: &LifetimeParameters, disk: &SimDisk) -> Result<Image<MarkList>, Error> {
        self.open_at(IMAGE, lifetime, disk)
    }

    /// Opens the image or its backup with the options of a lifetime.
    pub(crate) fn open_at(
        &self,
        path: &str,
        lifetime: &LifetimeParameters,
        disk: &SimDisk,
    ) -> Result<Image<MarkList>, Error> {
        self.options(lifetime).open_with(Arc::new(disk.clone()), path)
    }

    /// A follower of the image.
    pub(crate) fn follow(&self, lifetime: &LifetimeParameters, disk: &SimDisk) -> Result<Follower<MarkList>, Error> {
        self.options(lifetime).follow_with(Arc::new(disk.clone()), IMAGE)
    }

    /// The journal of the image, as another process sees it.
    pub(crate) fn open_journal(
        &self,
        lifetime: &LifetimeParameters,
        disk: &SimDisk,
    ) -> Result<Journal<MarkList>, Error> {
        self.options(lifetime).open_journal_with(Arc::new(disk.clone()), IMAGE)
    }

    pub(crate) fn prunes(&self) -> bool {
        self.retention != Retention::Everything
    }

    fn options(&self, lifetime: &LifetimeParameters) -> Options<MarkList> {
        let options: Options<MarkList> = Image::options()
            .segment_bytes(16 << 10)
            .align_bytes(self.align)
            .retention(self.retention)
            .durability(lifetime.durability)
            .snapshots(lifetime.snapshots)
            .snapshot_source(lifetime.snapshot_source)
            .replica(lifetime.replica)
            .pause_budget(lifetime.pause_budget)
            .batch_bytes(lifetime.batch_bytes)
            .pending_batches_max(lifetime.pending_batches);
        with_keys!(self.protection, options)
    }
}

impl LifetimeParameters {
    fn new(rng: &mut SplitMix64) -> LifetimeParameters {
        let durability = match rng.below(5) {
            0 => Durability::Buffered,
            1 => Durability::Interval(Duration::from_micros(100 + rng.below(2_000))),
            _ => Durability::Synced,
        };
        let snapshots = match rng.below(3) {
            0 => SnapshotPolicy::Manual,
            _ => SnapshotPolicy::AfterEvents(4 + rng.below(30)),
        };
        let fault = rng.once_in(2).then(|| fault(rng));
        let end = match rng.below(6) {
            0 => LifetimeEnd::Close,
            1 => LifetimeEnd::Drop,
            2 => LifetimeEnd::Kill(rng.below(90)),
            _ => LifetimeEnd::PowerCut(rng.below(90), crash(rng)),
        };
        let snapshot_source = match rng.below(4) {
            0 => SnapshotSource::Clone(MarkList::clone),
            1 => SnapshotSource::InPlace,
            _ => SnapshotSource::Replica,
        };
        LifetimeParameters {
            durability,
            snapshots,
            snapshot_source,
            replica: if rng.once_in(3) { Replica::Standing } else { Replica::OnDemand },
            pause_budget: if rng.once_in(4) { Duration::ZERO } else { Duration::MAX },
            batch_bytes: [64, 1_000, 1 << 20][rng.below(3) as usize],
            pending_batches: 1 + rng.below(4) as usize,
            thread_seeds: (0..1 + rng.below(THREADS_MAX as u64)).map(|_| rng.u64()).collect(),
            operations: 2 + rng.below(14),
            faulty_opening: fault.is_some() && rng.once_in(3),
            fault,
            end,
            observers: observers(rng),
            taken_over: rng.once_in(4),
        }
    }
}

fn observers(rng: &mut SplitMix64) -> Vec<(ObserverKind, u64)> {
    use ObserverKind::{Follower, Projection, Subscriber};
    let mut observers = Vec::new();
    for (kind, often) in [(Subscriber, 2), (Projection, 4), (Follower, 4)] {
        if rng.once_in(often) {
            observers.push((kind, rng.u64()));
        }
    }
    observers
}

fn crash(rng: &mut SplitMix64) -> Crash {
    match rng.below(8) {
        0 => Crash::Nothing,
        1 => Crash::Everything,
        2 => Crash::NamesOnly,
        3 => Crash::BytesOnly,
        4 => Crash::Prefix(rng.below(12) as usize),
        5 => Crash::Garbage(rng.u64()),
        _ => Crash::Subset(rng.u64()),
    }
}

fn fault(rng: &mut SplitMix64) -> Fault {
    use Method::{SyncAll, SyncData, SyncDir, WriteAt};
    let nth = 1 + rng.below(40);
    let effect = match rng.below(4) {
        0 => Effect::Everything,
        1 => Effect::Part,
        2 => Effect::Dropped,
        _ => Effect::Nothing,
    };
    let fault = match rng.below(9) {
        0 => Fault::io().on(&all_but_directory_syncs()).nth(nth).effect(effect),
        1 => Fault::io().from(nth),
        2 => Fault::full().from(nth),
        3 => Fault::full().nth(nth),
        4 => Fault::io().on(&[WriteAt]).nth(nth).effect(effect),
        5 => Fault::io().on(&[SyncData, SyncAll]).nth(nth).effect(effect),
        6 => Fault::io()
            .on(&[SyncDir])
            .nth(1 + nth % 8)
            .effect([Effect::Nothing, Effect::Everything][(nth % 2) as usize]),
        7 => Fault::short().every(1 + nth % 5),
        _ => Fault::interrupted().one_in(2 + nth),
    };
    fault.seed(rng.u64())
}

/// All methods but the sync of a directory. FORMAT.md, assumption 4: a successful sync after a failed one proves nothing for
/// data, but is trusted for names.
fn all_but_directory_syncs() -> Vec<Method> {
    Method::ALL.into_iter().filter(|method| *method != Method::SyncDir).collect()
}
