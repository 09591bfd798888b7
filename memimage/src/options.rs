//! How an image is opened.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::context::Timestamp;
use crate::error::{Error, Kind};
use crate::event::Model;
use crate::journal::{Caps, Durability, MAX_SEGMENT, MIN_SEGMENT};
use crate::keys::{Keyring, Keys};
use crate::retention::Retention;

/// How an image is opened; [`Image::options`](crate::Image::options) gives the defaults.
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
    pub(crate) segment_size: u64,
    pub(crate) align: u32,
    pub(crate) caps: Caps,
    pub(crate) max_record: usize,
    pub(crate) snapshots: SnapshotPolicy,
    pub(crate) retention: Retention,
    pub(crate) drill: bool,
    pub(crate) verify_digests: bool,
    pub(crate) allow_network: bool,
    pub(crate) clock: Clock,
    pub(crate) genesis: Option<M>,
    pub(crate) encryption: Option<Keys>,
    pub(crate) chain: Option<Keys>,
}

/// Where the time of events comes from.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// When a snapshot is made by itself. One can be made by hand at any time, with
/// [`Admin::snapshot`](crate::Admin::snapshot).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotPolicy {
    /// Never.
    Manual,
    /// Once this many events were recorded since the last one.
    AfterEvents(u64),
    /// Once this many bytes were written to the journal since the last one.
    AfterBytes(u64),
}

impl Default for SnapshotPolicy {
    fn default() -> SnapshotPolicy {
        SnapshotPolicy::AfterBytes(64 << 20)
    }
}

impl<M: Model> Options<M> {
    pub(crate) fn new() -> Options<M> {
        Options {
            create: true,
            durability: Durability::default(),
            segment_size: 64 << 20,
            align: 512,
            caps: Caps::default(),
            max_record: 16 << 20,
            snapshots: SnapshotPolicy::default(),
            retention: Retention::default(),
            drill: true,
            verify_digests: true,
            allow_network: false,
            clock: Arc::new(Timestamp::wall_clock),
            genesis: None,
            encryption: None,
            chain: None,
        }
    }

    /// Whether a new image is made where there is none. Default: yes. With `false`, a path that is mistyped is an error.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// When an answer is given, and so what a crash may take back. Default: [`Durability::Synced`]. An image can be opened
    /// with another each time.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The length in bytes of the largest segments, from 16 KiB to 1 GiB in multiples of 4 KiB. Default: 64 MiB. The first
    /// segments are smaller, so that a small image is small.
    pub fn segment_size(mut self, bytes: u64) -> Self {
        self.segment_size = bytes;
        self
    }

    /// Where batches start: at multiples of 8, 512 or 4096 bytes. Default: 512, which is what disks write as a whole, so that
    /// no later write can damage an acknowledged event. 8 makes for a smaller journal and gives that up; 4096 is for disks
    /// whose sectors are 4 KiB.
    pub fn align(mut self, bytes: u32) -> Self {
        self.align = bytes;
        self
    }

