//! The result of all rounds.

use std::fmt;
use std::time::Duration;

use crate::history::Verdict;
use crate::settings::{Engine, Mode};

/// The result of all rounds, which `Display` writes as one line of JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The engine of the log.
    pub engine: Engine,
    /// When a command was acknowledged.
    pub mode: Mode,
    /// What the clients have lost.
    pub verdict: Verdict,
    /// For each round, the time from the kill to the first acknowledgement of the new owner.
    pub takeovers: Vec<Duration>,
}

impl Report {
    /// What is wrong; `None` if the mode kept its promise.
    pub fn fault(&self) -> Option<String> {
        let Verdict { lost, set_aside, doubled, moved, same_place, out_of_order, .. } = self.verdict;
        let promise = match self.mode {
            Mode::Remote => lost == 0 && moved == 0 && same_place == 0 && out_of_order == 0,
            // a place is given again after the event that had it was set aside
            Mode::Local => lost == set_aside && moved == 0,
        };
        match promise && doubled == 0 {
            true => None,
            false => Some(format!("the mode `{}` has not kept its promise: {:?}", self.mode, self.verdict)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<f64> = self.takeovers.iter().map(|takeover| takeover.as_secs_f64() * 1e3).collect();
        sorted.sort_by(f64::total_cmp);
        let (median, max) = (sorted.get(sorted.len() / 2), sorted.last());
        let (median, max) = (median.copied().unwrap_or_default(), max.copied().unwrap_or_default());
        let Report { engine, mode, verdict, takeovers } = self;
        let Verdict { acknowledged, lost, set_aside, .. } = verdict;
        let rounds = takeovers.len();
        write!(
            f,
            r#"{{"engine":"{engine}","mode":"{mode}","rounds":{rounds},"acknowledged":{acknowledged},"lost":{lost},"#
        )?;
        write!(f, r#""set_aside":{set_aside},"takeover_ms_median":{median:.1},"takeover_ms_max":{max:.1}}}"#)
    }
}
