//! The result of all rounds.

use std::fmt;
use std::time::Duration;

/// The result of all rounds, which `Display` writes as one line of JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The number of owners that were killed.
    pub rounds: u32,
    /// The number of tickets that were acknowledged.
    pub acknowledged: u64,
    /// The number of acknowledged tickets that a new owner did not have, or had twice.
    pub lost: u64,
    /// For each round, the time from the kill to the first acknowledgement of the new owner.
    pub takeovers: Vec<Duration>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<f64> = self.takeovers.iter().map(|takeover| takeover.as_secs_f64() * 1e3).collect();
        sorted.sort_by(f64::total_cmp);
        let (median, max) = (sorted.get(sorted.len() / 2), sorted.last());
        let (median, max) = (median.copied().unwrap_or_default(), max.copied().unwrap_or_default());
        let Report { rounds, acknowledged, lost, .. } = self;
        write!(
            f,
            r#"{{"rounds":{rounds},"acknowledged":{acknowledged},"lost":{lost},"takeover_ms_median":{median:.1},"takeover_ms_max":{max:.1}}}"#
        )
    }
}
