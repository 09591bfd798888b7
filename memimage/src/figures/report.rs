//! Reports figures to the recorder of the facade `metrics`. A recorder is foreign code, like a subscriber of `tracing`: it may
//! panic, or call the image. A panic of the recorder is caught, after the panic hook has reported it, and the callers hold no
//! lock that the image's calls wait for. The guide's chapter on performance lists the metrics.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Label, SharedString, Unit, counter, describe_counter, describe_gauge,
    describe_histogram, gauge, histogram,
};

use super::NewestSnapshot;
use crate::log::guarded;

/// The metrics of one image, registered when the image was opened.
#[derive(Debug)]
pub(super) struct MetricsReport {
    events: Handle<Counter>,
    batches: Handle<Counter>,
    bytes: Handle<Counter>,
    batch_events: Handle<Histogram>,
    batch_bytes: Handle<Histogram>,
    syncs: Handle<Histogram>,
    journal_bytes: Handle<Gauge>,
    snapshots: Handle<Counter>,
    snapshot_failures: Handle<Counter>,
    snapshot_duration: Handle<Histogram>,
    snapshot_created: Handle<Gauge>,
    state_bytes: Handle<Gauge>,
    recovery_duration: Handle<Gauge>,
    recovery_events: Handle<Counter>,
    recovery_bytes: Handle<Counter>,
}

impl MetricsReport {
    /// Registers the metrics with the recorder that is installed now.
    pub(super) fn register(model: &'static str, path: &Path) -> Option<MetricsReport> {
        let labels = Labels(vec![Label::new("model", model), Label::new("path", path.display().to_string())]);
        Some(MetricsReport {
            events: labels.counter("memimage_events_total", Unit::Count, "events written to the journal"),
            batches: labels.counter("memimage_batches_total", Unit::Count, "batches written to the journal"),
            bytes: labels.counter("memimage_journal_bytes_total", Unit::Bytes, "bytes of the batches"),
            batch_events: labels.histogram("memimage_batch_events", Unit::Count, "events in a batch"),
            batch_bytes: labels.histogram("memimage_batch_bytes", Unit::Bytes, "bytes of a batch"),
            syncs: labels.histogram("memimage_sync_seconds", Unit::Seconds, "the duration of a sync of the journal"),
            journal_bytes: labels.gauge("memimage_journal_disk_bytes", Unit::Bytes, "the length of all segments"),
            snapshots: labels.counter("memimage_snapshots_total", Unit::Count, "snapshots made"),
            snapshot_failures: labels.counter(
                "memimage_snapshot_failures_total",
                Unit::Count,
                "snapshots that were begun and could not be made",
            ),
            snapshot_duration: labels.histogram(
                "memimage_snapshot_seconds",
                Unit::Seconds,
                "the time from the start of writing a snapshot until it is installed",
            ),
            snapshot_created: labels.gauge(
                "memimage_snapshot_timestamp_seconds",
                Unit::Seconds,
                "when the newest snapshot was made, since the Unix epoch",
            ),
            state_bytes: labels.gauge(
                "memimage_state_bytes",
                Unit::Bytes,
                "the encoded state and requests in the newest snapshot",
            ),
            recovery_duration: labels.gauge("memimage_recovery_seconds", Unit::Seconds, "how long the opening took"),
            recovery_events: labels.counter(
                "memimage_recovery_events_total",
                Unit::Count,
                "events replayed by openings",
            ),
            recovery_bytes: labels.counter("memimage_recovery_bytes_total", Unit::Bytes, "bytes of replayed batches"),
        })
    }

    pub(super) fn batch(&self, events: u32, bytes: usize) {
        self.batches.update(|batches| batches.increment(1));
        self.bytes.update(|counter| counter.increment(bytes as u64));
        self.batch_bytes.update(|histogram| histogram.record(bytes as f64));
        if events > 0 {
            self.events.update(|counter| counter.increment(events.into()));
            self.batch_events.update(|histogram| histogram.record(events));
        }
    }

    pub(super) fn sync(&self, duration: Duration) {
        self.syncs.update(|syncs| syncs.record(duration));
    }

    pub(super) fn journal_bytes(&self, bytes: u64) {
        self.journal_bytes.update(|gauge| gauge.set(bytes as f64));
    }

    pub(super) fn newest_snapshot(&self, newest: NewestSnapshot) {
        self.snapshot_created.update(|gauge| gauge.set(newest.created.as_micros() as f64 / 1e6));
        self.state_bytes.update(|gauge| gauge.set(newest.state_bytes as f64));
    }

    pub(super) fn snapshot(&self, duration: Duration) {
        self.snapshots.update(|snapshots| snapshots.increment(1));
        self.snapshot_duration.update(|histogram| histogram.record(duration));
    }

    pub(super) fn snapshot_failure(&self) {
        self.snapshot_failures.update(|failures| failures.increment(1));
    }

    pub(super) fn recovery(&self, events: u64, bytes: u64, duration: Duration) {
        self.recovery_duration.update(|gauge| gauge.set(duration));
        self.recovery_events.update(|counter| counter.increment(events));
        self.recovery_bytes.update(|counter| counter.increment(bytes));
    }
}

/// The labels of all metrics of one image.
struct Labels(Vec<Label>);

impl Labels {
    fn counter(&self, name: &'static str, unit: Unit, what: &'static str) -> Handle<Counter> {
        Handle::register(|| {
            describe_counter!(name, unit, SharedString::const_str(what));
            counter!(name, self.0.iter())
        })
    }

    fn gauge(&self, name: &'static str, unit: Unit, what: &'static str) -> Handle<Gauge> {
        Handle::register(|| {
            describe_gauge!(name, unit, SharedString::const_str(what));
            gauge!(name, self.0.iter())
        })
    }

    fn histogram(&self, name: &'static str, unit: Unit, what: &'static str) -> Handle<Histogram> {
        Handle::register(|| {
            describe_histogram!(name, unit, SharedString::const_str(what));
            histogram!(name, self.0.iter())
        })
    }
}

/// A metric of the recorder; `None` if the recorder panicked when the metric was registered.
struct Handle<T>(Option<T>);

impl<T> Handle<T> {
    fn register(register: impl FnOnce() -> T) -> Handle<T> {
        let mut handle = None;
        guarded(|| handle = Some(register()));
        Handle(handle)
    }

    fn update(&self, update: impl FnOnce(&T)) {
        if let Some(metric) = &self.0 {
            guarded(|| update(metric));
        }
    }
}

/// The recorder's own type may panic when it is dropped.
impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        let metric = self.0.take();
        guarded(|| drop(metric));
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Handle" } else { "Handle(none)" })
    }
}
