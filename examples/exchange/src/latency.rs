//! Latencies of a sample of the requests.

use std::fmt;
use std::time::{Duration, Instant};

/// In batches of 61 or more requests, one request in 61 is timed. The number is a prime, so that the timed requests are not at
/// the same positions of all batches.
const STRIDE: usize = 61;

/// The times from submission to acknowledgement.
#[derive(Debug)]
pub(crate) struct Latencies {
    stride: usize,
    requests: usize,
    nanos: Vec<u64>,
}

impl Latencies {
    /// Latencies of requests that are submitted in batches of this size.
    pub(crate) fn new(batch: usize) -> Latencies {
        Latencies { stride: if batch < STRIDE { 1 } else { STRIDE }, requests: 0, nanos: Vec::new() }
    }

    /// Counts a request, and returns the time if the request is to be timed.
    pub(crate) fn begin(&mut self) -> Option<Instant> {
        self.requests += 1;
        #[expect(clippy::disallowed_methods, reason = "the time is not part of the model")]
        self.requests.is_multiple_of(self.stride).then(Instant::now)
    }

    /// Adds the time since the submission of an acknowledged request.
    pub(crate) fn end(&mut self, submitted: Instant) {
        self.nanos.push(u64::try_from(submitted.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }

    /// The percentiles; `None` without a timed request.
    pub(crate) fn percentiles(mut self) -> Option<Percentiles> {
        self.nanos.sort_unstable();
        let at = |per_mille: usize| {
            // the smallest latency that so many requests do not exceed
            let rank = (self.nanos.len() * per_mille).div_ceil(1000);
            self.nanos.get(rank.checked_sub(1)?).map(|nanos| Duration::from_nanos(*nanos))
        };
        Some(Percentiles { samples: self.nanos.len(), p50: at(500)?, p99: at(990)?, p999: at(999)? })
    }
}

/// The percentiles of the latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles {
    /// The number of timed requests.
    pub samples: usize,
    /// The median.
    pub p50: Duration,
    /// 99 of 100 requests took no longer.
    pub p99: Duration,
    /// 999 of 1000 requests took no longer.
    pub p999: Duration,
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Percentiles { samples, p50, p99, p999 } = self;
        write!(f, "p50 {p50:.1?}, p99 {p99:.1?}, p99.9 {p999:.1?} ({samples} samples)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_measured_latency() {
        let latencies = |nanos| Latencies { stride: 1, requests: 0, nanos };
        assert_eq!(latencies(Vec::new()).percentiles(), None);
        let percentiles = latencies((1..=2000).rev().collect()).percentiles().unwrap();
        let [p50, p99, p999] = [1000, 1980, 1998].map(Duration::from_nanos);
        assert_eq!(percentiles, Percentiles { samples: 2000, p50, p99, p999 });
        let one = latencies(vec![7]).percentiles().unwrap();
        assert_eq!((one.p50, one.p999), (Duration::from_nanos(7), Duration::from_nanos(7)));
    }

    #[test]
    fn one_request_in_61_is_timed_in_large_batches_and_each_in_small_ones() {
        for (batch, timed) in [(1, 610), (60, 610), (61, 10), (100_000, 10)] {
            let mut latencies = Latencies::new(batch);
            assert_eq!((0..610).filter(|_| latencies.begin().is_some()).count(), timed, "batches of {batch}");
        }
    }
}
