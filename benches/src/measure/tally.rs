//! The count of the commands of one thread.

use std::time::Instant;

use super::{Latencies, Phase, Quantiles, latencies, record};

/// What one thread has counted, or several threads together.
pub(crate) struct Tally {
    /// The commands that ended in the measurement.
    pub(crate) measured: u64,
    /// All commands, with those before and after the measurement.
    pub(crate) executed: u64,
    latencies: Latencies,
}

impl Tally {
    pub(crate) fn new() -> Tally {
        Tally { measured: 0, executed: 0, latencies: latencies() }
    }

    /// Counts a command that has just been answered, with its latency if that is measured.
    pub(crate) fn count(&mut self, sent: Option<Instant>, phase: &Phase) {
        self.executed += 1;
        if phase.is_measured() {
            self.measured += 1;
            if let Some(sent) = sent {
                record(&mut self.latencies, sent.elapsed());
            }
        }
    }

    /// Adds the commands of another thread.
    pub(crate) fn add(&mut self, other: Tally) {
        self.measured += other.measured;
        self.executed += other.executed;
        self.latencies.add(other.latencies).expect("all histograms have the same bounds");
    }

    pub(crate) fn quantiles(&self) -> Option<Quantiles> {
        Quantiles::of(&self.latencies)
    }
}
