//! The report of the recovery that opened an image.

use std::path::PathBuf;
use std::time::Duration;

use crate::seq::Seq;

/// The report of the recovery that opened an image: its work, and the files that it could not use. See
/// [`Stats::recovery`](crate::Stats::recovery).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Whether the image was created.
    pub created: bool,
    /// The event of the snapshot or base from which replay started; `None` if it started from genesis.
    pub snapshot: Option<Seq>,
    /// The last event recovered.
    pub seq: Seq,
    /// The number of events replayed.
    pub replayed: u64,
    /// The number of replayed events whose outcome is another than the recorded one, because an event before them was made
    /// [void](crate::admin::void) later: a call that was accepted is rejected now, or the other way round.
    pub changed_outcomes: u64,
    /// Each snapshot and each copy of the base that could not be used, with the reason. Recovery replaces a damaged copy of
    /// the base by a copy of the intact one, and moves a snapshot from which replay contradicts the journal to the quarantine.
    pub unusable_snapshots: Vec<(PathBuf, String)>,
    /// Segments that recovery moved to the quarantine. Missing segments cut them off from the rest of the journal, and no
    /// pruning explains the gap. The base replaces their events.
    pub quarantined_segments: Vec<PathBuf>,
    /// Whether it was unknown how far the journal had been synced, because `journal/durable` was missing, damaged or older
    /// than the journal. Events missing at the end of the journal would then go unnoticed.
    pub uncertain: bool,
    /// The first and the last event that were known to be synced and are missing at the end of the journal. See
    /// [`Options::accept_incomplete_copy`](crate::Options::accept_incomplete_copy).
    pub given_up: Option<(Seq, Seq)>,
    /// The copy, in the quarantine, of a torn write: a crash interrupted the write before it was synced.
    pub quarantined: Option<PathBuf>,
    /// How far the system clock was behind the last event, if it was. Recorded time stands still until the clock has caught up.
    pub clock_behind: Option<Duration>,
    /// How long recovery took.
    pub duration: Duration,
}
