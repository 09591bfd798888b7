//! The options of snapshots: when they are made, and from which copy of the state.

use std::fmt;

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
