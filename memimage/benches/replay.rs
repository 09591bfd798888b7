//! Measures the replay of a million transfers: at the current version with and without a history, with typed upcasters, with
//! upcasters on values, and with a hand-written loop.
//!
//! One run measures all cases in turn, round by round, since a machine's speed drifts: compare the ratios, not the figures.
//! Run it with `cargo bench -p memimage --bench replay`, or append `-- "typed"` to select cases by name. The environment
//! variables `ROUNDS` and `EVENTS` set the number of rounds (5) and of events (1,000,000).

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![allow(unreachable_pub, reason = "each module represents a program and exports its model")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use memimage::{Command, Image, Model, SnapshotPolicy};

const ACCOUNTS: usize = 10_000;

/// A model named `Ledger` whose transfers are cheap to apply, so that the benchmark measures replay itself.
macro_rules! ledger {
    () => {
        use memimage::{Model, Shape};
        use serde::{Deserialize, Serialize};

        #[derive(Serialize, Deserialize, Shape, Model)]
        pub struct Ledger {
            pub accounts: Vec<u64>,
        }

        impl Default for Ledger {
            fn default() -> Ledger {
                Ledger { accounts: vec![1 << 40; crate::ACCOUNTS] }
            }
        }

        impl Ledger {
            #[inline]
            fn move_cents(&mut self, from: u32, to: u32, cents: u64) {
                self.accounts[from as usize] -= cents;
                self.accounts[to as usize] += cents;
            }
        }
    };
}

/// The first program: amounts in dollars.
mod first {
    ledger!();

    #[memimage::commands]
    impl Ledger {
        #[command]
        pub fn transfer(&mut self, from: u32, to: u32, dollars: u32) {
            self.move_cents(from, to, u64::from(dollars) * 100);
        }
    }
}

/// The second program: amounts in cents.
mod second {
    ledger!();

    #[memimage::commands]
    impl Ledger {
        #[command(version = 2, oldest = 2)]
        pub fn transfer(&mut self, from: u32, to: u32, cents: u64) {
            self.move_cents(from, to, cents);
        }
    }
}

/// The third program: cents and a purpose. It cannot replay older versions.
mod third {
    ledger!();

    #[memimage::commands]
    impl Ledger {
        #[command(version = 3, oldest = 3)]
        pub fn transfer(&mut self, from: u32, to: u32, cents: u64, purpose: u8) {
            self.move_cents(from, to, cents + u64::from(purpose));
        }
    }
}

/// The third program, with a type for each older version.
mod typed {
    ledger!();

    #[derive(Deserialize, Shape)]
    pub struct TransferV1 {
        from: u32,
        to: u32,
        dollars: u32,
    }

    #[derive(Deserialize, Shape)]
    pub struct TransferV2 {
        from: u32,
        to: u32,
        cents: u64,
    }

    #[memimage::upcast]
    fn transfer_1_to_2(old: TransferV1) -> TransferV2 {
        TransferV2 { from: old.from, to: old.to, cents: u64::from(old.dollars) * 100 }
    }

    #[memimage::upcast]
    fn transfer_2_to_3(old: TransferV2) -> LedgerTransfer {
        LedgerTransfer { from: old.from, to: old.to, cents: old.cents, purpose: 0 }
    }

    #[memimage::commands]
    impl Ledger {
        #[command(version = 3, history(TransferV1, TransferV2))]
        pub fn transfer(&mut self, from: u32, to: u32, cents: u64, purpose: u8) {
            self.move_cents(from, to, cents + u64::from(purpose));
        }
    }
}

/// The third program, with an upcaster on values for each older version.
mod values {
    use memimage::{Value, ValueError};

    ledger!();

    fn in_cents(mut value: Value) -> Result<Value, ValueError> {
        let dollars: u32 = value.take("dollars")?;
        value.insert("cents", u64::from(dollars) * 100)?;
        Ok(value)
    }

    fn for_nothing(mut value: Value) -> Result<Value, ValueError> {
        value.insert("purpose", 0u8)?;
        Ok(value)
    }

    #[memimage::commands]
    impl Ledger {
        #[command(version = 3, history(value = in_cents, value = for_nothing))]
        pub fn transfer(&mut self, from: u32, to: u32, cents: u64, purpose: u8) {
            self.move_cents(from, to, cents + u64::from(purpose));
        }
    }
}

/// The accounts and the amount of the n-th transfer: the same in all cases.
fn transfer(n: u64) -> (u32, u32, u32) {
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed >> 40) as u32 % ACCOUNTS as u32, (mixed >> 20) as u32 % ACCOUNTS as u32, n as u32 % 1_000)
}

