//! `scale`: how opening, replay, snapshots, memory and the latency of commands grow with the entries of the model and with the
//! events of the journal.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{ValueEnum, value_parser};
use memimage::{CommandError, Execute, Image, Options, SnapshotPolicy};
use serde::{Deserialize, Serialize};

use crate::ledger::{self, ACCOUNTS, Ledger, Transfer};
use crate::measure::{self, Quantiles, ms, process};
use crate::report;
use crate::report::table::{self, grouped};
use crate::workspace::Workspace;

/// The options of `scale`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Prints one line of JSON for each size
    #[arg(long)]
    json: bool,
    /// The largest number of entries and of events, at least 1,000; the sizes are the powers of ten up to it and up to 10^7
    #[arg(long, default_value_t = 10_000_000, value_parser = value_parser!(u64).range(1000..))]
    max: u64,
    #[command(flatten)]
    workspace: Workspace,
}

/// The options of the hidden subcommand for one size.
#[derive(clap::Args)]
pub(crate) struct StepArguments {
    dimension: Dimension,
    count: u64,
    /// The path of the image. If there is none, the subcommand creates it; if there is one, the subcommand measures it.
    path: PathBuf,
}

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dimension {
    /// The entries of the model; the journal is short, and opening loads a snapshot.
    Entries,
    /// The events of the journal; the model has 10,000 entries, and opening replays all events.
    Events,
}

/// The figures of one size.
#[derive(Serialize, Deserialize)]
struct Step {
    dimension: Dimension,
    count: u64,
    /// The duration of [`Options::open`], with the load of the snapshot or the replay.
    open_ms: f64,
    /// `None` if opening replays nothing.
    replayed_per_s: Option<f64>,
    /// The duration of a snapshot, with its verification by replay.
    snapshot_ms: f64,
    snapshot_bytes: u64,
    /// The memory of the process after opening.
    rss_bytes: u64,
    #[serde(flatten)]
    commands: Quantiles,
}

/// For how long the latency of commands is measured.
const COMMANDS: Duration = Duration::from_millis(500);
/// The number of events that are recorded with one wait.
const BULK: u64 = 100_000;

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let directory = arguments.workspace.create()?;
    let mut steps = Vec::new();
    for (dimension, exponents) in [(Dimension::Entries, 3..=7), (Dimension::Events, 4..=7)] {
        for count in exponents.map(|exponent| 10_u64.pow(exponent)).filter(|count| *count <= arguments.max) {
            let step = step_in_processes(dimension, count, directory.path())?;
            if arguments.json {
                report::print_json(&[&step])?;
            }
            steps.push(step);
        }
    }
    if arguments.json { Ok(()) } else { print(&steps) }
}

/// Creates an image in one process and measures it in another, so that its memory is that of an image that was opened.
fn step_in_processes(dimension: Dimension, count: u64, directory: &Path) -> Result<Step> {
    eprintln!("{count} {dimension}");
    let directory = tempfile::tempdir_in(directory)?;
    let run = || -> Result<Vec<u8>> {
        let output = Command::new(std::env::current_exe()?)
            .args(["scale-step", &dimension.to_string(), &count.to_string()])
            .arg(directory.path().join("ledger.image"))
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "the measurement of {count} {dimension} failed");
        Ok(output.stdout)
    };
    run()?;
    serde_json::from_slice(&run()?).context("the figures are not readable")
}

/// The hidden subcommand.
pub(crate) fn run_step(arguments: &StepArguments) -> Result<()> {
    process::end_with_parent()?;
    let &StepArguments { dimension, count, ref path } = arguments;
    match (path.exists(), dimension) {
        (true, _) => report::print_json(&[measure(dimension, count, path)?]),
        (false, Dimension::Entries) => create_with_entries(u32::try_from(count)?, path),
        (false, Dimension::Events) => create_with_events(count, path),
    }
}

fn options() -> Options<Ledger> {
    Image::<Ledger>::options().snapshots(SnapshotPolicy::Manual)
}

/// Creates an image with a snapshot of so many entries.
fn create_with_entries(count: u32, path: &Path) -> Result<()> {
    let image = options().genesis(Ledger::with_accounts(count)).open(path)?;
    image.execute(accepted(count))?;
    image.admin().snapshot()?;
    Ok(Image::close(image)?)
}

/// A transfer that a new ledger with so many accounts accepts.
fn accepted(accounts: u32) -> Transfer {
    let first = (0..).map(|n| ledger::transfer_among(accounts, n));
    first.into_iter().find(|transfer| transfer.from % 200 >= 10).expect("some accounts hold enough")
}

/// Creates an image with 10,000 entries and so many events, without a snapshot.
fn create_with_events(count: u64, path: &Path) -> Result<()> {
    let image = options().open(path)?;
    let mut transfers = (0..).map(ledger::transfer);
    while image.journal().seq().get() < count {
        let missing = count - image.journal().seq().get();
        for transfer in transfers.by_ref().take(missing.min(BULK) as usize) {
            drop(image.submit(transfer)?); // synced below
        }
        image.journal().sync()?;
    }
    Ok(Image::close(image)?)
}

/// Opens an image, executes commands for a while, and makes a snapshot.
fn measure(dimension: Dimension, count: u64, path: &Path) -> Result<Step> {
    let started = Instant::now();
    let image = options().create(false).open(path)?;
    let opened = started.elapsed();
    let rss_bytes = process::resident_bytes()?;
    let replayed = image.admin().stats().recovery.replayed;

    let accounts = if dimension == Dimension::Entries { u32::try_from(count)? } else { ACCOUNTS };
    let mut latencies = measure::latencies();
    let started = Instant::now();
    for n in 0.. {
        let sent = Instant::now();
        match image.execute(ledger::transfer_among(accounts, n)) {
            Ok(()) | Err(CommandError::Refused(_)) => measure::record(&mut latencies, sent.elapsed()),
            Err(error) => return Err(error.into()),
        }
        if started.elapsed() > COMMANDS {
            break;
        }
    }

    let started = Instant::now();
    let snapshot_bytes = image.admin().snapshot()?.bytes;
    Ok(Step {
        dimension,
        count,
        open_ms: ms(opened),
        replayed_per_s: (dimension == Dimension::Events).then(|| replayed as f64 / opened.as_secs_f64()),
        snapshot_ms: ms(started.elapsed()),
        snapshot_bytes,
        rss_bytes,
        commands: Quantiles::of(&latencies).context("no command was measured")?,
    })
}

fn print(steps: &[Step]) -> Result<()> {
    let header =
        ["", "open ms", "replayed/s", "snapshot ms", "snapshot MiB", "memory MiB", "p50 µs", "p99 µs", "p99.9 µs"];
    let mib = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    let row = |step: &Step| {
        vec![
            format!("{} {}", grouped(step.count as f64), step.dimension),
            format!("{:.1}", step.open_ms),
            step.replayed_per_s.map_or_else(|| "-".to_owned(), grouped),
            format!("{:.1}", step.snapshot_ms),
            mib(step.snapshot_bytes),
            mib(step.rss_bytes),
            format!("{:.1}", step.commands.p50_us),
            format!("{:.1}", step.commands.p99_us),
            format!("{:.1}", step.commands.p999_us),
        ]
    };
    report::print(|output| table::write_columns(output, &header, &steps.iter().map(row).collect::<Vec<_>>()))
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.to_possible_value().expect("no dimension is hidden").get_name())
    }
}
