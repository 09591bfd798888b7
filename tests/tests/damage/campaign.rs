//! Tries all damage of one kind, on all processors, and counts the outcomes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage_tests::most_memory;

use crate::outcome::{Depth, Outcome, judge};
use crate::sample_images::Sample;

/// What one image takes at most to open, however slow the machine: longer is a hang.
const LONG: Duration = Duration::from_secs(60);
/// Taken by a thread at a time.
const SOME: usize = 64;
/// What the process may ever hold in memory. A damaged length that is believed asks for up to 2^30 bytes.
const MOST_MEMORY: u64 = 512 << 20;

/// What is done to a copy of a sample's disk.
pub(crate) struct Damage<'a, D> {
    /// What the cases are called when they are counted.
    pub(crate) name: &'a str,
    pub(crate) depth: Depth,
    /// The file or part of the image that a case is counted under.
    pub(crate) part: &'a (dyn Fn(&D) -> String + Sync),
    pub(crate) apply: &'a (dyn Fn(&SimDisk, &D) + Sync),
}

/// How often what came of it, by part.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<(String, Outcome), usize>);

impl Tally {
    /// What came of damage to the parts whose names end so.
    pub(crate) fn of(&self, part: &str) -> Vec<Outcome> {
        let outcomes = self.0.keys().filter(|(name, _)| name.ends_with(part)).map(|(_, outcome)| *outcome);
        BTreeSet::from_iter(outcomes).into_iter().collect()
    }

    pub(crate) fn all(&self) -> Vec<Outcome> {
        self.of("")
    }

    pub(crate) fn cases(&self) -> usize {
        self.0.values().sum()
    }
}

/// Tries all of it.
///
/// # Panics
///
/// If anything came of it that is no [`Outcome`], or if that took too long or too much memory.
pub(crate) fn try_all<D: Sync + std::fmt::Debug>(sample: &Sample, damage: &Damage<'_, D>, cases: &[D]) -> Tally {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let (done, alive) = channel();
    let tallies = std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let (done, next, failures) = (done.clone(), &next, &failures);
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    loop {
                        let from = next.fetch_add(SOME, Ordering::Relaxed);
                        let Some(some) = cases.get(from..cases.len().min(from + SOME)).filter(|some| !some.is_empty())
                        else {
                            return tally;
                        };
                        for case in some {
                            let disk = sample.disk.fork();
                            (damage.apply)(&disk, case);
                            match judge(sample, &disk, damage.depth) {
                                Ok(outcome) => {
                                    *tally.0.entry(((damage.part)(case), outcome)).or_default() += 1;
                                }
                                Err(why) => failures.lock().unwrap().push(format!("{case:?}: {why}")),
                            }
                        }
                        done.send(from).expect("somebody watches");
                    }
                })
            })
            .collect();
        drop(done);
        while let Err(RecvTimeoutError::Timeout) | Ok(_) = alive.recv_timeout(LONG).inspect_err(|error| {
            if *error == RecvTimeoutError::Timeout {
                // a thread that hangs cannot be ended, nor waited for
                let begun = next.load(Ordering::Relaxed).min(cases.len());
                // past the capture of the tests' output, which would be lost
                let _ = writeln!(
                    std::io::stderr(),
                    "{}: an image before case {begun} has not opened after {LONG:?}: a hang",
                    damage.name
                );
                std::process::abort();
            }
        }) {}
        workers.into_iter().map(|worker| worker.join().expect("its panics are caught")).collect::<Vec<_>>()
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}: {} cases failed, such as:\n{}", damage.name, failures.len(), some_of(&failures));
    let mut all = Tally::default();
    for ((part, outcome), count) in tallies.into_iter().flat_map(|tally| tally.0) {
        *all.0.entry((part, outcome)).or_default() += count;
    }
    for ((part, outcome), count) in &all.0 {
        println!("{}: {part} {outcome:?} {count}", damage.name);
    }
    assert_eq!(all.cases(), cases.len());
    assert_bounded_memory();
    all
}

fn some_of(failures: &[String]) -> String {
    failures.iter().step_by(failures.len().div_ceil(20)).map(|failure| format!("{failure}\n")).collect()
}

fn assert_bounded_memory() {
    let most = most_memory().unwrap_or(0);
    assert!(most < MOST_MEMORY, "{most} bytes of memory were held at a time");
}

/// How much of what can be damaged is damaged, by the environment variable `MEMIMAGE_EVERY_BIT`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// Without it: one bit of each byte of the images that stand for the others, and some of the others.
    Sample,
    /// `main`: every bit of the images that stand for the others, and some of the others.
    Main,
    /// Any other value: every bit.
    Every,
}

pub(crate) fn extent() -> Extent {
    match std::env::var_os("MEMIMAGE_EVERY_BIT") {
        None => Extent::Sample,
        Some(value) if value == "main" => Extent::Main,
        Some(_) => Extent::Every,
    }
}
