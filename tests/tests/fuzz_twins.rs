//! Runs the entry points of the fuzz targets under proptest, with arbitrary bytes and with modified seed inputs.
//! `MEMIMAGE_CASES` sets the number of inputs of each target.
//!
//! An input that takes too long or too much memory is printed, and aborts the process.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use memimage_tests::fuzz::{TARGETS, Target};
use memimage_tests::{cases, peak_memory};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// The maximum time of one input, even on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The maximum memory use of the process. A length that is trusted can request up to 2^32 bytes.
const MAX_MEMORY: u64 = 512 << 20;

/// A modification of an input.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(Index, u8),
    Set(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    /// Copies a range over other bytes.
    Copy(Index, Index, usize),
    /// Replaces the rest by the rest of another seed input.
    Splice(Index, Index, Index),
    Zero(Index, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0..8u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (at(), prop_oneof![Just(0), Just(0x7f), Just(0x80), Just(0xff), any::<u8>()])
            .prop_map(|(at, to)| Mutation::Set(at, to)),
        at().prop_map(Mutation::Cut),
        (at(), 1..64usize).prop_map(|(at, len)| Mutation::Remove(at, len)),
        (at(), prop::collection::vec(any::<u8>(), 1..16)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (at(), at(), 1..256usize).prop_map(|(from, to, len)| Mutation::Copy(from, to, len)),
        (at(), at(), at()).prop_map(|(seed, from, to)| Mutation::Splice(seed, from, to)),
        (at(), 1..600usize).prop_map(|(at, len)| Mutation::Zero(at, len)),
    ]
}

fn mutate(seeds: &[Vec<u8>], seed: Index, mutations: Vec<Mutation>) -> Vec<u8> {
    let mut bytes = seed.get(seeds).clone();
    for mutation in mutations {
        let place = |at: Index, bytes: &[u8]| at.index(bytes.len() + 1);
        match mutation {
            Mutation::Flip(..) | Mutation::Set(..) if bytes.is_empty() => {}
            Mutation::Flip(at, bit) => *at.get_mut(&mut bytes) ^= 1 << bit,
            Mutation::Set(at, to) => *at.get_mut(&mut bytes) = to,
            Mutation::Cut(at) => bytes.truncate(place(at, &bytes)),
            Mutation::Remove(at, len) => {
                let start = place(at, &bytes);
                bytes.drain(start..bytes.len().min(start + len));
            }
            Mutation::Insert(at, inserted) => {
                let at = place(at, &bytes);
                bytes.splice(at..at, inserted);
            }
            Mutation::Copy(from, to, len) => {
                let (from, to) = (place(from, &bytes), place(to, &bytes));
                let len = len.min(bytes.len() - from).min(bytes.len() - to);
                bytes.copy_within(from..from + len, to);
            }
            Mutation::Splice(seed, from, to) => {
                let other = seed.get(seeds);
                let (from, to) = (place(from, other), place(to, &bytes));
                bytes.truncate(to);
                bytes.extend_from_slice(&other[from..]);
            }
            Mutation::Zero(at, len) => {
                let start = place(at, &bytes);
                let end = bytes.len().min(start + len);
                bytes[start..end].fill(0);
            }
        }
    }
    bytes
}

fn run_target(name: &str, default_cases: u32) {
    let target: Target = TARGETS.into_iter().find(|target| target.name == name).expect("the target exists");
    let seeds = (target.seeds)();
    seeds.iter().for_each(|seed| (target.entry)(seed));
    let config = Config { cases: cases(default_cases), failure_persistence: None, ..Config::default() };
    let any_bytes = prop::collection::vec(any::<u8>(), 0..600);
    let modified_seeds = (any::<Index>(), prop::collection::vec(mutation(), 1..6))
        .prop_map(|(seed, mutations)| mutate(&seeds, seed, mutations));
    let input = prop_oneof![1 => any_bytes, 7 => modified_seeds];
    let current: Mutex<Option<(Instant, Vec<u8>)>> = Mutex::default();
    let run = thread::scope(|scope| {
        let runner = scope.spawn(|| {
            TestRunner::new(config).run(&input, |input| {
                *current.lock().unwrap() = Some((Instant::now(), input.clone()));
                (target.entry)(&input);
                if peak_memory().is_some_and(|peak| peak > MAX_MEMORY) {
                    abort(name, &input, "too much memory was used");
                }
                Ok(())
            })
        });
        while !runner.is_finished() {
            thread::sleep(Duration::from_millis(20));
            if let Some((since, input)) = &*current.lock().unwrap()
                && since.elapsed() > TIMEOUT
            {
                abort(name, input, "the input takes too long");
            }
        }
        runner.join().expect("proptest catches panics")
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Aborts the process. A blocked thread cannot be stopped, and the peak memory use never decreases.
fn abort(name: &str, input: &[u8], why: &str) -> ! {
    // bypasses the capture of the test's output, which would be lost
    let _ = writeln!(std::io::stderr(), "{name}: {why}: {input:?}");
    std::process::abort();
}

#[test]
fn any_segment_is_refused_unmodified_or_opens() {
    run_target("segment", 2_500);
}

#[test]
fn any_snapshot_yields_the_original_state_or_is_ignored() {
    run_target("snapshot", 2_500);
}

#[test]
fn any_shape_and_value_round_trip_or_are_refused() {
    run_target("value", 20_000);
}

#[test]
fn any_sequence_of_operations_keeps_acknowledged_events() {
    run_target("operations", 600);
}

#[test]
fn any_lines_are_refused_or_make_an_image_that_exports_to_the_same_lines() {
    run_target("import", 1_000);
}

/// Regression, found by libFuzzer: a forged header contained the second highest epoch. The image opened, wrote the highest epoch,
/// and was refused at each later open.
#[test]
fn an_epoch_that_could_be_raised_only_once_more_is_refused_at_once() {
    let [target, ..] = TARGETS;
    let (control, epoch) = (1, 128..136);
    // the fourth seed input changes the header's fields by the bytes after its control byte
    let mut input = (target.seeds)().swap_remove(3);
    input[control + epoch.start..control + epoch.end].copy_from_slice(&((u64::MAX - 1) ^ 1).to_le_bytes());
    (target.entry)(&input);
}

/// Not a test: writes the seed inputs of each target into the corpus of `cargo fuzz`.
#[test]
#[ignore = "writes files: see fuzz/README.md"]
fn write_seed_inputs() {
    for target in TARGETS {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target.name);
        fs::create_dir_all(&dir).unwrap();
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(dir.join(format!("seed-{number:02}")), seed).unwrap();
        }
    }
}
