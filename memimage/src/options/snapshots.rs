//! The options of snapshots: when they are made, from which copy of the state, and which are kept.

use std::fmt;

use super::Options;
use crate::event::Model;
use crate::retention::{KeptSnapshots, SnapshotSpread};

impl<M: Model> Options<M> {
    /// When the image makes a snapshot on its own. Default: after each 64 MiB of journal.
    pub fn snapshots(mut self, policy: SnapshotPolicy) -> Self {
        self.snapshots = policy;
        self
    }

    /// The copy of the state from which snapshots are written. Default: [`SnapshotSource::Replica`], so that commands do not wait.
    pub fn snapshot_source(mut self, source: SnapshotSource<M>) -> Self {
        self.snapshot_source = source;
        self
    }

    /// How many snapshots to keep, from 2 to 1,000, and how they are spread over the events. Default: two, the newest.
    ///
    /// [`Journal::at`](crate::Journal::at) loads the newest kept snapshot before the moment, and replays the events from there to the
    /// moment. So more snapshots make past states quicker to rebuild. Each kept snapshot takes as much space on disk as the state that
    /// it holds, and as much in each [backup](crate::guide::backup).
    ///
    /// The newest two are always among them. After each snapshot, the image removes those that are too many; with another number or
    /// spread, after the next snapshot. Removed snapshots do not come back. A [retention](Options::retention) removes the
    /// snapshots before the base, and keeps up to two more for pruning. Snapshots of an older version of the model count like others:
    /// they are used if the program has an upcaster for their state; otherwise `at` begins with an older snapshot, and at last with the
    /// first event.
    ///
    /// ```
    /// # use memimage::{Image, Model, Shape, SnapshotPolicy, SnapshotSpread};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
    /// # struct Counter { count: u64 }
    /// # #[memimage::commands]
    /// # impl Counter {
    /// #     /// Adds one.
    /// #     #[command]
    /// #     fn add(&mut self) { self.count += 1; }
    /// # }
    /// // any of 100 million events is at most 2 / 39 of them after a snapshot, or a million
    /// let options = Image::<Counter>::options()
    ///     .snapshots(SnapshotPolicy::AfterEvents(1_000_000))
    ///     .keep_snapshots(40, SnapshotSpread::Even);
    /// # options.in_memory()?.add()?;
    /// # Ok::<(), memimage::Error>(())
    /// ```
    pub fn keep_snapshots(mut self, count: usize, spread: SnapshotSpread) -> Self {
        self.kept_snapshots = KeptSnapshots { count, spread };
        self
    }
}

/// When the image makes a snapshot on its own. [`Admin::snapshot`](crate::Admin::snapshot) makes a snapshot at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotPolicy {
    /// The image makes no snapshot on its own.
    Manual,
    /// The image makes a snapshot once this many events follow the last snapshot.
    AfterEvents(u64),
    /// The image makes a snapshot once this many bytes of journal follow the last snapshot.
    AfterBytes(u64),
}

impl Default for SnapshotPolicy {
    fn default() -> SnapshotPolicy {
        SnapshotPolicy::AfterBytes(64 << 20)
    }
}

/// The copy of the state from which a snapshot is written. See [the guide](crate::guide::snapshots#the-cost-of-a-snapshot).
#[non_exhaustive]
pub enum SnapshotSource<M> {
    /// A replica: a second copy of the model, made by replay. Commands do not wait for the snapshot. The replica takes as much
    /// memory as the model.
    Replica,
    /// A copy that this function makes while commands wait; then they go on. For models that are cheap to clone, such as
    /// persistent collections. The copy must be equal to the model, including its derived fields.
    Clone(fn(&M) -> M),
    /// The model itself. Commands wait while the state is serialized and synced. For small models.
    InPlace,
}

impl<M> Clone for SnapshotSource<M> {
    fn clone(&self) -> SnapshotSource<M> {
        *self
    }
}

impl<M> Copy for SnapshotSource<M> {}

impl<M> fmt::Debug for SnapshotSource<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SnapshotSource::Replica => "Replica",
            SnapshotSource::Clone(_) => "Clone",
            SnapshotSource::InPlace => "InPlace",
        })
    }
}

/// How long the image keeps its replica: the second copy of the model, which [`Image::view`](crate::Image::view) reads, and
/// from which [`SnapshotSource::Replica`] writes snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replica {
    /// The image makes the replica when a view or a snapshot needs it, from the newest snapshot and the events since, and drops
    /// it afterwards.
    #[default]
    OnDemand,
    /// The image makes a replica when it is opened, in the background, and a thread keeps it up to date. Once it is made, views
    /// begin at once. After a panic in a body the replica replaces the model, unless a view is reading it, and another one is made.
    /// The replica always takes as much memory as the model. A close waits until a replica that is being made is finished.
    Standing,
}
