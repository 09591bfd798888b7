//! Figures of a running image.

use std::path::PathBuf;
use std::time::Duration;

use crate::seq::Seq;

/// Figures of a running image, from [`Image::stats`](crate::Image::stats).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// The last event executed.
    pub seq: Seq,
    /// The last event handed to the operating system.
    pub written_seq: Seq,
    /// The last event on disk.
    pub durable_seq: Seq,
    /// Raised each time the image is opened: 1 while it is made, so 2 when it is first open.
    pub epoch: u64,
    /// Batches written since it was opened.
    pub batches: u64,
    /// Bytes of batches written since it was opened.
    pub bytes: u64,
    /// The newest snapshot made since it was opened.
    pub snapshot: Option<Seq>,
    /// Why the last snapshot that was begun by itself could not be made.
    pub snapshot_failure: Option<String>,
    /// The last event of the base, if there is one: the state that stands in for a journal pruned by its
    /// [`Retention`](crate::Retention).
    pub base: Option<Seq>,
    /// Why the journal could not be pruned, or old snapshots not be removed, after the last snapshot. What is kept is whole
    /// all the same, and it is tried again after the next.
    pub retention_failure: Option<String>,
    /// What opening came across.
    pub recovery: RecoveryReport,
}

/// What opening an image came across.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Whether the image was made.
    pub created: bool,
    /// The event of the snapshot that recovery began with, or of the base.
    pub snapshot: Option<Seq>,
    /// The last event recovered.
    pub seq: Seq,
    /// Events replayed.
    pub replayed: u64,
    /// Snapshots and copies of the base that could not be used, and why. A copy of the base was made again from the other.
    pub unusable_snapshots: Vec<(PathBuf, String)>,
    /// Segments that others which are missing cut off from the journal, and that no pruning had let go: a base stands in for them,
    /// so they were moved to the quarantine.
    pub set_aside: Vec<PathBuf>,
    /// Nothing told how far the journal had been synced, since `journal/durable` was missing or damaged, or older than the journal.
    /// If events were missing at its end, that could not be seen.
    pub uncertain: bool,
    /// The copy of a write that a crash cut short before it was acknowledged.
    pub quarantined: Option<PathBuf>,
    /// How far the clock was behind the last event, if it was; time stands still until it has caught up.
    pub clock_behind: Option<Duration>,
    /// How long it took.
    pub duration: Duration,
}
