//! The report on a run.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use memimage::{Digest, Seq};

use crate::latency::Percentiles;
use crate::request::{Answer, Request};

/// How many requests of each kind a run had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Limit orders.
    pub limit: u64,
    /// Market orders.
    pub market: u64,
    /// Cancellations.
    pub cancel: u64,
    /// Requests of any kind that were refused.
    pub refused: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, request: &Request, answer: &Answer) {
        match request {
            Request::Limit(_) => self.limit += 1,
            Request::Market(_) => self.market += 1,
            Request::Cancel(_) => self.cancel += 1,
        }
        self.refused += u64::from(matches!(answer, Answer::Refused(_)));
    }

    fn total(&self) -> u64 {
        self.limit + self.market + self.cancel
    }
}

/// The results of a run whose verification succeeded.
#[derive(Clone, Debug)]
pub struct Report {
    /// The image's directory.
    pub image: PathBuf,
    /// The last event that the run found in the image; 0 if the image is new.
    pub found: Seq,
    /// The last event of the run.
    pub seq: Seq,
    /// The requests of the run.
    pub counts: Counts,
    /// The time that the bare engine took.
    pub bare_time: Duration,
    /// The time that the image took until all answers were durable.
    pub image_time: Duration,
    /// The trades of the run.
    pub trades: u64,
    /// The quantity that was traded in the run.
    pub volume: u64,
    /// The orders in the books after the run.
    pub open_orders: usize,
    /// The times from submission to acknowledgement; `None` if no request was timed.
    pub acknowledgement: Option<Percentiles>,
    /// The digest of the state after the run, and of the recovered state.
    pub digest: Digest,
    /// The events that the recovery replayed.
    pub replayed: u64,
    /// The time that the recovery took.
    pub recovery_time: Duration,
}

impl Report {
    /// Requests a second.
    fn rate(&self, time: Duration) -> f64 {
        self.counts.total() as f64 / time.as_secs_f64()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { limit, market, cancel, refused } = self.counts;
        let (image, bare) = (self.rate(self.image_time), self.rate(self.bare_time));
        let state = if self.found == Seq::ZERO { "new" } else { "continued" };
        let first = self.found.next();
        writeln!(f, "image           {}, {state}: events {first} to {}", self.image.display(), self.seq)?;
        write!(f, "orders          {}: {limit} limit, {market} market, {cancel} cancel", self.counts.total())?;
        writeln!(f, "; {refused} refused")?;
        writeln!(f, "matched volume  {} in {} trades; {} orders are open", self.volume, self.trades, self.open_orders)?;
        writeln!(f, "bare engine     {bare:.0} orders a second")?;
        writeln!(f, "in the image    {image:.0} orders a second, {:.3} of the bare engine", image / bare)?;
        match self.acknowledgement {
            Some(percentiles) => writeln!(f, "acknowledged    {percentiles}")?,
            None => writeln!(f, "acknowledged    not measured: too few orders")?,
        }
        writeln!(f, "verified        each trade: both orders were open, and the price is within both limits")?;
        writeln!(f, "verified        quantities: bought = sold, and submitted = traded + resting + cancelled")?;
        writeln!(f, "verified        the answers and the state of the image are those of the bare engine")?;
        let (replayed, time, digest) = (self.replayed, self.recovery_time, self.digest);
        writeln!(f, "verified        the recovered state, digest {digest} ({replayed} events replayed in {time:.1?})")
    }
}
