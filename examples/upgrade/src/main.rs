//! Runs the café's program of any stage on an image.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use upgrade::{Failure, PROGRAMS, Program};

/// The program of a café in five stages of its life, to try on one image.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Opens an image, or creates it, and runs a day's commands.
    Write(On),
    /// Opens an image and prints its content.
    Show(On),
}

#[derive(Args)]
struct On {
    /// The stage of the program: 1 to 5.
    #[arg(value_parser = clap::value_parser!(u8).range(1..=PROGRAMS.len() as i64))]
    stage: u8,
    /// The image's directory.
    #[arg(long, value_name = "DIR")]
    image: PathBuf,
}

impl On {
    fn program(&self) -> Program {
        PROGRAMS[usize::from(self.stage) - 1]
    }
}

fn run(verb: &Verb) -> Result<String, Failure> {
    match verb {
        Verb::Write(on) => on.program().write(&on.image),
        Verb::Show(on) => on.program().show(&on.image),
    }
}

fn main() -> ExitCode {
    match run(&Cli::parse().verb) {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("upgrade: {error}");
            ExitCode::FAILURE
        }
    }
}
