//! `pause`: how long commands wait while snapshots are made, or a long view or query runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::value_parser;
use memimage::{Execute, Image, Model, Replica, Shape, SnapshotPolicy, SnapshotSource};
use serde::{Deserialize, Serialize};

use crate::measure::{self, Latencies, Quantiles, ms};
use crate::number;
use crate::report;
use crate::report::table::{self, grouped};
use crate::workspace::Workspace;

/// The options of `pause`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Prints one line of JSON for each case
    #[arg(long)]
    json: bool,
    /// The sizes of the model's snapshot, in MiB
    #[arg(long, value_delimiter = ',', default_value = "64,1024", value_parser = value_parser!(u64).range(1..=LARGEST_MIB))]
    mib: Vec<u64>,
    /// For how long commands run in each case; longer if a snapshot, a view or a query takes longer
    #[arg(long, default_value_t = 6.0, value_parser = seconds, allow_negative_numbers = true)]
    seconds: f64,
    /// From what snapshots are written
    #[arg(long, value_enum, default_value_t = Source::Replica)]
    source: Source,
    /// Keeps a standing replica
    #[arg(long)]
    standing: bool,
    #[command(flatten)]
    workspace: Workspace,
}

/// From what snapshots are written. (The model is not cheap to clone.)
#[derive(Clone, Copy, clap::ValueEnum)]
enum Source {
    Replica,
    InPlace,
}

/// The largest model is a terabyte, and the longest case a day.
const LARGEST_MIB: u64 = 1 << 20;
const LONGEST_SECONDS: f64 = 86_400.0;

fn seconds(text: &str) -> Result<f64, String> {
    number::positive(text, LONGEST_SECONDS)
}

/// Orders by their number.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Orders {
    orders: BTreeMap<u64, Order>,
}

#[derive(Serialize, Deserialize, Shape)]
struct Order {
    customer: u64,
    cents: u64,
    note: String,
}

#[memimage::commands]
impl Orders {
    /// Places orders, so that a model of any size is made by commands: an image limits the size of its first state.
    #[command]
    fn place(&mut self, first: u64, count: u64) {
        for number in first..first + count {
            let note = format!("{number:0>NOTE_BYTES$}");
            self.orders.insert(number, Order { customer: number * 7, cents: 100, note });
        }
    }

    #[command]
    fn change(&mut self, order: u64, cents: u64) {
        self.orders.entry(order).and_modify(|order| order.cents = cents);
    }
}

/// The length of a note. With it, an order takes about 100 bytes in a snapshot.
const NOTE_BYTES: usize = 88;
const ORDER_BYTES: u64 = 100;
/// The number of orders that one command places.
const BATCH: u64 = 10_000;

/// What runs beside the commands.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Beside {
    Nothing,
    /// Snapshots, one after the other.
    Snapshots,
    /// Views of two seconds, one after the other.
    View,
    /// Queries of two seconds, one after the other.
    Query,
}

/// The figures of one case.
#[derive(Serialize)]
struct Case {
    model_mib: u64,
    beside: Beside,
    commands: u64,
    #[serde(flatten)]
    latencies: Quantiles,
    /// How many snapshots, views or queries ran, and the mean duration of one; `None` beside nothing.
    runs: Option<u64>,
    run_ms: Option<f64>,
}

/// The threads that execute commands, and the interval of each. The commands of a thread are due at fixed times, however long
/// earlier ones took, and the latency counts from then, so a pause counts for each command that falls into it.
const THREADS: u32 = 8;
const INTERVAL: Duration = Duration::from_millis(8);
const QUERY: Duration = Duration::from_secs(2);

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let directory = arguments.workspace.create()?;
    let duration = Duration::from_secs_f64(arguments.seconds);
    let mut cases = Vec::new();
    for &mib in &arguments.mib {
        let image = create(mib, arguments, directory.path())?;
        for beside in [Beside::Nothing, Beside::Snapshots, Beside::View, Beside::Query] {
            eprintln!("{mib} MiB beside {}", beside.name());
            let case = measure(&image, mib, beside, duration)?;
            if arguments.json {
                report::print_json(&[&case])?;
            }
            cases.push(case);
        }
        Image::close(image)?;
    }
    if arguments.json { Ok(()) } else { print(&cases) }
}

