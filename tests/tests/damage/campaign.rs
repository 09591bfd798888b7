//! Tries all cases of one kind of damage on all processors, and counts the outcomes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage_tests::peak_memory;

use crate::outcome::{Depth, OpenOutcome, open_and_check};
use crate::sample_images::SampleImage;

/// The maximum time in which an image must open, even on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The number of cases that a thread takes at a time.
const CHUNK: usize = 64;
/// The maximum memory use of the process. A damaged length that is trusted can request up to 2^30 bytes.
const MAX_MEMORY: u64 = 512 << 20;

/// A kind of damage that is applied to a copy of a sample's disk.
pub(crate) struct DamageInjection<'a, D> {
    /// The name under which the cases are counted.
    pub(crate) name: &'a str,
    pub(crate) depth: Depth,
    /// The file or part of the image that a case is counted under.
    pub(crate) part: &'a (dyn Fn(&D) -> String + Sync),
    pub(crate) apply: &'a (dyn Fn(&SimDisk, &D) + Sync),
}

/// The number of cases by part and outcome.
#[derive(Debug, Default)]
pub(crate) struct OutcomeCounts(BTreeMap<(String, OpenOutcome), usize>);

impl OutcomeCounts {
    /// The outcomes of damage to the parts whose names end with `part`.
    pub(crate) fn of(&self, part: &str) -> Vec<OpenOutcome> {
        let outcomes = self.0.keys().filter(|(name, _)| name.ends_with(part)).map(|(_, outcome)| *outcome);
        BTreeSet::from_iter(outcomes).into_iter().collect()
    }

    pub(crate) fn all(&self) -> Vec<OpenOutcome> {
        self.of("")
    }

    pub(crate) fn cases(&self) -> usize {
        self.0.values().sum()
    }
}

/// Tries all cases.
///
/// # Panics
///
/// If a case has a result that is no [`OpenOutcome`], or takes too long or too much memory.
pub(crate) fn try_all<D: Sync + std::fmt::Debug>(
    sample: &SampleImage,
    damage: &DamageInjection<'_, D>,
    cases: &[D],
) -> OutcomeCounts {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let (progress, received) = channel();
    let worker_counts = std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let (progress, next, failures) = (progress.clone(), &next, &failures);
                scope.spawn(move || {
                    let mut counts = OutcomeCounts::default();
                    loop {
                        let from = next.fetch_add(CHUNK, Ordering::Relaxed);
                        let Some(chunk) =
                            cases.get(from..cases.len().min(from + CHUNK)).filter(|chunk| !chunk.is_empty())
                        else {
                            return counts;
                        };
                        for case in chunk {
                            let disk = sample.disk.fork();
                            (damage.apply)(&disk, case);
                            match open_and_check(sample, &disk, damage.depth) {
                                Ok(outcome) => {
                                    *counts.0.entry(((damage.part)(case), outcome)).or_default() += 1;
                                }
                                Err(why) => failures.lock().unwrap().push(format!("{case:?}: {why}")),
                            }
                        }
                        progress.send(from).expect("the main thread receives");
                    }
                })
            })
            .collect();
        drop(progress);
        while let Err(RecvTimeoutError::Timeout) | Ok(_) = received.recv_timeout(TIMEOUT).inspect_err(|error| {
            if *error == RecvTimeoutError::Timeout {
                // a blocked thread can be neither stopped nor joined
                let started = next.load(Ordering::Relaxed).min(cases.len());
                // bypasses the capture of the test's output, which would be lost
                let _ = writeln!(
                    std::io::stderr(),
                    "{}: an image before case {started} did not open within {TIMEOUT:?}",
                    damage.name
                );
                std::process::abort();
            }
        }) {}
        workers.into_iter().map(|worker| worker.join().expect("the worker catches panics")).collect::<Vec<_>>()
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{}: {} cases failed, for example:\n{}",
        damage.name,
        failures.len(),
        examples(&failures)
    );
    let mut all = OutcomeCounts::default();
    for ((part, outcome), count) in worker_counts.into_iter().flat_map(|counts| counts.0) {
        *all.0.entry((part, outcome)).or_default() += count;
    }
    for ((part, outcome), count) in &all.0 {
        println!("{}: {part} {outcome:?} {count}", damage.name);
    }
    assert_eq!(all.cases(), cases.len());
    assert_bounded_memory();
    all
}

fn examples(failures: &[String]) -> String {
    failures.iter().step_by(failures.len().div_ceil(20)).map(|failure| format!("{failure}\n")).collect()
}

fn assert_bounded_memory() {
    let peak = peak_memory().unwrap_or(0);
    assert!(peak < MAX_MEMORY, "peak memory use: {peak} bytes");
}

/// The number of damage cases, from the environment variable `MEMIMAGE_EVERY_BIT`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// Not set: one bit of each fourth byte of the main images, and some bits of the others.
    Sample,
    /// `main`: every bit of the main images, and some bits of the others.
    Main,
    /// Any other value: every bit of all images.
    Every,
}

pub(crate) fn extent() -> Extent {
    match std::env::var_os("MEMIMAGE_EVERY_BIT") {
        None => Extent::Sample,
        Some(value) if value == "main" => Extent::Main,
        Some(_) => Extent::Every,
    }
}
