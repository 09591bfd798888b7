//! One measurement: how many commands ran, for how long, and how long single commands took.

mod phase;
pub(crate) mod process;
mod tally;

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

pub(crate) use phase::Phase;
pub(crate) use tally::{Tally, Total};

/// The duration in milliseconds.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The latencies of single commands, in nanoseconds.
pub(crate) type Latencies = Histogram<u64>;

/// An empty histogram, for latencies up to a minute, with three significant digits.
pub(crate) fn latencies() -> Latencies {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid")
}

/// Records one latency; a latency beyond the bounds is recorded as the largest.
pub(crate) fn record(latencies: &mut Latencies, latency: Duration) {
    latencies.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
}

/// Latencies in microseconds that a share of the commands did not exceed.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
}

impl Quantiles {
    /// `None` if the histogram is empty.
    pub(crate) fn of(latencies: &Latencies) -> Option<Quantiles> {
        let us = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
        let max_us = latencies.max() as f64 / 1e3;
        (!latencies.is_empty()).then(|| Quantiles { p50_us: us(0.5), p99_us: us(0.99), p999_us: us(0.999), max_us })
    }
}

/// The result of one round.
#[derive(Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) commands: u64,
    pub(crate) took: Duration,
    /// `None` where commands do not wait one by one.
    pub(crate) latencies: Option<Quantiles>,
    /// The bytes written for a command. `None` where nothing is written.
    pub(crate) bytes_per_op: Option<f64>,
}

impl Round {
    pub(crate) fn ops_per_s(&self) -> f64 {
        self.commands as f64 / self.took.as_secs_f64()
    }
}

/// The round whose speed is the median; of two in the middle, the slower one.
pub(crate) fn median(mut rounds: Vec<Round>) -> Option<Round> {
    rounds.sort_by(|a, b| a.ops_per_s().total_cmp(&b.ops_per_s()));
    let middle = rounds.len().checked_sub(1)? / 2;
    Some(rounds.swap_remove(middle))
}
