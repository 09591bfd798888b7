//! Compares memimage with bare structs and with databases: the same transfers, side by side, on the same disk.

mod compare;
mod ledger;
mod measure;
mod report;
mod systems;
mod workspace;

use clap::{Parser, Subcommand};

/// Measures memimage beside its limits and beside other systems.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the same transfers on memimage, on bare structs and on databases
    Compare(compare::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Compare(arguments) => compare::run(&arguments),
    }
}
