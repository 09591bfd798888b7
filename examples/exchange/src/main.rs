//! A matching engine whose state is an image, as at LMAX (<https://martinfowler.com/articles/lmax.html>).
//!
//! `exchange run` executes each batch of a generated load twice in turn: on the bare engine, which is the same code without an
//! image, and in the image, until all answers of the batch are on disk. Generating the load and verifying the answers is not
//! measured. An acknowledgement is measured from the execution of an order until the program has its durable answer.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::iter;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use exchange::engine::Exchange;
use exchange::run::Run;

/// A matching engine whose state is an image.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Executes a generated load in an image and on the bare engine, and prints how fast each is. Then verifies the trades, the
    /// quantities, and the state that a new opening of the image recovers.
    Run(RunArgs),
    /// Looks into an image, and maintains it: events, past states, changes, checks, backups.
    #[command(disable_help_flag = true)]
    Admin {
        /// A verb and its arguments; `--help` lists the verbs.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(Args)]
struct RunArgs {
    /// The number of requests: limit orders, market orders and cancellations.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    orders: u64,
    /// The image's directory. A new image is created; an existing one is continued.
    #[arg(long, value_name = "DIR")]
    image: PathBuf,
    /// The seed of the load. The seed and the state of the image determine the requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of requests that are submitted before the program waits until all of them are on disk. Each of them takes some
    /// 300 bytes of memory.
    #[arg(long, value_name = "B", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    batch: u32,
    /// Print a line to standard error after each batch.
    #[arg(long)]
    progress: bool,
}

fn main() -> ExitCode {
    let arguments = match Cli::parse().command {
        Command::Run(arguments) => arguments,
        Command::Admin { arguments } => {
            return memimage_web::tool::<Exchange>().run(iter::once("exchange admin".into()).chain(arguments));
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exchange: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: RunArgs) -> Result<(), Box<dyn Error>> {
    let RunArgs { orders, image, seed, batch, progress } = arguments;
    let mut progress: Box<dyn Write> = if progress { Box::new(io::stderr()) } else { Box::new(io::sink()) };
    let report = Run { orders, image, seed, batch: batch as usize }.execute(&mut progress)?;
    io::stdout().write_all(report.to_string().as_bytes())?;
    Ok(())
}
