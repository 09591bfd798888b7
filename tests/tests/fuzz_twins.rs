//! The fuzz targets' twins: the same entries under proptest, with any bytes, and with bytes that lead somewhere, changed.
//! How many inputs each of them is given: `MEMIMAGE_CASES`.
//!
//! An input that takes too long, or during which too much memory is held, ends the process and is printed before.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use memimage_tests::fuzz::{TARGETS, Target};
use memimage_tests::{cases, most_memory};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// What one input takes at most, however slow the machine: longer is a hang.
const LONG: Duration = Duration::from_secs(60);
/// What the process may ever hold in memory. A length that is believed asks for up to 2^30 bytes, or 2^32.
const MOST_MEMORY: u64 = 512 << 20;

/// Something that happens to bytes.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Set(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    /// A stretch is put somewhere else over what is there.
    Copy(Index, Index, usize),
    /// The rest is that of another seed.
    Splice(Index, Index, Index),
    Zero(Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0..8u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), prop_oneof![Just(0), Just(0x7f), Just(0x80), Just(0xff), any::<u8>()])
            .prop_map(|(at, to)| Change::Set(at, to)),
        at().prop_map(Change::Cut),
        (at(), 1..64usize).prop_map(|(at, len)| Change::Remove(at, len)),
        (at(), prop::collection::vec(any::<u8>(), 1..16)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (at(), at(), 1..256usize).prop_map(|(from, to, len)| Change::Copy(from, to, len)),
        (at(), at(), at()).prop_map(|(seed, from, to)| Change::Splice(seed, from, to)),
        (at(), 1..600usize).prop_map(|(at, len)| Change::Zero(at, len)),
    ]
}

fn changed(seeds: &[Vec<u8>], seed: Index, changes: Vec<Change>) -> Vec<u8> {
    let mut bytes = seed.get(seeds).clone();
    for change in changes {
        let place = |at: Index, bytes: &[u8]| at.index(bytes.len() + 1);
        match change {
            Change::Flip(..) | Change::Set(..) if bytes.is_empty() => {}
            Change::Flip(at, bit) => *at.get_mut(&mut bytes) ^= 1 << bit,
            Change::Set(at, to) => *at.get_mut(&mut bytes) = to,
            Change::Cut(at) => bytes.truncate(place(at, &bytes)),
            Change::Remove(at, len) => {
                let start = place(at, &bytes);
                bytes.drain(start..bytes.len().min(start + len));
            }
            Change::Insert(at, inserted) => {
                let at = place(at, &bytes);
                bytes.splice(at..at, inserted);
            }
            Change::Copy(from, to, len) => {
                let (from, to) = (place(from, &bytes), place(to, &bytes));
                let len = len.min(bytes.len() - from).min(bytes.len() - to);
                bytes.copy_within(from..from + len, to);
            }
            Change::Splice(seed, from, to) => {
                let other = seed.get(seeds);
                let (from, to) = (place(from, other), place(to, &bytes));
                bytes.truncate(to);
                bytes.extend_from_slice(&other[from..]);
            }
            Change::Zero(at, len) => {
                let start = place(at, &bytes);
                let end = bytes.len().min(start + len);
                bytes[start..end].fill(0);
            }
        }
    }
    bytes
}

fn twin(name: &str, modest: u32) {
    let target: Target = TARGETS.into_iter().find(|target| target.name == name).expect("a target of this name");
    let seeds = (target.seeds)();
    seeds.iter().for_each(|seed| (target.entry)(seed));
    let config = Config { cases: cases(modest), failure_persistence: None, ..Config::default() };
    let any_bytes = prop::collection::vec(any::<u8>(), 0..600);
    let of_seeds = (any::<Index>(), prop::collection::vec(change(), 1..6))
        .prop_map(|(seed, changes)| changed(&seeds, seed, changes));
    let input = prop_oneof![1 => any_bytes, 7 => of_seeds];
    let at_hand: Mutex<Option<(Instant, Vec<u8>)>> = Mutex::default();
    let run = thread::scope(|scope| {
        let runner = scope.spawn(|| {
            TestRunner::new(config).run(&input, |input| {
                *at_hand.lock().unwrap() = Some((Instant::now(), input.clone()));
                (target.entry)(&input);
                if most_memory().is_some_and(|most| most > MOST_MEMORY) {
                    give_up(name, &input, "more memory was held than any input may take");
                }
                Ok(())
            })
        });
        while !runner.is_finished() {
            thread::sleep(Duration::from_millis(20));
            if let Some((since, input)) = &*at_hand.lock().unwrap()
                && since.elapsed() > LONG
            {
                give_up(name, input, "it does not come to an end");
            }
        }
        runner.join().expect("proptest catches panics")
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Ends the process: what hangs cannot be ended by itself, and memory that was held once counts against each input after it.
fn give_up(name: &str, input: &[u8], why: &str) -> ! {
    // past the capture of the tests' output, which would be lost
    let _ = writeln!(std::io::stderr(), "{name}: {why}: {input:?}");
    std::process::abort();
}

#[test]
fn any_segment_is_refused_untouched_or_opens_and_goes_on() {
    twin("segment", 6_000);
}

#[test]
fn any_snapshot_gives_the_state_that_was_or_is_passed_over() {
    twin("snapshot", 6_000);
}

#[test]
fn any_shape_and_value_come_back_as_they_were_or_are_refused() {
    twin("value", 60_000);
}

#[test]
fn any_life_keeps_what_was_acknowledged() {
    twin("operations", 1_500);
}

/// Found by libFuzzer: a forged header whose epoch can be raised once more. The image opened, wrote the last number there is, and
/// was refused at each later open, for good.
#[test]
fn an_epoch_that_could_be_raised_only_once_more_is_refused_at_once() {
    let [target, ..] = TARGETS;
    let (control, epoch) = (1, 128..136);
    // the fourth has the header's fields after the control byte, by which they are changed
    let mut input = (target.seeds)().swap_remove(3);
    input[control + epoch.start..control + epoch.end].copy_from_slice(&((u64::MAX - 1) ^ 1).to_le_bytes());
    (target.entry)(&input);
}

/// Not a test: writes what each target begins with to where `cargo fuzz` looks for it.
#[test]
#[ignore = "it writes files: see fuzz/README.md"]
fn write_the_seeds() {
    for target in TARGETS {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target.name);
        fs::create_dir_all(&dir).unwrap();
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(dir.join(format!("seed-{number:02}")), seed).unwrap();
        }
    }
}
