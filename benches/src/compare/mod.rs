//! `compare`: the same transfers on all systems, shape by shape, in interleaved rounds.

mod embedded;
mod name;
mod shape;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
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
    /// Prints one line of JSON for each system and shape
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
    let directory = arguments.workspace.create()?;
    let (shapes, systems) = (selected(&arguments.only), installed(selected(&arguments.system)));
    let mut lines = Vec::new();
    for shape in shapes {
        let systems: Vec<_> = systems.iter().copied().filter(|system| system.runs(shape)).collect();
        let mut rounds: BTreeMap<SystemName, Vec<Round>> = BTreeMap::new();
        for round in 0..arguments.rounds {
            for &system in rotated(&systems, round) {
                let result = measure_round(system, shape, Scale(arguments.scale), directory.path());
                let result = result.with_context(|| format!("{system} failed in {shape}"))?;
                rounds.entry(system).or_default().push(result);
            }
            eprintln!("{shape}: round {} of {}", round + 1, arguments.rounds);
        }
        for system in systems {
            if let Some(round) = rounds.remove(&system).and_then(measure::median) {
                lines.push(Line::new(system, shape, &round));
            }
        }
    }
    if arguments.json {
        return report::print_json(&lines);
    }
    chart::write(&lines, &arguments.chart)?;
    report::print(|output| {
        table::write(output, &lines)?;
        write_settings(output, &lines)?;
        writeln!(output, "\nchart: {}", arguments.chart.display())
    })
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

/// The given values, or all values if none is given.
fn selected<T: ValueEnum + Copy>(given: &[T]) -> Vec<T> {
    if given.is_empty() { T::value_variants().to_vec() } else { given.to_vec() }
}

/// The systems, with another one first in each round.
fn rotated(systems: &[SystemName], round: usize) -> impl Iterator<Item = &SystemName> {
    systems.iter().cycle().skip(round % systems.len().max(1)).take(systems.len())
}
