//! Measures what a reader of the history pays: the rate of events forward, the last hundred events backward, a past state in the
//! middle, and the peak memory.
//!
//! Run it with `cargo bench -p memimage --bench history`. The environment variable `EVENTS` sets the number of events (10,000,000).

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::time::{Duration, Instant};

use memimage::{Durability, Error, Image, Journal, Model, Seq, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

/// A number.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Counter {
    count: u64,
}

#[memimage::commands]
impl Counter {
    /// Adds to the count.
    #[command]
    fn add(&mut self, number: u64) {
        self.count += number;
    }
}

/// Runs `read`, and returns its result with the time that it took.
fn timed<T>(read: impl FnOnce() -> Result<T, Error>) -> Result<(T, Duration), Error> {
    let started = Instant::now();
    Ok((read()?, started.elapsed()))
}

/// The peak of this process's memory, in MiB; `None` where `/proc` does not tell.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib / 1024)
}

fn main() -> Result<(), Error> {
    let events: u64 = std::env::var("EVENTS").ok().and_then(|events| events.parse().ok()).unwrap_or(10_000_000);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("counter");
    let options = Image::<Counter>::options().durability(Durability::Buffered).snapshots(SnapshotPolicy::Manual);
    let image = options.open(&path)?;
    for part in (0..events).collect::<Vec<_>>().chunks(10_000) {
        drop(image.submit_all(part.iter().map(|&number| CounterAdd { number })));
        if image.journal().seq().get() == events / 2 / 10_000 * 10_000 {
            image.admin().snapshot()?;
        }
    }
    Image::close(image)?;

    let journal = Journal::<Counter>::open(&path)?;
    let before = peak_memory();
    let (read, time) = timed(|| journal.history().into_iter().try_fold(0_u64, |read, event| event.map(|_| read + 1)))?;
    assert_eq!(read, events, "each event is read once");
    println!("forward: {:.2} million events a second", events as f64 / time.as_secs_f64() / 1e6);
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        println!("peak memory: {before} MiB before the reading, {after} MiB after it");
    }
    let (_, time) =
        timed(|| journal.history().newest_first().into_iter().take(100).try_for_each(|event| event.map(drop)))?;
    println!("the last hundred events, newest first: {:.1} ms", time.as_secs_f64() * 1e3);
    for (name, seq) in [("after the snapshot", events / 2 + 1_000), ("before the end", events - 1)] {
        let (past, time) = timed(|| journal.at(Seq::new(seq.max(1))))?;
        assert_eq!(past.seq().get(), seq.max(1), "the state that was asked for");
        println!("the state {name}: {:.1} ms", time.as_secs_f64() * 1e3);
    }
    Ok(())
}
