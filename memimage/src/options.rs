//! The options of an image, and their ranges.

mod snapshots;
mod keys;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::context::Timestamp;
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::journal::{BatchLimits, Durability, MAX_SEGMENT, MIN_SEGMENT};
use crate::keys::Keys;
#[cfg(feature = "erasure")]
use crate::personal_keys::PersonalKeys;
use crate::progress::{Progress, ProgressCallback};
use crate::replication::{Acknowledge, Replicate, ReplicationOption};
use crate::retention::{KeptSnapshots, MAX_SNAPSHOTS, MIN_SNAPSHOTS, Retention};

pub use snapshots::{Replica, SnapshotPolicy, SnapshotSource};

/// The options with which an image is opened; [`Image::options`](crate::Image::options) returns the defaults.
///
/// ```
/// # use memimage::{Durability, Image, Model, Shape, SnapshotPolicy};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Counter { count: u64 }
/// # #[memimage::commands]
/// # impl Counter {
/// #     /// Adds one.
/// #     #[command]
/// #     fn add(&mut self) -> u64 { self.count += 1; self.count }
/// # }
/// let counter = Image::<Counter>::options()
///     .durability(Durability::Buffered)
///     .snapshots(SnapshotPolicy::AfterEvents(1_000_000))
///     .in_memory()?;
/// # counter.add()?;
/// # Ok::<(), memimage::Error>(())
/// ```
#[must_use = "options do nothing until `open` is called"]
pub struct Options<M> {
    pub(crate) create: bool,
    pub(crate) durability: Durability,
    pub(crate) segment_bytes: u64,
    pub(crate) align: u32,
    pub(crate) caps: BatchLimits,
    pub(crate) record_bytes_max: usize,
    pub(crate) remember: u64,
    pub(crate) snapshots: SnapshotPolicy,
    pub(crate) snapshot_source: SnapshotSource<M>,
    pub(crate) pause_budget: Duration,
    pub(crate) replica: Replica,
    pub(crate) retention: Retention,
    pub(crate) kept_snapshots: KeptSnapshots,
    pub(crate) retain_for_subscriptions: bool,
    pub(crate) verify_snapshots: bool,
    pub(crate) verify_digests: bool,
    pub(crate) allow_network: bool,
    pub(crate) accept_incomplete_copy: bool,
    pub(crate) clock: WallClock,
    pub(crate) monotonic: Option<Monotonic>,
    pub(crate) genesis: Option<M>,
    pub(crate) encryption: Option<Keys>,
    pub(crate) chain: Option<Keys>,
    #[cfg(feature = "erasure")]
    pub(crate) personal_keys: PersonalKeys,
    pub(crate) progress: Option<ProgressCallback>,
    pub(crate) replication: Option<ReplicationOption>,
}

/// A monotonic clock, which returns the time since some fixed point.
pub(crate) type Monotonic = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The system's monotonic clock that also counts the time during which the computer is suspended. (The clock of
/// [`Instant`](std::time::Instant) does not: after a night's sleep the wall clock would seem to have jumped.)
fn monotonic_clock() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::Monotonic;
    Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}

/// The clock from which events get their recorded time.
#[derive(Clone)]
pub(crate) enum WallClock {
    System,
    /// A clock that the program supplies, for tests. It may run any code, and panic.
    Supplied(Arc<dyn Fn() -> Timestamp + Send + Sync>),
}

impl WallClock {
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            WallClock::System => Timestamp::wall_clock(),
            WallClock::Supplied(clock) => clock(),
        }
    }
}

