//! Measures what a reader of the history pays: events forward, the last hundred events backward, past states, and the peak memory.
//!
//! Run it with `cargo bench -p memimage --bench history`. The environment variable `EVENTS` sets the number of events (10,000,000).
//! On a busy machine, compare the processor time, and the ratios within one run.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::time::{Duration, Instant};

use memimage::{Durability, Error, Image, Journal, Model, Seq, Shape, SnapshotPolicy, SnapshotSpread};
use rustix::time::{ClockId, clock_gettime};
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

/// The snapshots that the image makes and keeps.
const SNAPSHOTS: u64 = 10;

/// What a read took: by the clock, and in processor time of all threads.
#[derive(Clone, Copy)]
struct Taken {
    wall: Duration,
    processor: Duration,
}

fn processor_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().expect("a time after zero")
}

/// Runs `read`, prints what it took, and returns its result.
fn measure<T>(name: &str, read: impl FnOnce() -> Result<T, Error>) -> Result<(T, Taken), Error> {
    let (started, processor) = (Instant::now(), processor_time());
    let result = read()?;
    let taken = Taken { wall: started.elapsed(), processor: processor_time() - processor };
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!("{name}: {:.1} ms, {:.1} ms of processor time", milliseconds(taken.wall), milliseconds(taken.processor));
    Ok((result, taken))
}

fn per_second(events: u64, taken: Taken) -> String {
    let millions = |time: Duration| events as f64 / time.as_secs_f64() / 1e6;
    format!("{:.2} million a second, {:.2} by processor time", millions(taken.wall), millions(taken.processor))
}

/// The memory of this process in MiB, by the name of the line in `/proc/self/status`; `None` where there is no such file.
fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|found| found.strip_prefix(line))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// Records the events, and a snapshot after each tenth of them.
fn record(path: &std::path::Path, events: u64) -> Result<(), Error> {
    let options = Image::<Counter>::options()
        .durability(Durability::Buffered)
        .snapshots(SnapshotPolicy::Manual)
        .keep_snapshots(SNAPSHOTS as usize, SnapshotSpread::Even);
    let image = options.open(path)?;
    let mut recorded = 0;
    while recorded < events {
        let until = (recorded + 10_000).min(events);
        drop(image.submit_all((recorded..until).map(|number| CounterAdd { number })));
        if until * SNAPSHOTS / events > recorded * SNAPSHOTS / events {
            image.admin().snapshot()?;
        }
        recorded = until;
    }
    Image::close(image)
}

fn main() -> Result<(), Error> {
    let events: u64 = std::env::var("EVENTS").ok().and_then(|events| events.parse().ok()).unwrap_or(10_000_000);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("counter");
    record(&path, events)?;
    let journal = Journal::<Counter>::open(&path)?;

    // Linux resets the peak
    let is_reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = memory("VmRSS:").filter(|_| is_reset);
    let all = || journal.history().into_iter().try_fold(0_u64, |read, event| event.map(|_| read + 1));
    let (read, forward) = measure("all events", all)?;
    assert_eq!(read, events, "each event is read once");
    println!("  {}", per_second(events, forward));
    if let (Some(before), Some(peak)) = (before, memory("VmHWM:")) {
        println!("  memory: {before} MiB before the reading, at most {peak} MiB during it");
    }
    let newest = || journal.history().newest_first().into_iter().take(100).try_for_each(|event| event.map(drop));
    measure("the last hundred events, newest first", newest)?;
    measure("the same once more", newest)?;

    let tenth = events / SNAPSHOTS;
    let at = |seq: u64| {
        let journal = journal.clone();
        move || journal.at(Seq::new(seq))
    };
    let (first, replayed) = measure("a replay of the first tenth", at(tenth - 1))?;
    println!("  {}", per_second(tenth - 1, replayed));
    let (_, loaded) = measure("the state of a snapshot in the middle", at(events / 2 / tenth * tenth))?;
    let (past, _) = measure("the state a thousand events later", at(events / 2 / tenth * tenth + 1_000))?;
    measure("the same by its time", || journal.at(past.time()))?;
    let (last, replayed) =
        measure("the state just before the next snapshot", at((events / 2 / tenth + 1) * tenth - 1))?;
    let rest = Taken {
        wall: replayed.wall.saturating_sub(loaded.wall),
        processor: replayed.processor.saturating_sub(loaded.processor),
    };
    println!("  {}, without the load", per_second(tenth - 1, rest));
    assert!(first.count < past.count && past.count < last.count, "the states differ");
    Ok(())
}
