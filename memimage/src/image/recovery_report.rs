//! The report of the recovery that opened an image.

use std::path::PathBuf;
use std::time::Duration;

use crate::seq::Seq;

/// What the recovery that opened an image did, and what it could not use. In [`Stats::recovery`](crate::Stats::recovery).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Whether the image was created.
    pub created: bool,
    /// The last event of the snapshot, or of the base, that replay began with; `None` if it began with genesis.
    pub snapshot: Option<Seq>,
    /// The last event recovered.
    pub seq: Seq,
    /// The number of events replayed.
    pub replayed: u64,
    /// Each snapshot and each copy of the base that could not be used, with the reason. Recovery writes a damaged copy of the base
    /// again from the good one.
    pub unusable_snapshots: Vec<(PathBuf, String)>,
    /// Segments that recovery moved to the quarantine, because missing segments cut them off from the rest of the journal and no
    /// pruning explains the gap. The base replaces their events.
    pub quarantined_segments: Vec<PathBuf>,
    /// Whether nothing told how far the journal had been synced, because `journal/durable` was missing, damaged or older than the
    /// journal. Events missing at the end of the journal would then go unnoticed.
    pub uncertain: bool,
    /// The copy, in the quarantine, of a write that a crash cut short before it was acknowledged.
    pub quarantined: Option<PathBuf>,
    /// How far the system clock was behind the last event, if it was. Recorded time stands still until the clock has caught up.
    pub clock_behind: Option<Duration>,
    /// How long recovery took.
    pub duration: Duration,
}