/// Writes a journal and returns its path.
fn journal<M: Model, C: Command<M>>(directory: &Path, name: &str, events: u64, command: fn(u64) -> C) -> PathBuf {
    let path = directory.join(name);
    let image = Image::<M>::options().snapshots(SnapshotPolicy::Manual).open(&path).unwrap();
    for n in 0..events {
        drop(image.submit(command(n)).unwrap_or_else(|_| panic!("a transfer is not refused")));
    }
    Image::close(image).unwrap();
    path
}

/// Opens an image, which replays all events, and returns the duration in seconds.
fn open<M: Model>(path: &Path, events: u64) -> f64 {
    let options = Image::<M>::options().snapshots(SnapshotPolicy::Manual);
    let started = Instant::now();
    let image = options.open(path).unwrap();
    let took = started.elapsed();
    assert_eq!(image.admin().stats().recovery.replayed, events);
    Image::close(image).unwrap();
    took.as_secs_f64()
}

/// Decodes consecutive payloads in memory and applies them: the minimal work of any replay.
fn by_hand(payloads: &[u8]) -> f64 {
    let mut ledger = third::Ledger::default();
    let started = Instant::now();
    let mut left = payloads;
    while !left.is_empty() {
        let (third::LedgerTransfer { from, to, cents, purpose }, rest) = postcard::take_from_bytes(left).unwrap();
        ledger.transfer(from, to, cents, purpose);
        left = rest;
    }
    black_box(&ledger);
    started.elapsed().as_secs_f64()
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

fn main() {
    let (rounds, events) = (number("ROUNDS", 5), number("EVENTS", 1_000_000));
    let directory = tempfile::tempdir_in(".").unwrap();
    let directory = directory.path();
    let first = journal::<first::Ledger, _>(directory, "first", events, |n| {
        let (from, to, dollars) = transfer(n);
        first::LedgerTransfer { from, to, dollars }
    });
    let second = journal::<second::Ledger, _>(directory, "second", events, |n| {
        let (from, to, dollars) = transfer(n);
        second::LedgerTransfer { from, to, cents: u64::from(dollars) * 100 }
    });
    let now = |n| {
        let (from, to, dollars) = transfer(n);
        third::LedgerTransfer { from, to, cents: u64::from(dollars) * 100, purpose: 0 }
    };
    let third = journal::<third::Ledger, _>(directory, "third", events, now);
    let payloads = (0..events).fold(Vec::new(), |bytes, n| postcard::to_extend(&now(n), bytes).unwrap());

    type Case<'a> = (&'static str, Box<dyn Fn() -> f64 + 'a>);
    let cases: Vec<Case<'_>> = vec![
        ("current version, no history", Box::new(|| open::<third::Ledger>(&third, events))),
        ("current version, typed history", Box::new(|| open::<typed::Ledger>(&third, events))),
        ("current version, history of values", Box::new(|| open::<values::Ledger>(&third, events))),
        ("one typed step", Box::new(|| open::<typed::Ledger>(&second, events))),
        ("two typed steps", Box::new(|| open::<typed::Ledger>(&first, events))),
        ("one step on values", Box::new(|| open::<values::Ledger>(&second, events))),
        ("two steps on values", Box::new(|| open::<values::Ledger>(&first, events))),
        ("decode and apply by hand", Box::new(|| by_hand(&payloads))),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let cases: Vec<Case<'_>> = cases
        .into_iter()
        .enumerate()
        .filter(|(i, (name, _))| wanted.is_empty() || *i == 0 || wanted.iter().any(|part| name.contains(part)))
        .map(|(_, case)| case)
        .collect();
    let mut results: Vec<Vec<f64>> = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for (case, results) in cases.iter().zip(&mut results) {
            results.push(1e9 * case.1() / events as f64);
        }
    }
    results.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    let summary = |times: &[f64]| (times[0], times[times.len() / 2]);
    println!("{:<36} {:>8} {:>8} {:>12} {:>8}", "nanoseconds per event", "minimum", "median", "of current:", "");
    let (current_minimum, current_median) = summary(&results[0]);
    for ((name, _), times) in cases.iter().zip(&results) {
        let (minimum, median) = summary(times);
        let (minimum_ratio, median_ratio) = (minimum / current_minimum, median / current_median);
        println!("{name:<36} {minimum:>8.1} {median:>8.1} {minimum_ratio:>12.2} {median_ratio:>8.2}");
    }
}
