//! `sharding`: what several images instead of one give, and what commands across them cost, by a simulation.

mod simulation;

use std::io::Write as _;

use anyhow::Result;

use self::simulation::{Measured, Parameters, simulate};
use crate::number;
use crate::report;
use crate::report::table;

/// How many commands of 1,000 touch two shards.
const CROSSING: [u64; 4] = [0, 10, 100, 500];
/// How many second steps of 1,000 are refused.
const REFUSED: u64 = 50;

/// The options of `sharding`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long a shard executes a command, in microseconds; each value gives a table
    #[arg(long, value_delimiter = ',', default_values = ["0.5", "50"], value_parser = microseconds)]
    execution_us: Vec<f64>,
    /// How long a batch takes until it is durable, on the disk or in the log, in microseconds
    #[arg(long, default_value = "2000", value_parser = microseconds)]
    durable_us: f64,
    /// The number of commands in flight, on all shards together
    #[arg(long, default_value_t = 4096, value_parser = number::count())]
    in_flight: usize,
}

fn microseconds(text: &str) -> Result<f64, String> {
    number::positive(text, 1e9)
}

/// Prints a table for each execution time.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { durable_us, in_flight, .. } = arguments;
    let header = ["on two shards", "1 shard", "2 shards", "4 shards", "8 shards", "16 shards"];
    for execution_us in &arguments.execution_us {
        let rows: Vec<Vec<String>> = CROSSING.iter().map(|crossing| row(arguments, *execution_us, *crossing)).collect();
        report::print(|output| {
            writeln!(output, "{execution_us} µs a command, {durable_us} µs a batch, {in_flight} commands in flight:")?;
            writeln!(output, "thousand commands a second: median and 99 % latency in ms")?;
            table::write_columns(output, &header, &rows)?;
            writeln!(output)
        })?;
    }
    Ok(())
}

fn row(arguments: &Arguments, execution_us: f64, crossing_permille: u64) -> Vec<String> {
    let nanos = |microseconds: f64| (microseconds * 1e3).max(1.0) as u64;
    let cell = |shards| {
        let Measured { commands_per_second, p50, p99 } = simulate(Parameters {
            shards,
            crossing_permille,
            refused_permille: REFUSED,
            execution: nanos(execution_us),
            durable: nanos(arguments.durable_us),
            in_flight: arguments.in_flight,
            answers: (20 * arguments.in_flight).max(50_000),
            seed: 1,
        });
        let milliseconds = |nanos: u64| table::figure(Some(nanos as f64 / 1e6));
        format!("{}: {} {}", table::grouped(commands_per_second / 1e3), milliseconds(p50), milliseconds(p99))
    };
    let share = format!("{} %", crossing_permille as f64 / 10.0);
    std::iter::once(share).chain([1, 2, 4, 8, 16].map(cell)).collect()
}
