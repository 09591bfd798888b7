//! Measures transfers between 10,000 accounts: the method on a plain struct, the same with a hand-written log, and an image.
//!
//! One run measures all cases in turn, round by round, since a machine's speed drifts: compare the ratios, not the figures.
//! Run it with `cargo bench -p memimage`, or append `-- "64 threads"` to select cases by name. The environment variable `ROUNDS`
//! sets the number of rounds (5). With `--features encryption,chain` protected images are measured too.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::collections::HashMap;
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use memimage::{Durability, Image, Model, Options, Pending, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

const ACCOUNTS: u32 = 10_000;

#[derive(Clone, Serialize, Deserialize, Shape, Model)]
struct Ledger {
    accounts: HashMap<u32, u64>,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger { accounts: (0..ACCOUNTS).map(|account| (account, 1_000_000)).collect() }
    }
}

#[memimage::commands]
impl Ledger {
    #[command(check = has_funds)]
    fn transfer(&mut self, from: u32, to: u32, amount: u64) {
        *self.accounts.entry(from).or_default() -= amount;
        *self.accounts.entry(to).or_default() += amount;
    }

    fn has_funds(&self, from: u32, amount: u64) -> Result<(), u64> {
        match self.accounts.get(&from) {
            Some(balance) if *balance >= amount => Ok(()),
            balance => Err(balance.copied().unwrap_or(0)),
        }
    }
}

/// The accounts of the n-th transfer: the same in all cases.
fn transfer(n: u64) -> LedgerTransfer {
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (from, to) = ((mixed >> 40) as u32 % ACCOUNTS, (mixed >> 20) as u32 % ACCOUNTS);
    LedgerTransfer { from, to, amount: n % 10 }
}

/// The number of commands and their total duration.
struct Run {
    commands: u64,
    took: Duration,
}

impl Run {
    fn per_second(&self) -> f64 {
        self.commands as f64 / self.took.as_secs_f64()
    }
}

/// Calls the method on a plain struct.
fn bare(commands: u64) -> Run {
    let mut ledger = Ledger::default();
    let started = Instant::now();
    for n in 0..commands {
        let LedgerTransfer { from, to, amount } = transfer(n);
        if ledger.has_funds(from, amount).is_ok() {
            ledger.transfer(from, to, amount);
        }
    }
    black_box(&ledger);
    Run { commands, took: started.elapsed() }
}

/// Calls the method and does the minimal work of any log: encode, checksum, write, and sync after each `batch` commands.
fn bare_with_log(directory: &Path, commands: u64, batch: u64) -> Run {
    let mut ledger = Ledger::default();
    let file = zero_filled(&directory.join("bare.log"), 64 << 20);
    let (mut buffer, mut offset) = (Vec::new(), 0);
    let started = Instant::now();
    for n in 0..commands {
        let command = transfer(n);
        if ledger.has_funds(command.from, command.amount).is_ok() {
            buffer = postcard::to_extend(&command, buffer).unwrap();
            ledger.transfer(command.from, command.to, command.amount);
        }
        if (n + 1) % batch == 0 {
            let crc = crc32c::crc32c(&buffer);
            buffer.extend_from_slice(&crc.to_le_bytes());
            if offset + buffer.len() as u64 > 64 << 20 {
                offset = 0;
            }
            file.write_all_at(&buffer, offset).unwrap();
            file.sync_data().unwrap();
            offset += (buffer.len() as u64).next_multiple_of(512);
            buffer.clear();
        }
    }
    black_box(&ledger);
    Run { commands, took: started.elapsed() }
}

fn zero_filled(path: &Path, len: usize) -> File {
    let mut file = File::create(path).unwrap();
    file.write_all(&vec![0; len]).unwrap();
    file.sync_all().unwrap();
    file
}

/// Sets the encryption and the chain of an image.
type ImageProtection = fn(Options<Ledger>) -> Options<Ledger>;

const PLAIN: ImageProtection = |options| options;

fn image(directory: &Path, protection: ImageProtection) -> Image<Ledger> {
    let path = directory.join("image");
    let _ = std::fs::remove_dir_all(&path);
    let options = Image::<Ledger>::options().snapshots(SnapshotPolicy::Manual).durability(Durability::Synced);
    let image = protection(options).open(path).unwrap();
    // Moves past the first, short segments before the measurement.
    image.transfer(0, 1, 1).unwrap();
    image
}

/// One thread that waits once every `depth` commands.
fn image_deep(directory: &Path, protection: ImageProtection, commands: u64, depth: u64) -> Run {
    let image = image(directory, protection);
    let started = Instant::now();
    let mut last = None;
    for n in 0..commands {
        last = Some(image.submit(transfer(n)).unwrap());
        if (n + 1) % depth == 0 {
            last.take().map(Pending::wait).transpose().unwrap();
        }
    }
    last.map(Pending::wait).transpose().unwrap();
    Run { commands, took: started.elapsed() }
}

/// One thread that submits `depth` commands together, and waits for them.
fn image_bulk(directory: &Path, commands: u64, depth: u64) -> Run {
    let image = image(directory, PLAIN);
    let started = Instant::now();
    for from in (0..commands).step_by(depth as usize) {
        let answers = image.submit_all((from..from + depth).map(transfer)).wait();
        assert!(answers.iter().all(Result::is_ok));
    }
    Run { commands, took: started.elapsed() }
}

