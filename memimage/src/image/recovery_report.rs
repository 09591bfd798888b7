//! The report of the recovery that opened an image.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::log;
use crate::seq::Seq;

/// The report of the recovery that opened an image: the events that recovery replayed, and the files that it could not use. See
/// [`Stats::recovery`](crate::Stats::recovery).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Whether this opening created the image.
    pub created: bool,
    /// Whether the directory was a [backup](crate::Admin::backup), and this opening made it an image of its own, which begins a
    /// history of its own.
    pub restored: bool,
    /// The last event in the snapshot or base from which replay started; `None` if replay started from genesis.
    pub snapshot: Option<Seq>,
    /// The age of this snapshot or base when the image was opened, by the wall clock; `None` if replay started from genesis.
    pub snapshot_age: Option<Duration>,
    /// The last event recovered.
    pub seq: Seq,
    /// The number of events replayed.
    pub replayed: u64,
    /// The size of the replayed batches, in bytes.
    pub replayed_bytes: u64,
    /// The time to read and replay these events. It does not include the time to load the snapshot.
    pub replay_duration: Duration,
    /// The number of replayed events whose outcome differs from the recorded outcome, because an earlier event was made
    /// [void](crate::admin::void), or was [given up](crate::admin::RepairAction::GiveUp), after they were recorded: a command that
    /// was applied is now rejected, or the reverse.
    pub changed_outcomes: u64,
    /// The first and the last event of each range that is lost in a recorded gap, and whose effect the state lacks: replay went on
    /// without these events.
    pub lost: Vec<(Seq, Seq)>,
    /// Each snapshot and each copy of the base that could not be used, with the reason. Recovery replaces a damaged copy of the
    /// base by a copy of the intact one. If replay from a snapshot contradicts the journal, recovery moves this snapshot to the
    /// quarantine.
    pub unusable_snapshots: Vec<(PathBuf, String)>,
    /// Segments that recovery moved to the quarantine, because a gap separates them from the rest of the journal and no pruning
    /// explains the gap. The base contains the effect of the events in these segments.
    pub quarantined_segments: Vec<PathBuf>,
    /// Whether it was unknown how far the journal had been synced, because `journal/durable` was missing, damaged or older than
    /// the journal, or because events were given up (see `given_up`). In these cases recovery cannot notice that further events
    /// at the end of the journal were lost.
    pub uncertain: bool,
    /// The first and the last of the events that were known to be synced but are missing at the end of the journal. See
    /// [`Options::accept_incomplete_copy`](crate::Options::accept_incomplete_copy).
    pub given_up: Option<(Seq, Seq)>,
    /// The file in the quarantine that contains a copy of a torn write, which a crash interrupted before the write was synced.
    pub quarantined: Option<PathBuf>,
    /// How far the system clock was behind the time of the last event; `None` if the clock was not behind. New events get the
    /// time of the last event until the clock has caught up.
    pub clock_behind: Option<Duration>,
    /// The duration of the opening, including recovery.
    pub duration: Duration,
}

impl RecoveryReport {
    /// The speed of the replay, in events per second; `None` if no event was replayed.
    pub fn events_per_second(&self) -> Option<f64> {
        self.per_second(self.replayed)
    }

    /// The speed of the replay, in bytes of batches per second; `None` if no event was replayed.
    pub fn bytes_per_second(&self) -> Option<f64> {
        self.per_second(self.replayed_bytes)
    }

    fn per_second(&self, count: u64) -> Option<f64> {
        let seconds = self.replay_duration.as_secs_f64();
        (self.replayed > 0 && seconds > 0.0).then(|| count as f64 / seconds)
    }
}

impl RecoveryReport {
    /// Logs what recovery did to the image in the directory `root`.
    pub(super) fn log(&self, root: &Path, base: Option<Seq>) {
        if let Some(behind) = self.clock_behind.filter(|behind| behind.as_secs() > 0) {
            log::warning!(
                ?behind,
                "the clock is behind the time of the last event; until the clock has caught up, all events get that time"
            );
        }
        if self.restored {
            log::info!(
                path = %root.display(),
                "the directory was a backup; from now on it is an image of its own, and takes no later backup"
            );
        }
        if self.changed_outcomes > 0 {
            log::warning!(
                events = self.changed_outcomes,
                "events have another outcome than the recorded one, because an event before them became void later"
            );
        }
        for (first, last) in &self.lost {
            log::warning!(%first, %last, "the state lacks the effect of events that are lost in a recorded gap");
        }
        if self.uncertain {
            log::warning!(
                last = %self.seq,
                "`journal/durable` is missing, damaged or older than the journal, so a loss of events at the end of the journal would \
                 go unnoticed"
            );
        }
        log::info!(
            path = %root.display(),
            seq = %self.seq,
            snapshot = self.snapshot.map(Seq::get),
            base = base.map(Seq::get),
            replayed = self.replayed,
            "recovered the image"
        );
        if cfg!(panic = "abort") {
            log::warning!("the program is built with panic = \"abort\", so a command that panics ends the process");
        }
    }
}
