//! The count of the commands of one thread, and of all threads.

use std::time::Instant;

use crate::ledger::{self, Ledger, Transfer};

use super::{Latencies, Phase, Quantiles, latencies, record};

/// What one thread has counted.
pub(crate) struct Tally {
    /// The commands that ended in the measurement.
    pub(crate) measured: u64,
    /// All commands, with those before and after the measurement.
    pub(crate) executed: u64,
    /// The number of the first transfer; the others follow it.
    first: u64,
    /// The numbers of the transfers that were refused, in their order.
    refused: Vec<u64>,
    latencies: Latencies,
}

impl Tally {
    /// An empty tally of a thread that executes transfers one after the other from the number `first`.
    pub(crate) fn new(first: u64) -> Tally {
        Tally { measured: 0, executed: 0, first, refused: Vec::new(), latencies: latencies() }
    }

    /// Counts the next transfer, which has just been answered, with its latency if that is measured.
    pub(crate) fn count(&mut self, accepted: bool, sent: Option<Instant>, phase: &Phase) {
        if !accepted {
            self.refused.push(self.first + self.executed);
        }
        self.executed += 1;
        if phase.is_measured() {
            self.measured += 1;
            if let Some(sent) = sent {
                record(&mut self.latencies, sent.elapsed());
            }
        }
    }

    /// The transfers that were accepted.
    fn accepted(&self) -> impl Iterator<Item = Transfer> {
        let mut refused = self.refused.iter().copied().peekable();
        let all = self.first..self.first + self.executed;
        all.filter(move |n| refused.next_if_eq(n).is_none()).map(ledger::transfer)
    }
}

/// What all threads have counted together.
pub(crate) struct Total {
    pub(crate) measured: u64,
    pub(crate) executed: u64,
    /// The balances that follow from the accepted transfers. They depend on no order.
    pub(crate) balances: Vec<u64>,
    latencies: Latencies,
}

impl Total {
    pub(crate) fn new() -> Total {
        let balances = Ledger::default().balances();
        Total { measured: 0, executed: 0, balances, latencies: latencies() }
    }

    pub(crate) fn add(&mut self, tally: &Tally) {
        self.measured += tally.measured;
        self.executed += tally.executed;
        self.latencies.add(&tally.latencies).expect("all histograms have the same bounds");
        for Transfer { from, to, amount } in tally.accepted() {
            // between the threads, a balance may be below zero for a while
            let [from, to] = [from, to].map(|account| account as usize);
            self.balances[from] = self.balances[from].wrapping_sub(amount);
            self.balances[to] = self.balances[to].wrapping_add(amount);
        }
    }

    pub(crate) fn quantiles(&self) -> Option<Quantiles> {
        Quantiles::of(&self.latencies)
    }
}