/// Many threads, each with up to `depth` commands in flight.
fn image_wide(directory: &Path, threads: u64, each: u64, depth: usize) -> Run {
    let image = image(directory, PLAIN);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let image = &image;
            scope.spawn(move || {
                let mut pending = std::collections::VecDeque::with_capacity(depth);
                for n in 0..each {
                    if pending.len() == depth {
                        let oldest: Pending<_, _> = pending.pop_front().unwrap();
                        oldest.wait().unwrap();
                    }
                    pending.push_back(image.submit(transfer(thread * each + n)).unwrap());
                }
                pending.into_iter().for_each(|pending| pending.wait().unwrap());
            });
        }
    });
    Run { commands: threads * each, took: started.elapsed() }
}

/// Many threads, each waiting for every command.
fn image_waiting(directory: &Path, protection: ImageProtection, threads: u64, each: u64) -> Run {
    let image = image(directory, protection);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let image = &image;
            scope.spawn(move || {
                for n in 0..each {
                    let LedgerTransfer { from, to, amount } = transfer(thread * each + n);
                    image.transfer(from, to, amount).unwrap();
                }
            });
        }
    });
    Run { commands: threads * each, took: started.elapsed() }
}

type Case<'a> = (&'static str, Box<dyn Fn() -> Run + 'a>);

/// The same cases on protected images.
#[cfg(all(feature = "chain", feature = "encryption"))]
fn protected(directory: &Path) -> Vec<Case<'_>> {
    use memimage::{Key, Keys};
    const ENCRYPTED: ImageProtection = |options| options.encryption(Keys::one(Key::new([7; 32])));
    const CHAINED: ImageProtection = |options| options.chain(Keys::one(Key::new([7; 32])));
    const BOTH: ImageProtection = |options| CHAINED(ENCRYPTED(options));
    vec![
        (
            "encrypted, 1 thread waits per 100,000",
            Box::new(move || image_deep(directory, ENCRYPTED, 2_000_000, 100_000)),
        ),
        ("chained, 1 thread waits per 100,000", Box::new(move || image_deep(directory, CHAINED, 2_000_000, 100_000))),
        ("both, 1 thread waits per 100,000", Box::new(move || image_deep(directory, BOTH, 2_000_000, 100_000))),
        ("encrypted, 64 threads that wait", Box::new(move || image_waiting(directory, ENCRYPTED, 64, 1_500))),
        ("chained, 64 threads that wait", Box::new(move || image_waiting(directory, CHAINED, 64, 1_500))),
        ("both, 64 threads that wait", Box::new(move || image_waiting(directory, BOTH, 64, 1_500))),
        ("encrypted, 1 thread that waits", Box::new(move || image_waiting(directory, ENCRYPTED, 1, 5_000))),
        ("chained, 1 thread that waits", Box::new(move || image_waiting(directory, CHAINED, 1, 5_000))),
        ("both, 1 thread that waits", Box::new(move || image_waiting(directory, BOTH, 1, 5_000))),
    ]
}

#[cfg(not(all(feature = "chain", feature = "encryption")))]
fn protected(_: &Path) -> Vec<Case<'_>> {
    Vec::new()
}

fn main() {
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let directory = tempfile::tempdir_in(".").unwrap();
    let directory = directory.path();
    let plain: Vec<Case<'_>> = vec![
        ("bare loop", Box::new(|| bare(2_000_000))),
        ("bare loop + log, sync per 100,000", Box::new(|| bare_with_log(directory, 2_000_000, 100_000))),
        ("image, 1 thread waits per 100,000", Box::new(|| image_deep(directory, PLAIN, 2_000_000, 100_000))),
        ("image, 1 thread, 100,000 together", Box::new(|| image_bulk(directory, 2_000_000, 100_000))),
        ("image, 64 threads, 40 deep", Box::new(|| image_wide(directory, 64, 10_000, 40))),
        ("image, 64 threads that wait", Box::new(|| image_waiting(directory, PLAIN, 64, 1_500))),
        ("bare loop + log, sync per command", Box::new(|| bare_with_log(directory, 5_000, 1))),
        ("image, 1 thread that waits", Box::new(|| image_waiting(directory, PLAIN, 1, 5_000))),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let cases: Vec<Case<'_>> = plain
        .into_iter()
        .chain(protected(directory))
        .filter(|(name, _)| wanted.is_empty() || *name == "bare loop" || wanted.iter().any(|part| name.contains(part)))
        .collect();
    let mut results: Vec<Vec<f64>> = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for (case, results) in cases.iter().zip(&mut results) {
            results.push(case.1().per_second());
        }
    }
    let median = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    println!("{:<38} {:>14} {:>10}", "commands per second, median", "", "of bare");
    let bare = median(results[0].clone());
    for ((name, _), rates) in cases.iter().zip(results) {
        let rate = median(rates);
        println!("{name:<38} {rate:>14.0} {:>9.1}%", 100.0 * rate / bare);
    }
}