impl<M: Model> Options<M> {
    pub(crate) fn new() -> Options<M> {
        Options {
            create: true,
            durability: Durability::default(),
            segment_bytes: 64 << 20,
            align: 512,
            caps: BatchLimits::default(),
            record_bytes_max: 16 << 20,
            remember: 1_000_000,
            snapshots: SnapshotPolicy::default(),
            snapshot_source: SnapshotSource::Replica,
            pause_budget: Duration::from_millis(5),
            replica: Replica::OnDemand,
            retention: Retention::default(),
            kept_snapshots: KeptSnapshots::default(),
            retain_for_subscriptions: true,
            verify_snapshots: true,
            verify_digests: true,
            allow_network: false,
            accept_incomplete_copy: false,
            clock: WallClock::System,
            monotonic: Some(Arc::new(monotonic_clock)),
            genesis: None,
            encryption: None,
            chain: None,
            #[cfg(feature = "erasure")]
            personal_keys: PersonalKeys::default(),
            progress: None,
            replication: None,
        }
    }

    /// Whether to create an image if there is none at the path. Default: yes. With `false`, a mistyped path is an error.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// How durable an answer is when the caller gets it. Default: [`Durability::Synced`]. Each opening may set another
    /// durability.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The length of the largest segments, in bytes: from 16 KiB to 1 GiB, a multiple of 4 KiB. Default: 64 MiB. The first
    /// segments are shorter, so that a small image takes little space.
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// Batches start at multiples of this many bytes: 8, 512 or 4096. Default: 512, the size of a sector. A disk writes a
    /// sector as a whole, so no later write can damage an acknowledged event. With batches at multiples of 8, the journal is
    /// smaller, but a later write can damage an acknowledged event. Use 4096 for disks with sectors of 4 KiB.
    pub fn align_bytes(mut self, bytes: u32) -> Self {
        self.align = bytes;
        self
    }