/// Creates an image whose snapshot has this size, and makes the first snapshot.
fn create(mib: u64, arguments: &Arguments, directory: &Path) -> Result<Image<Orders>> {
    let source = match arguments.source {
        Source::Replica => SnapshotSource::Replica,
        Source::InPlace => SnapshotSource::InPlace,
    };
    let replica = if arguments.standing { Replica::Standing } else { Replica::OnDemand };
    let options = Image::<Orders>::options().snapshots(SnapshotPolicy::Manual).snapshot_source(source).replica(replica);
    let image = options.open(directory.join(format!("{mib}.image")))?;
    for first in (0..(mib << 20) / ORDER_BYTES).step_by(BATCH as usize) {
        drop(image.submit(OrdersPlace { first, count: BATCH })?); // the snapshot syncs
    }
    image.admin().snapshot()?;
    Ok(image)
}

/// Executes commands at a steady rate while the other work runs, until the duration is over and the work has ended.
fn measure(image: &Image<Orders>, model_mib: u64, beside: Beside, duration: Duration) -> Result<Case> {
    let (start, end) = (&Barrier::new(THREADS as usize + 1), &AtomicBool::new(false));
    let orders = image.query(|orders| orders.orders.len() as u64)?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    start.wait();
                    execute_when_due(image, orders, INTERVAL * thread / THREADS, end)
                })
            })
            .collect();
        start.wait();
        let started = Instant::now();
        let work = work(image, beside, duration);
        let took = started.elapsed();
        end.store(true, Ordering::Relaxed);
        let mut latencies = measure::latencies();
        for thread in threads {
            latencies.add(thread.join().expect("a thread panicked")?).context("histograms differ")?;
        }
        let runs = work?;
        Ok(Case {
            model_mib,
            beside,
            commands: latencies.len(),
            latencies: Quantiles::of(&latencies).context("no command was executed")?,
            runs,
            run_ms: runs.map(|runs| ms(took) / runs as f64),
        })
    })
}

/// Does the other work for a duration, and returns how often it ran.
fn work(image: &Image<Orders>, beside: Beside, duration: Duration) -> Result<Option<u64>> {
    let started = Instant::now();
    let mut runs = 0;
    while started.elapsed() < duration {
        match beside {
            Beside::Nothing => {
                std::thread::sleep(duration);
                return Ok(None);
            }
            Beside::Snapshots => drop(image.admin().snapshot()?),
            Beside::View => image.view(report_for)?,
            Beside::Query => image.query(report_for)?,
        }
        runs += 1;
    }
    Ok(Some(runs))
}

/// A report that takes two seconds, whatever the size of the model.
fn report_for(orders: &Orders) {
    let started = Instant::now();
    while started.elapsed() < QUERY {
        let sum: u64 = orders.orders.values().take(10_000).map(|order| order.cents ^ order.customer).sum();
        std::hint::black_box((sum, orders.orders.values().next().map(|order| order.note.len())));
    }
}

/// Executes commands of one thread at the times when they are due.
fn execute_when_due(image: &Image<Orders>, orders: u64, offset: Duration, end: &AtomicBool) -> Result<Latencies> {
    let mut latencies = measure::latencies();
    let mut due = Instant::now() + offset;
    for n in 0_u64.. {
        let early = due.saturating_duration_since(Instant::now());
        if !early.is_zero() && end.load(Ordering::Relaxed) {
            break; // all commands that were due before the end are executed
        }
        std::thread::sleep(early);
        image.execute(OrdersChange { order: n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % orders, cents: n })?;
        measure::record(&mut latencies, due.elapsed());
        due += INTERVAL;
    }
    Ok(latencies)
}

impl Beside {
    fn name(self) -> &'static str {
        match self {
            Beside::Nothing => "nothing",
            Beside::Snapshots => "snapshots",
            Beside::View => "view",
            Beside::Query => "query",
        }
    }
}

fn print(cases: &[Case]) -> Result<()> {
    let header = ["model", "beside", "runs", "ms a run", "commands", "p50 ms", "p99 ms", "p99.9 ms", "longest ms"];
    let row = |case: &Case| {
        let Quantiles { p50_us, p99_us, p999_us, max_us } = case.latencies;
        let mut row = vec![
            format!("{} MiB", case.model_mib),
            case.beside.name().to_owned(),
            case.runs.map_or_else(|| "-".to_owned(), |runs| runs.to_string()),
            table::figure(case.run_ms),
            grouped(case.commands as f64),
        ];
        row.extend([p50_us, p99_us, p999_us, max_us].map(|us| format!("{:.2}", us / 1e3)));
        row
    };
    report::print(|output| table::write_columns(output, &header, &cases.iter().map(row).collect::<Vec<_>>()))
}
