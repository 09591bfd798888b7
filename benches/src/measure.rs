//! One measurement: how many commands ran, for how long, and how long single commands took.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

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

/// The result of one round.
pub(crate) struct Round {
    pub(crate) commands: u64,
    pub(crate) took: Duration,
    /// `None` where commands do not wait one by one.
    pub(crate) latencies: Option<Latencies>,
    /// The bytes written for these commands. `None` where nothing is written.
    pub(crate) bytes: Option<u64>,
}

impl Round {
    pub(crate) fn ops_per_s(&self) -> f64 {
        self.commands as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn bytes_per_op(&self) -> Option<f64> {
        self.bytes.map(|bytes| bytes as f64 / self.commands.max(1) as f64)
    }

    /// The latency in microseconds that this share of the commands did not exceed.
    pub(crate) fn quantile_us(&self, quantile: f64) -> Option<f64> {
        let latencies = self.latencies.as_ref().filter(|latencies| !latencies.is_empty())?;
        Some(latencies.value_at_quantile(quantile) as f64 / 1e3)
    }
}

/// The round whose speed is the median; of two in the middle, the slower one.
pub(crate) fn median(mut rounds: Vec<Round>) -> Option<Round> {
    rounds.sort_by(|a, b| a.ops_per_s().total_cmp(&b.ops_per_s()));
    let middle = rounds.len().checked_sub(1)? / 2;
    Some(rounds.swap_remove(middle))
}

/// The bytes that this process has passed to write calls so far: to its files, and not to sockets.
pub(crate) fn bytes_written() -> Result<u64> {
    let io = std::fs::read_to_string("/proc/self/io")?;
    let written = io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap_or("0");
    Ok(written.parse()?)
}
