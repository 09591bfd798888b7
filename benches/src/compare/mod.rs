//! `compare`: the same transfers on all systems, shape by shape, in interleaved rounds.

mod embedded;
mod name;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::measure::{self, Round};
use crate::number;
use crate::report::{self, Line, chart, table};
use crate::served::{self, ImageServer, Missing, PostgresServer, RedisServer};
use crate::workspace::Workspace;
use name::SystemName;
use shape::Shape;

/// The options of `compare`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Prints one line of JSON for each system and shape, once a shape has ended, and draws no chart
    #[arg(long)]
    json: bool,
    /// The number of rounds; each system runs once in each round
    #[arg(long, default_value_t = 5, value_parser = number::count())]
    rounds: usize,
    /// The shapes to run [default: all]
    #[arg(long, value_name = "SHAPE", value_delimiter = ',')]
    only: Vec<Shape>,
    /// The systems to run [default: all]
    #[arg(long, value_name = "SYSTEM", value_delimiter = ',')]
    system: Vec<SystemName>,
    /// Multiplies the duration of each measurement, which is a second, and the number of events replayed; at most 10
    #[arg(long, default_value_t = 1.0, value_parser = scale, allow_negative_numbers = true)]
    scale: f64,
    /// The file of the chart
    #[arg(long, default_value = "compare.svg")]
    chart: PathBuf,
    #[command(flatten)]
    workspace: Workspace,
}

/// The largest scale: the log of `bare+disk`, which starts again at its beginning when its file is full, must hold the events
/// that are replayed.
const LARGEST_SCALE: f64 = 10.0;

fn scale(text: &str) -> Result<f64, String> {
    number::positive(text, LARGEST_SCALE)
}

/// The size of one measurement.
#[derive(Clone, Copy)]
struct Scale(f64);

impl Scale {
    fn duration(self) -> Duration {
        Duration::from_secs(1).mul_f64(self.0)
    }

    /// The number of transfers whose events are replayed.
    fn replayed(self) -> u64 {
        (1e6 * self.0).max(1.0) as u64
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let systems = installed(selected(&arguments.system));
    let mut shapes = selected(&arguments.only);
    shapes.retain(|shape| systems.iter().any(|system| system.runs(*shape)));
    ensure!(!shapes.is_empty(), "nothing to measure: none of the selected systems runs one of the selected shapes");
    let directory = arguments.workspace.create()?;
    let (mut lines, mut failed) = (Vec::new(), false);
    for shape in shapes {
        let systems = systems.iter().copied().filter(|system| system.runs(shape)).collect::<Vec<_>>();
        let results = measure_shape(shape, &systems, arguments, directory.path());
        failed |= results.failed;
        if arguments.json {
            report::print_json(&results.lines)?;
        }
        lines.extend(results.lines);
    }
    if !arguments.json && !lines.is_empty() {
        chart::write(&lines, &arguments.chart)?;
        report::print(|output| {
            table::write(output, &lines)?;
            write_settings(output, &lines)?;
            writeln!(output, "\nchart: {}", arguments.chart.display())
        })?;
    }
    ensure!(!failed, "some systems failed: the results lack their figures");
    Ok(())
}

/// The results of one shape.
struct ShapeResults {
    lines: Vec<Line>,
    /// Whether a system failed. It has no line.
    failed: bool,
}

/// Runs all rounds of a shape. A system that fails is reported on standard error, and runs no further round of the shape.
fn measure_shape(shape: Shape, systems: &[SystemName], arguments: &Arguments, directory: &Path) -> ShapeResults {
    let mut rounds: BTreeMap<SystemName, Vec<Round>> = BTreeMap::new();
    let mut failed = BTreeSet::new();
    for round in 0..arguments.rounds {
        for &system in rotated(systems, round) {
            if failed.contains(&system) {
                continue;
            }
            match measure_round(system, shape, Scale(arguments.scale), directory) {
                Ok(result) => rounds.entry(system).or_default().push(result),
                Err(error) => {
                    eprintln!("{system} failed in {shape}: {error:#}");
                    failed.insert(system);
                }
            }
        }
        eprintln!("{shape}: round {} of {}", round + 1, arguments.rounds);
    }
    rounds.retain(|system, _| !failed.contains(system));
    let medians = rounds.into_iter().filter_map(|(system, rounds)| Some((system, measure::median(rounds)?)));
    let lines = medians.map(|(system, median)| Line::new(system, shape, &median)).collect();
    ShapeResults { lines, failed: !failed.is_empty() }
}

/// Says how each system in the results is set.
fn write_settings(output: &mut impl Write, lines: &[Line]) -> io::Result<()> {
    writeln!(output)?;
    for system in SystemName::value_variants() {
        let name = system.to_string();
        if lines.iter().any(|line| line.system == name) {
            writeln!(output, "{name}: {}", system.settings())?;
        }
    }
    Ok(())
}

/// Runs one round of one system.
fn measure_round(system: SystemName, shape: Shape, scale: Scale, directory: &Path) -> Result<Round> {
    // what earlier measurements left to be written must not slow this one
    rustix::fs::syncfs(std::fs::File::open(directory)?)?;
    let Some((connections, depth)) = shape.served() else { return embedded::measure(system, shape, scale, directory) };
    let measure = match system {
        SystemName::Redis => served::measure::<RedisServer>,
        SystemName::Postgres => served::measure::<PostgresServer>,
        _ => served::measure::<ImageServer>,
    };
    measure(connections, depth, scale.duration(), directory)
}

/// The systems whose servers are installed. The others are named on standard error.
fn installed(mut systems: Vec<SystemName>) -> Vec<SystemName> {
    systems.retain(|system| match system.missing() {
        Some(Missing(reason)) => {
            eprintln!("{system} is not measured: {reason}");
            false
        }
        None => true,
    });
    systems
}

/// The given values in their order and each once, or all values if none is given.
fn selected<T: ValueEnum + Copy + Ord>(given: &[T]) -> Vec<T> {
    let mut selected = if given.is_empty() { T::value_variants().to_vec() } else { given.to_vec() };
    selected.sort();
    selected.dedup();
    selected
}

/// The systems, with another one first in each round.
fn rotated(systems: &[SystemName], round: usize) -> impl Iterator<Item = &SystemName> {
    systems.iter().cycle().skip(round % systems.len().max(1)).take(systems.len())
}
