//! A service on several machines: when its owner is killed, a standby takes over by the log.
//!
//! `failover run` starts the servers of the log, an owner and two standbys as processes, and clients as threads. It kills the owner,
//! waits until a standby takes over, and verifies what became of the acknowledged commands. `README.md` has the whole story.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use failover::cluster::ClusterOptions;
use failover::member::Member;
use failover::report::Report;
use failover::rounds::rounds;
use failover::servers::Servers;
use failover::settings::{Engine, Mode};

/// A service on several machines, and a supervisor that kills its owners.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Kills the owner under load, again and again. The last line is the result, in JSON.
    Run {
        /// The engine of the log.
        #[arg(long, default_value_t = Engine::Directory)]
        engine: Engine,
        /// The number of owners to kill.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
        /// The number of clients, each of which waits for one answer at a time.
        #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        clients: u32,
        #[command(flatten)]
        settings: Settings,
    },
    /// Runs one member until standard input ends, or until another member takes over.
    Member {
        /// The name of this owner in the log.
        #[arg(long)]
        name: String,
        /// The URL of the log.
        #[arg(long, value_name = "URL")]
        log: String,
        /// Begins as the owner, and not as a standby.
        #[arg(long)]
        owner: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Args)]
struct Settings {
    /// The directory of the member, or that of the whole run, which must not exist yet.
    #[arg(long, value_name = "DIR")]
    directory: PathBuf,
    /// When a command is acknowledged.
    #[arg(long, default_value_t = Mode::Remote)]
    mode: Mode,
    /// How long the log must be silent before a standby takes over, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(50..=600_000))]
    lease_ms: u64,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failover: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Member { name, log, owner, settings } => {
            let Settings { directory, mode, lease_ms } = settings;
            Member { name, directory, log, mode, lease: Duration::from_millis(lease_ms), is_owner: owner }.run()
        }
        Command::Run { engine, rounds, clients, settings } => {
            let report = supervise(engine, rounds, clients, &settings)?;
            println!("{report}");
            report.fault().map_or(Ok(()), |fault| Err(fault.into()))
        }
    }
}

fn supervise(engine: Engine, count: u32, clients: u32, settings: &Settings) -> Result<Report, Box<dyn Error>> {
    let directory = std::path::absolute(&settings.directory)?;
    refuse_existing(&directory)?;
    let servers =
        Servers::start(engine, &directory.join("servers")).ok_or("the servers of the log are not installed")?;
    let place = servers.place("tickets", &directory.join("log"));
    let options = ClusterOptions {
        program: std::env::current_exe()?,
        directory: directory.join("members"),
        places: [place.clone(), place.clone(), place],
        mode: settings.mode,
        lease: Duration::from_millis(settings.lease_ms),
    };
    let (verdict, takeovers) = rounds(options, clients, count)?;
    Ok(Report { engine, mode: settings.mode, verdict, takeovers })
}

fn refuse_existing(directory: &Path) -> Result<(), Box<dyn Error>> {
    match directory.try_exists()? {
        true => {
            let directory = directory.display();
            Err(format!("`{directory}` exists already; help: pass a directory that does not exist").into())
        }
        false => Ok(()),
    }
}
