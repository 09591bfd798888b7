//! The figures of one image: what its journal and its snapshots do. A thread that writes updates them with a few atomic
//! operations for each batch, and none for each command. With the feature `metrics`, each figure is also reported to the
//! recorder of the facade `metrics`.

mod histogram;
#[cfg(feature = "metrics")]
mod report;
#[cfg(not(feature = "metrics"))]
mod absent;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[cfg(not(feature = "metrics"))]
use absent::MetricsReport;
use histogram::AtomicHistogram;
#[cfg(feature = "metrics")]
use report::MetricsReport;

pub use histogram::Histogram;

use crate::context::Timestamp;

/// The figures of one image, shared by its journal and its snapshots.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    batch_events: AtomicHistogram,
    batch_bytes: AtomicHistogram,
    /// In nanoseconds.
    sync_latency: AtomicHistogram,
    /// The length of all segments, in bytes.
    journal_bytes: AtomicU64,
    /// When the newest snapshot was made, in microseconds since the Unix epoch; 0 if there is no snapshot.
    snapshot_created: AtomicU64,
    /// The length of the encoded state and requests in the newest snapshot.
    state_bytes: AtomicU64,
    report: Option<MetricsReport>,
}

/// The newest snapshot of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewestSnapshot {
    pub(crate) created: Timestamp,
    /// The length of the encoded state and requests.
    pub(crate) state_bytes: u64,
}

impl Figures {
    /// The figures of an image that was opened. With the feature `metrics`, registers the metrics.
    pub(crate) fn of_image(model: &'static str, path: &Path) -> Figures {
        Figures { report: MetricsReport::register(model, path), ..Figures::default() }
    }

    /// Counts a batch that was written, and the sync after it if there was one.
    pub(crate) fn count_batch(&self, events: u32, bytes: usize, sync: Option<Duration>) {
        self.batch_bytes.record(bytes as u64);
        if events > 0 {
            self.batch_events.record(events.into());
        }
        if let Some(sync) = sync {
            self.count_sync(sync);
        }
    }

    /// Counts a sync of the journal.
    pub(crate) fn count_sync(&self, sync: Duration) {
        self.sync_latency.record(u64::try_from(sync.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Reports a batch that was counted. Runs foreign code, so the caller must not hold a lock.
    pub(crate) fn report_batch(&self, events: u32, bytes: usize, sync: Option<Duration>) {
        let Some(report) = &self.report else { return };
        report.batch(events, bytes);
        if let Some(sync) = sync {
            report.sync(sync);
        }
    }

    /// Reports a sync that was counted. Runs foreign code, so the caller must not hold a lock.
    pub(crate) fn report_sync(&self, sync: Duration) {
        if let Some(report) = &self.report {
            report.sync(sync);
        }
    }

    /// Counts bytes of segments that were created.
    pub(crate) fn journal_grew(&self, bytes: u64) {
        let before = self.journal_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.report_journal_bytes(before + bytes);
    }

    /// Subtracts the bytes of segments that were removed.
    pub(crate) fn journal_shrank(&self, bytes: u64) {
        let without = |all: u64| Some(all.saturating_sub(bytes));
        let before = self.journal_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, without).unwrap_or(0);
        self.report_journal_bytes(before.saturating_sub(bytes));
    }

    fn report_journal_bytes(&self, bytes: u64) {
        if let Some(report) = &self.report {
            report.journal_bytes(bytes);
        }
    }

    /// Records the snapshot that is now the newest one.
    pub(crate) fn set_snapshot(&self, newest: NewestSnapshot) {
        self.state_bytes.store(newest.state_bytes, Ordering::Relaxed);
        self.snapshot_created.store(newest.created.as_micros(), Ordering::Release);
        if let Some(report) = &self.report {
            report.newest_snapshot(newest);
        }
    }

    /// Reports that a snapshot was made in this time.
    pub(crate) fn report_snapshot(&self, duration: Duration) {
        if let Some(report) = &self.report {
            report.snapshot(duration);
        }
    }

    /// Reports that a snapshot could not be made.
    pub(crate) fn report_snapshot_failure(&self) {
        if let Some(report) = &self.report {
            report.snapshot_failure();
        }
    }

    /// Reports a recovery: how many events with how many bytes of batches were replayed, and how long the opening took.
    pub(crate) fn report_recovery(&self, events: u64, bytes: u64, duration: Duration) {
        if let Some(report) = &self.report {
            report.recovery(events, bytes, duration);
        }
    }

    /// The number of batches.
    pub(crate) fn batches(&self) -> u64 {
        self.batch_bytes.count()
    }

    /// The number of bytes in all batches.
    #[inline]
    pub(crate) fn bytes(&self) -> u64 {
        self.batch_bytes.sum()
    }

    pub(crate) fn batch_events(&self) -> Histogram {
        self.batch_events.load()
    }

    pub(crate) fn batch_bytes(&self) -> Histogram {
        self.batch_bytes.load()
    }

    pub(crate) fn sync_latency(&self) -> Histogram {
        self.sync_latency.load()
    }

    pub(crate) fn journal_bytes(&self) -> u64 {
        self.journal_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn snapshot(&self) -> Option<NewestSnapshot> {
        let created = Timestamp::from_micros(self.snapshot_created.load(Ordering::Acquire));
        let state_bytes = self.state_bytes.load(Ordering::Relaxed);
        (created > Timestamp::default()).then_some(NewestSnapshot { created, state_bytes })
    }
}
