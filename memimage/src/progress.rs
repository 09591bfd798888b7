//! The progress of opening an image, for a callback of the program. The callback is foreign code, so it may panic.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::log;
use crate::panics::panic_message;

/// The shortest time between two reports of one phase, so that reports cost next to nothing.
const INTERVAL: Duration = Duration::from_millis(100);

/// How far the opening of an image has come. See [`Options::on_progress`](crate::Options::on_progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The current phase.
    pub phase: OpeningPhase,
    /// The number of events replayed so far.
    pub events: u64,
    /// The bytes read so far in this phase: of the snapshot, or of the journal.
    pub bytes: u64,
    /// The number of bytes to read in this phase. For the journal this is an estimate before the last report, because after a
    /// crash only reading shows where the journal ends.
    pub bytes_total: u64,
}

impl Progress {
    /// The completed share of this phase, from 0 to 1.
    pub fn share(&self) -> f64 {
        if self.bytes_total == 0 { 1.0 } else { (self.bytes as f64 / self.bytes_total as f64).min(1.0) }
    }
}

/// A phase of the opening of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpeningPhase {
    /// A snapshot, or the base of a pruned journal, is read and decoded. This phase is skipped if the image has no snapshot.
    /// It occurs again if the snapshot is damaged or contradicts the journal, because an older one is tried.
    Snapshot,
    /// The events after the snapshot are replayed.
    Replay,
}

/// The callback of a program.
pub(crate) type ProgressCallback = Box<dyn FnMut(Progress) + Send>;

/// Reports progress to the callback of a program, at a limited rate.
pub(crate) struct ProgressReporter(Mutex<ReporterState>);

struct ReporterState {
    /// `None` after the callback has panicked.
    callback: Option<ProgressCallback>,
    /// The phase and the time of the last report.
    last: Option<(OpeningPhase, Instant)>,
}

#[expect(clippy::disallowed_methods, reason = "the time of a report is not part of the state")]
fn now() -> Instant {
    Instant::now()
}

impl ProgressReporter {
    pub(crate) fn new(callback: ProgressCallback) -> ProgressReporter {
        ProgressReporter(Mutex::new(ReporterState { callback: Some(callback), last: None }))
    }

    /// Reports the progress if a report is due: the first one of a phase, or one some time after the last one.
    pub(crate) fn report_if_due(&self, phase: OpeningPhase, progress: impl FnOnce() -> Progress) {
        let mut state = self.0.lock();
        let is_due = state.last.is_none_or(|(last, time)| last != phase || time.elapsed() >= INTERVAL);
        if is_due && state.callback.is_some() {
            state.report(progress());
        }
    }

    /// Reports the end of a phase.
    pub(crate) fn report(&self, progress: Progress) {
        self.0.lock().report(progress);
    }
}

impl ReporterState {
    /// Calls the callback. After a panic its state may be inconsistent, so it is not called again.
    fn report(&mut self, progress: Progress) {
        self.last = Some((progress.phase, now()));
        let Some(callback) = &mut self.callback else { return };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| callback(progress))) {
            let message = panic_message(panic);
            log::error!(message, "the progress callback panicked; the image is opened without further reports");
            log::guarded(|| drop(self.callback.take()));
        }
    }
}

impl fmt::Debug for ProgressReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressReporter").finish_non_exhaustive()
    }
}
