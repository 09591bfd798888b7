//! A histogram whose buckets grow with the values, so that a fixed number of them counts nanoseconds and minutes alike.
//!
//! A power of two is divided into four buckets, so a bucket's bounds are at most a quarter apart. Recording a value takes three
//! atomic operations; it neither locks nor allocates.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The base-2 logarithm of the number of buckets in which a power of two is divided.
const DIVISION: u32 = 2;
/// Values from 2 to this power on share the last bucket: 36 minutes in nanoseconds, or 2 TiB in bytes.
const LARGEST: u32 = 41;
const BUCKETS: usize = ((LARGEST - 1) << DIVISION) as usize;

/// How often values of each size occurred. The values are counted in buckets, and the bounds of a bucket are at most a quarter
/// apart.
///
/// [`Admin::stats`](crate::Admin::stats) returns histograms:
///
/// ```
/// # use memimage::{Image, Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Counter { count: u64 }
/// # #[memimage::commands]
/// # impl Counter {
/// #     /// Adds one.
/// #     #[command]
/// #     fn add(&mut self) -> u64 { self.count += 1; self.count }
/// # }
/// # let counter = Image::<Counter>::options().in_memory()?;
/// for _ in 0..100 {
///     counter.add()?;
/// }
/// let syncs = counter.admin().stats().sync_latency;
/// println!("{} syncs, 99 % of them in at most {} ns", syncs.count(), syncs.quantile(0.99));
/// # assert!(syncs.count() >= 100 && syncs.quantile(0.99) <= syncs.max());
/// # Ok::<(), memimage::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64; BUCKETS]>,
    sum: u64,
    max: u64,
}

impl Histogram {
    /// The number of values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all values.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The largest value; 0 if there is no value.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// A value that this share of all values does not exceed: `quantile(0.5)` is the median. The result is at most a quarter too
    /// large, because it is the upper bound of a bucket. Returns 0 if there is no value.
    pub fn quantile(&self, share: f64) -> u64 {
        // a float that is negative or not a number becomes 0
        let rank = ((share * self.count() as f64).ceil() as u64).max(1);
        let mut counted = 0;
        let reached = self.buckets().find(|(_, count)| {
            counted += count;
            counted >= rank
        });
        reached.map_or(self.max, |(bound, _)| bound)
    }

    /// The largest value that belongs to a bucket, and the number of values in it, for each bucket that is not empty, in
    /// ascending order.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        let occupied = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        occupied.map(|(bucket, count)| (upper_bound(bucket).min(self.max), *count))
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .field("sum", &self.sum)
            .field("median", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .field("max", &self.max)
            .finish()
    }
}

/// A histogram that threads record values in.
pub(super) struct AtomicHistogram {
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    max: AtomicU64,
}

impl Default for AtomicHistogram {
    fn default() -> AtomicHistogram {
        AtomicHistogram {
            counts: [const { AtomicU64::new(0) }; BUCKETS],
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
        }
    }
}

impl AtomicHistogram {
    pub(super) fn record(&self, value: u64) {
        // the largest value first, so that a histogram that is loaded meanwhile has no bucket above it
        self.max.fetch_max(value, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.counts[bucket_of(value)].fetch_add(1, Ordering::Release);
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    #[inline]
    pub(super) fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    pub(super) fn load(&self) -> Histogram {
        let mut counts = Box::new([0; BUCKETS]);
        for (count, atomic) in counts.iter_mut().zip(&self.counts) {
            *count = atomic.load(Ordering::Acquire);
        }
        Histogram { counts, sum: self.sum(), max: self.max.load(Ordering::Relaxed) }
    }
}

impl fmt::Debug for AtomicHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}

/// The bucket of a value. The smallest values have buckets of their own.
fn bucket_of(value: u64) -> usize {
    let power = value.checked_ilog2().unwrap_or(0);
    match power.checked_sub(DIVISION) {
        None => value as usize,
        Some(_) if power >= LARGEST => BUCKETS - 1,
        // the leading bits of the value after its first bit number the buckets of its power of two
        Some(shift) => ((shift as usize) << DIVISION) + (value >> shift) as usize,
    }
}

/// The largest value in a bucket.
fn upper_bound(bucket: usize) -> u64 {
    if bucket == BUCKETS - 1 {
        return u64::MAX;
    }
    // the value before the first value of the next bucket
    let next = bucket + 1;
    let shift = (next >> DIVISION).saturating_sub(1);
    (((next - (shift << DIVISION)) as u64) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_narrow() {
        let mut lower = 0;
        for bucket in 0..BUCKETS {
            let upper = upper_bound(bucket);
            assert_eq!((bucket_of(lower), bucket_of(upper)), (bucket, bucket), "{lower} to {upper}");
            assert!(bucket == BUCKETS - 1 || upper - lower <= lower / 4, "{lower} to {upper}");
            lower = upper.wrapping_add(1);
        }
        assert_eq!(lower, 0, "the last bucket contains all larger values");
    }

    #[test]
    fn quantiles_are_at_most_a_quarter_too_large() {
        let histogram = AtomicHistogram::default();
        assert_eq!(histogram.load().quantile(0.5), 0);
        (1..=10_000).for_each(|value| histogram.record(value));
        let histogram = histogram.load();
        assert_eq!((histogram.count(), histogram.sum(), histogram.max()), (10_000, 50_005_000, 10_000));
        for (share, exact) in [(0.0, 1), (0.5, 5_000), (0.99, 9_900), (1.0, 10_000), (f64::NAN, 1), (7.0, 10_000)] {
            let quantile = histogram.quantile(share);
            assert!((exact..=exact + exact / 4).contains(&quantile), "{share}: {quantile}");
        }
        assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), 10_000);
        assert!(histogram.buckets().is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
