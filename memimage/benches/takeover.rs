//! Measures a takeover on one machine: how long a promotion of a follower that is caught up takes with a model of 100 MB, and how
//! far a follower is behind a writer at full speed in another process.
//!
//! Run it with `cargo bench -p memimage --bench takeover`; the environment variable `ROUNDS` sets the number of promotions (20).
//! It creates its image in the current directory.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use memimage::{Error, Follower, Image, Model, Options, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

/// Balances by account.
#[derive(Clone, Default, Serialize, Deserialize, Shape, Model)]
struct Bank {
    accounts: Vec<Account>,
}

#[derive(Clone, Default, Serialize, Deserialize, Shape)]
struct Account {
    cents: u64,
    note: String,
}

#[memimage::commands(derive(Clone, Copy))]
impl Bank {
    /// Opens accounts, so that a model of any size is made by commands.
    #[command]
    fn open_accounts(&mut self, count: u32) {
        for _ in 0..count {
            let note = format!("{:0>80}", self.accounts.len());
            self.accounts.push(Account { cents: 0, note });
        }
    }

    #[command]
    fn deposit(&mut self, account: u32, cents: u64) -> u64 {
        let account = &mut self.accounts[account as usize];
        account.cents += cents;
        account.cents
    }
}

/// With its note, an account takes about 100 bytes in memory and in a snapshot.
const ACCOUNTS: u32 = 1_000_000;

fn options() -> Options<Bank> {
    Image::options().snapshots(SnapshotPolicy::Manual)
}

/// The owner, in a process of its own. It opens the image, and executes commands: at full speed, or a few thousand a second.
fn own(path: &Path, mode: &str) -> Result<(), Error> {
    let bank = options().open(path)?;
    let is_full = mode == "full";
    println!("owns");
    for number in (0..).step_by(1_000) {
        let deposits = (number..number + 1_000).map(|number| BankDeposit { account: number % ACCOUNTS, cents: 1 });
        if is_full {
            bank.submit_all(deposits).wait();
        } else {
            bank.submit_all(deposits.take(20)).wait();
            thread::sleep(Duration::from_millis(5));
        }
        writeln!(std::io::stdout(), "{}", bank.journal().durable_seq()).ok();
    }
    Ok(())
}

fn start_owner(path: &Path, mode: &str) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.args(["own", path.to_str().expect("UTF-8"), mode]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the owner starts");
    let stdout: ChildStdout = child.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    assert_eq!(lines.next().as_deref(), Some("owns"));
    (child, lines)
}

fn median(durations: &mut [Duration]) -> Duration {
    durations.sort();
    durations[durations.len() / 2]
}

/// How long this thread has run, and how long it has waited for a processor; `None` where the system does not tell.
fn processor_times() -> Option<[Duration; 2]> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let mut times = stat.split_whitespace().map(|nanos| nanos.parse().map(Duration::from_nanos));
    Some([times.next()?.ok()?, times.next()?.ok()?])
}

/// Kills an owner that executes some commands, and promotes a follower.
fn promotions(path: &Path, rounds: u32) -> Result<(), Error> {
    let (mut promotions, mut running, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (mut owner, _lines) = start_owner(path, "some");
        let follower: Follower<Bank> = options().follow(path)?;
        thread::sleep(Duration::from_millis(100));
        owner.kill().expect("the owner lives");
        owner.wait().expect("the owner ends");
        let (started, before) = (Instant::now(), processor_times());
        let bank = follower.promote()?;
        bank.deposit(1, 1)?;
        promotions.push(started.elapsed());
        if let (Some(before), Some(after)) = (before, processor_times()) {
            running.push(after[0].saturating_sub(before[0]));
            waiting.push(after[1].saturating_sub(before[1]));
        }
        Image::close(bank)?;
    }
    let max = *promotions.iter().max().expect("a round");
    let journal: u64 = std::fs::read_dir(path.join("journal")).map_or(0, |entries| {
        entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
    });
    println!(
        "a promotion with the first command: median {:.1?}, longest {max:.1?} ({} MiB of segments)",
        median(&mut promotions),
        journal >> 20
    );
    if !running.is_empty() {
        let [running, waiting] = [&mut running, &mut waiting].map(|times| median(times));
        println!(
            "  of which the thread ran {running:.1?} and waited {waiting:.1?} for a processor; the rest are syncs"
        );
    }
    Ok(())
}

/// Follows an owner at full speed, and compares each event that the owner reports as durable with what the follower has.
fn lag(path: &Path) -> Result<(), Error> {
    let (mut owner, lines) = start_owner(path, "full");
    let follower: Follower<Bank> = options().follow(path)?;
    let mut lags = Vec::new();
    let mut reported = (Instant::now(), 0, 0);
    let started = Instant::now();
    for line in lines {
        let durable: u64 = line.parse().expect("a seq");
        if reported.1 == 0 {
            reported = (Instant::now(), durable, 0);
        }
        lags.push(durable.saturating_sub(follower.seq().get()));
        reported.2 = durable;
        if started.elapsed() > Duration::from_secs(5) {
            break;
        }
    }
    let seconds = reported.0.elapsed().as_secs_f64();
    owner.kill().expect("the owner lives");
    owner.wait().expect("the owner ends");
    lags.sort_unstable();
    let at = |share: usize| lags[(lags.len() - 1) * share / 100];
    println!(
        "a follower behind {:.0} events a second: lag median {}, p99 {}, longest {} events",
        (reported.2 - reported.1) as f64 / seconds,
        at(50),
        at(99),
        at(100)
    );
    Ok(())
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, path, mode] = &arguments[..]
        && role == "own"
    {
        return own(Path::new(path), mode);
    }
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    let directory = tempfile::tempdir_in(".").expect("a temporary directory");
    let path = directory.path().join("bank.image");
    let bank = options().open(&path)?;
    for _ in 0..100 {
        bank.open_accounts(ACCOUNTS / 100)?;
    }
    bank.admin().snapshot()?;
    Image::close(bank)?;
    promotions(&path, rounds)?;
    lag(&path)?;
    println!("after the run at full speed:");
    promotions(&path, rounds.div_ceil(4))
}
