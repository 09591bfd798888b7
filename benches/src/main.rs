//! Compares memimage with bare structs and with databases: the same transfers, side by side, on the same disk.

mod compare;
mod ledger;
mod many;
mod measure;
mod number;
mod pause;
mod report;
mod scale;
mod served;
mod sharding;
mod systems;
mod workspace;

use clap::{Parser, Subcommand};

use report::OutputClosed;

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
    /// Shows how opening, replay, snapshots, memory and commands grow with entries and events
    Scale(scale::Arguments),
    /// Shows how long commands wait while snapshots are made or a long query runs
    Pause(pause::Arguments),
    /// Shows what many images in one process cost
    Many(many::Arguments),
    /// Shows what several images instead of one give, by a simulation
    Sharding(sharding::Arguments),
    /// Runs the clients of a served system
    #[command(hide = true)]
    Client(served::client::Arguments),
    /// Creates or measures one image of `scale`
    #[command(hide = true)]
    ScaleStep(scale::StepArguments),
}

fn main() -> anyhow::Result<()> {
    match run() {
        Err(error) if error.is::<OutputClosed>() => Ok(()),
        result => result,
    }
}

fn run() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Scale(arguments) => scale::run(&arguments),
        Command::Pause(arguments) => pause::run(&arguments),
        Command::Many(arguments) => many::run(&arguments),
        Command::Sharding(arguments) => sharding::run(&arguments),
        Command::ScaleStep(arguments) => scale::run_step(&arguments),
        Command::Client(arguments) => served::client::run(&arguments),
    }
}