    /// The size in bytes at which a batch is written without waiting for more. Default: 1 MiB.
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.caps.batch_bytes = bytes;
        self
    }

    /// How many full batches may wait to be written before `submit` waits and `try_submit` answers busy. Default: 8.
    pub fn pending_batches(mut self, batches: usize) -> Self {
        self.caps.pending_batches = batches;
        self
    }

    /// The largest record in bytes, that is, a command's encoded arguments and metadata. Default: 16 MiB; at most 1 GiB.
    pub fn max_record(mut self, bytes: usize) -> Self {
        self.max_record = bytes;
        self
    }

    /// When a snapshot is made by itself. Default: after each 64 MiB of journal.
    pub fn snapshots(mut self, policy: SnapshotPolicy) -> Self {
        self.snapshots = policy;
        self
    }

    /// How much of the journal is kept. Default: [`Retention::Everything`]. What is removed is gone for good: an image can be
    /// opened with another retention each time, but that brings nothing back.
    ///
    /// It takes [`drill`](Options::drill) and [`verify_digests`](Options::verify_digests), since the journal is only pruned up
    /// to a state from which the newest one was rebuilt.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Whether each snapshot is a recovery drill: the state is rebuilt beside the running one, from the snapshot before and
    /// the events since, and the digests of the two are compared. Default: yes. It takes the model's memory a second time
    /// while it runs, and commands go on meanwhile.
    pub fn drill(mut self, drill: bool) -> Self {
        self.drill = drill;
        self
    }

    /// Whether replay compares the state with the digests in the journal. Default: yes. `false` accepts the state that this
    /// program's bodies give, though other answers were given when the events were recorded.
    pub fn verify_digests(mut self, verify: bool) -> Self {
        self.verify_digests = verify;
        self
    }

    /// Whether an image on a network file system is opened. Default: no, since locks and syncs cannot be relied on there.
    pub fn allow_network(mut self, allow: bool) -> Self {
        self.allow_network = allow;
        self
    }

    /// Where the time of events comes from, for tests. Default: the wall clock. Recorded time never goes back, whatever the
    /// clock says.
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The state before the first event, if the image is new. Default: the model's `Default`. It is written into the
    /// journal as it is, so it can only be read as long as the model's shape stays the same.
    pub fn genesis(mut self, state: M) -> Self {
        self.genesis = Some(state);
        self
    }

    /// Encrypts what is on disk: the bodies of all frames of the journal, and snapshots, by XChaCha20-Poly1305. An image is
    /// encrypted or not from its making on; [`admin::Rewrite`](crate::admin::Rewrite) makes one of the other. What stays
    /// visible, and what encryption does not protect from, is in
    /// [SECURITY.md](https://docs.rs/crate/memimage/latest/source/docs/SECURITY.md).
    ///
    /// Opening an image with another current key than it has goes on under that: segments and snapshots that are made from
    /// then on name it, and older ones keep theirs for as long as they are kept.
    ///
    /// ```
    /// # use memimage::{Image, Key, Keys, Model, Shape};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
    /// # struct Counter { count: u64 }
    /// # #[memimage::commands]
    /// # impl Counter {
    /// #     /// Adds one.
    /// #     #[command]
    /// #     fn add(&mut self) -> u64 { self.count += 1; self.count }
    /// # }
    /// # fn fetch(number: u32) -> Option<[u8; 32]> { Some([number as u8; 32]) }
    /// let keys = Keys::new(3, |number| fetch(number).map(Key::new)); // from wherever the program keeps them
    /// let counter = Image::<Counter>::options().encryption(keys).in_memory()?;
    /// # counter.add()?;
    /// # Ok::<(), memimage::Error>(())
    /// ```
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: Keys) -> Self {
        self.encryption = Some(keys);
        self
    }

    /// Chains what is on disk by keyed hashes (BLAKE3), so that whoever has no key cannot change it unseen: each frame of the
    /// journal is linked to the one before it, and each snapshot and header is hashed. An image has a chain or not from its
    /// making on; [`admin::Rewrite`](crate::admin::Rewrite) makes one of the other.
    ///
    /// Opening holds all that it reads to the chain. It does not see that the journal's end, or all of the image, was replaced
    /// by what it was at an earlier time: for that, keep [`Admin::chain_head`](crate::Admin::chain_head) elsewhere.
    ///
    /// The key may be that of [`encryption`](Options::encryption), since what is used is derived from it.
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: Keys) -> Self {
        self.chain = Some(keys);
        self
    }

    /// The keys, as they are met from here on.
    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        Arc::new(Keyring::new(self.encryption.clone(), self.chain.clone()))
    }

    /// Makes sure that each option is in its range.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let segment = self.segment_size;
        if !(MIN_SEGMENT..=MAX_SEGMENT).contains(&segment) || !segment.is_multiple_of(4096) {
            return Err(refused("segment_size", segment, "it must be a multiple of 4096 from 16 KiB to 1 GiB"));
        }
        if ![8, 512, 4096].contains(&self.align) {
            return Err(refused("align", self.align, "it must be 8, 512 or 4096"));
        }
        if self.caps.batch_bytes == 0 || self.caps.batch_bytes > 1 << 30 {
            return Err(refused("batch_bytes", self.caps.batch_bytes, "it must be from 1 byte to 1 GiB"));
        }
        if self.durability == Durability::Interval(Duration::ZERO) {
            return Err(refused("durability", "Interval(0)", "it must be longer than nothing; `Synced` syncs at once"));
        }
        if matches!(self.snapshots, SnapshotPolicy::AfterEvents(0) | SnapshotPolicy::AfterBytes(0)) {
            return Err(refused("snapshots", "after 0", "there must be something between two snapshots"));
        }
        if self.retention != Retention::Everything && !self.drill {
            let what = "without `drill` nobody knows whether a state can be rebuilt from what would be kept";
            return Err(refused("retention", format!("{:?}", self.retention), what));
        }
        if self.retention != Retention::Everything && !self.verify_digests {
            let what = "without `verify_digests` nobody knows whether it is the recorded state that would be kept; accept the \
                        replayed one first, by a snapshot with `Retention::Everything`";
            return Err(refused("retention", format!("{:?}", self.retention), what));
        }
        if self.caps.pending_batches == 0 {
            return Err(refused("pending_batches", 0, "it must be at least 1"));
        }
        if self.max_record == 0 || self.max_record > 1 << 30 {
            return Err(refused("max_record", self.max_record, "it must be from 1 byte to 1 GiB"));
        }
        if M::NAME.is_empty() || M::NAME.len() > 255 {
            return Err(refused("model name", M::NAME, "it must be from 1 to 255 bytes long"));
        }
        Ok(())
    }

    /// The power of two at whose multiples frames start.
    pub(crate) fn align_shift(&self) -> u8 {
        let align = match self.durability {
            Durability::Synced => self.align,
            // frames follow others that are not synced: a page of the cache must not hold parts of two
            Durability::Interval(_) | Durability::Buffered => 4096,
        };
        align.trailing_zeros() as u8
    }
}

fn refused(option: &'static str, value: impl fmt::Display, what: &'static str) -> Error {
    Error::new(Kind::Option { option, value: value.to_string(), what })
}

impl<M> fmt::Debug for Options<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("create", &self.create)
            .field("durability", &self.durability)
            .field("segment_size", &self.segment_size)
            .field("align", &self.align)
            .field("caps", &self.caps)
            .field("max_record", &self.max_record)
            .field("snapshots", &self.snapshots)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}
