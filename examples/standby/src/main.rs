//! A service with two standby processes: when its owner is killed, a follower takes over.
//!
//! `standby run` starts an owner and two followers as processes, and clients as threads. It kills the owner, promotes a follower,
//! and verifies that no acknowledged command is lost. `README.md` has the whole story.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use standby::member;
use standby::rounds::Rounds;

/// A service with two standby processes.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Kills the owner and promotes a follower, again and again, under load. The last line is the result, in JSON.
    Run {
        /// The number of owners to kill.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
        /// The number of clients, each of which waits for one answer at a time.
        #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        clients: u32,
        /// The directory of the image, which must not exist yet.
        #[arg(long, value_name = "DIR")]
        image: PathBuf,
    },
    /// Owns the image, which is created if it does not exist, and serves it on a free port until standard input ends.
    Own(Place),
    /// Follows the image. A line `promote` on standard input makes it the owner.
    Follow(Place),
}

#[derive(Args)]
struct Place {
    /// The directory of the image.
    #[arg(long, value_name = "DIR")]
    image: PathBuf,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("standby: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Own(Place { image }) => member::own(&image),
        Command::Follow(Place { image }) => member::follow(&image),
        Command::Run { rounds, clients, image } => {
            let report = Rounds { rounds, clients, image, program: std::env::current_exe()? }.run()?;
            println!("{report}");
            match report.lost {
                0 => Ok(()),
                lost => Err(format!("{lost} acknowledged tickets are lost or doubled").into()),
            }
        }
    }
}