    /// A batch of this many bytes is written without waiting for more commands. Default: 1 MiB; at most 1 GiB.
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.caps.batch_bytes = bytes;
        self
    }

    /// While this many full batches are queued for writing, `submit` waits and `try_submit` returns
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy). Default: 8.
    pub fn pending_batches_max(mut self, batches: usize) -> Self {
        self.caps.pending_batches = batches;
        self
    }

    /// The size of the largest record, in bytes. A record is a command's encoded arguments and metadata. Default: 16 MiB; at
    /// most 1 GiB.
    pub fn record_bytes_max(mut self, bytes: usize) -> Self {
        self.record_bytes_max = bytes;
        self
    }

    /// How long the image remembers a request of [`Image::once`](crate::Image::once): for this many events, from the event of the
    /// request on, whether or not the later events are requests. Default: 1,000,000 events.
    ///
    /// Give the same number in every program that opens the image, also in one that only maintains or follows it. An opening with a
    /// smaller number forgets older requests. A later opening with a larger number reads their keys from the journal again, as far as
    /// the events were not pruned, but not their answers.
    /// [`Stats::requests_since`](crate::Stats::requests_since) shows how far back the requests are known.
    ///
    /// A remembered request takes about 65 bytes of memory, and its key and its encoded answer, both in memory and in each snapshot.
    /// See [the guide](crate::guide::retries).
    pub fn remember(mut self, events: u64) -> Self {
        self.remember = events;
        self
    }

    /// How long commands may wait for the verification of a snapshot that was written from a replica. Default: 5 ms.
    ///
    /// To compare the running state with the replica, the image must hash the running state while commands wait. It hashes the
    /// replica first. If that takes more processor time than the budget, it does not compare the states now, but when the image
    /// is closed; [`Admin::verify`](crate::Admin::verify) compares them at any time. See
    /// [`Stats::unverified_since`](crate::Stats::unverified_since).
    pub fn pause_budget(mut self, budget: Duration) -> Self {
        self.pause_budget = budget;
        self
    }

    /// How long the image keeps its replica. Default: [`Replica::OnDemand`].
    pub fn replica(mut self, replica: Replica) -> Self {
        self.replica = replica;
        self
    }

    /// How much of the journal to keep. Default: [`Retention::Everything`]. Pruned events are lost for good. Each opening may
    /// set another retention, but no retention restores pruned events.
    ///
    /// Any retention other than `Everything` requires [`verify_snapshots`](Options::verify_snapshots) and
    /// [`verify_digests`](Options::verify_digests): the image prunes its journal only up to a state from which replay has
    /// produced the newest state.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Whether to keep events that a [named subscription](crate::Journal::subscribe_as) has not acknowledged, whatever the
    /// retention. Default: yes. A subscription that nobody uses any more then keeps the journal from being pruned:
    /// [`Stats::pruning_held_by`](crate::Stats::pruning_held_by) names it, and [`Journal::unsubscribe`](crate::Journal::unsubscribe)
    /// removes it. With `false`, a warning is logged, and a subscriber whose next event was pruned gets
    /// [`ErrorKind::Pruned`](crate::ErrorKind::Pruned).
    pub fn retain_for_subscriptions(mut self, retain: bool) -> Self {
        self.retain_for_subscriptions = retain;
        self
    }

    /// Whether to verify each snapshot by replay: the image rebuilds the state from the previous snapshot and the events since,
    /// and compares the digests. Default: yes. Verification takes as much memory as the model itself; commands go on meanwhile.
    pub fn verify_snapshots(mut self, verify: bool) -> Self {
        self.verify_snapshots = verify;
        self
    }

    /// Whether replay compares the state with the digests in the journal. Default: yes. With `false`, recovery accepts the
    /// state that this program computes, even if it differs from the state that was recorded and from which callers got
    /// answers.
    pub fn verify_digests(mut self, verify: bool) -> Self {
        self.verify_digests = verify;
        self
    }

    /// Whether to open an image on a network file system. Default: no, because the locks and syncs of such a file system cannot
    /// be trusted.
    pub fn allow_network(mut self, allow: bool) -> Self {
        self.allow_network = allow;
        self
    }

    /// Whether to open an image whose journal ends before the last event that is known to have been synced. Default: no,
    /// because events are missing from such a journal. If the segments of an image in use are copied before `journal/durable`
    /// or before a snapshot, the copied journal may lack synced events. With `true`, the image continues after the last event
    /// that the copy contains. [`RecoveryReport::given_up`](crate::RecoveryReport::given_up) reports the events that are known
    /// to be missing, and new events reuse the numbers of these events. Snapshots that contain a missing event are moved to the
    /// quarantine. An image whose journal is damaged before its end is still refused.
    ///
    /// Open the copy once with this option, and then without it.
    pub fn accept_incomplete_copy(mut self, accept: bool) -> Self {
        self.accept_incomplete_copy = accept;
        self
    }

    /// Calls `callback` while an image opens: at the start and at the end of each [phase](crate::OpeningPhase), and about ten
    /// times a second in between. If the callback panics, the image is opened without further reports. The guide has an
    /// [example](crate::guide::snapshots#the-speed-of-a-restart).
    pub fn on_progress(mut self, callback: impl FnMut(Progress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(callback));
        self
    }

    /// Sets the clock from which events get their time, for tests. Default: the wall clock. Recorded time never goes back, even
    /// if the clock does. A jump of this clock is detected only if [`monotonic_clock`](Options::monotonic_clock) is called
    /// after this method.
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = WallClock::Supplied(Arc::new(clock));
        self.monotonic = None;
        self
    }

    /// Sets the clock with which the wall clock is compared, for tests. `clock` returns the time since any fixed point.
    /// Default: the system's monotonic clock; on Linux, Android and macOS it also counts the time during which the computer is
    /// suspended. See [`Stats::clock_jumped`](crate::Stats::clock_jumped).
    pub fn monotonic_clock(mut self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.monotonic = Some(Arc::new(clock));
        self
    }

    /// The state before the first event of a new image. Default: the model's `Default`. The journal stores this first state in
    /// the present shape of the model. A later program can read the state only if its model has the same shape, or an upcaster
    /// from this shape. The image rebuilds the [derived fields](crate::guide::snapshots#derived-fields) of the state.
    pub fn genesis(mut self, state: M) -> Self {
        self.genesis = Some(state);
        self
    }

    /// Replicates the journal to a log on other machines. The opening claims the log, so that no earlier owner can append to it any more.
    /// With [`Acknowledge::Remote`], it returns only once the log has every recovered event. The logs are in the crate
    /// `memimage-replication`. After a promotion of a
    /// [`Follower`](crate::Follower) that failed, a further one uses the same log.
    pub fn replicate(mut self, log: impl Replicate + 'static, acknowledge: Acknowledge) -> Self {
        self.replication = Some(ReplicationOption::new(Box::new(log), acknowledge));
        self
    }

    /// Checks that each option is in its range.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let segment = self.segment_bytes;
        if !(MIN_SEGMENT..=MAX_SEGMENT).contains(&segment) || !segment.is_multiple_of(4096) {
            return Err(refused("segment_bytes", segment, "it must be a multiple of 4096 from 16 KiB to 1 GiB"));
        }
        if ![8, 512, 4096].contains(&self.align) {
            return Err(refused("align_bytes", self.align, "it must be 8, 512 or 4096"));
        }
        if self.caps.batch_bytes == 0 || self.caps.batch_bytes > 1 << 30 {
            return Err(refused("batch_bytes", self.caps.batch_bytes, "it must be from 1 byte to 1 GiB"));
        }
        if self.durability == Durability::Interval(Duration::ZERO) {
            return Err(refused(
                "durability",
                "Interval(0)",
                "the interval must be longer than zero; to sync each batch, use `Durability::Synced`",
            ));
        }
        if matches!(self.snapshots, SnapshotPolicy::AfterEvents(0) | SnapshotPolicy::AfterBytes(0)) {
            return Err(refused("snapshots", "after 0", "it must be at least 1"));
        }
        if self.retention != Retention::Everything && !self.verify_snapshots {
            let what =
                "pruning needs verified snapshots; help: leave `verify_snapshots` on, or use `Retention::Everything`";
            return Err(refused("retention", format!("{:?}", self.retention), what));
        }
        if self.retention != Retention::Everything && !self.verify_digests {
            let what = "pruning needs verified digests; help: first accept the replayed state: make a snapshot with \
                        `Retention::Everything`";
            return Err(refused("retention", format!("{:?}", self.retention), what));
        }
        if self.caps.pending_batches == 0 {
            return Err(refused("pending_batches_max", 0, "it must be at least 1"));
        }
        if self.record_bytes_max == 0 || self.record_bytes_max > 1 << 30 {
            return Err(refused("record_bytes_max", self.record_bytes_max, "it must be from 1 byte to 1 GiB"));
        }
        if self.remember == 0 {
            return Err(refused("remember", 0, "it must be at least 1"));
        }
        let kept = self.kept_snapshots.count;
        if !(MIN_SNAPSHOTS..=MAX_SNAPSHOTS).contains(&kept) {
            return Err(refused("keep_snapshots", kept, "it must be from 2 to 1000"));
        }
        if M::NAME.is_empty() || M::NAME.len() > 255 {
            return Err(refused("model name", M::NAME, "it must be from 1 to 255 bytes long"));
        }
        Ok(())
    }

    /// The base-2 logarithm of the alignment of frames.
    pub(crate) fn align_shift(&self) -> u8 {
        let align = match self.durability {
            Durability::Synced => self.align,
            // a frame may follow an unsynced frame, and a page of the page cache must not contain parts of both
            Durability::Interval(_) | Durability::Buffered => 4096,
        };
        align.trailing_zeros() as u8
    }
}

fn refused(option: &'static str, value: impl fmt::Display, what: &'static str) -> Error {
    Error::new(ErrorDetail::Option { option, value: value.to_string(), what })
}

impl<M> fmt::Debug for Options<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("create", &self.create)
            .field("durability", &self.durability)
            .field("segment_bytes", &self.segment_bytes)
            .field("align_bytes", &self.align)
            .field("limits", &self.caps)
            .field("record_bytes_max", &self.record_bytes_max)
            .field("remember", &self.remember)
            .field("snapshots", &self.snapshots)
            .field("snapshot_source", &self.snapshot_source)
            .field("replica", &self.replica)
            .field("retention", &self.retention)
            .field("keep_snapshots", &self.kept_snapshots)
            .finish_non_exhaustive()
    }
}
