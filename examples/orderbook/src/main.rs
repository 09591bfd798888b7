//! An order book in memory: it follows a feed of orders, and loses nothing when it is killed.
//!
//! `orderbook ingest` applies a file of Bitstamp's order feed, a command for each row; `best` and `depth` show the book, now or at
//! any moment of its past; `watch` prints its changes while an ingest runs, and `volume` keeps a projection of the new orders.
//! `admin` looks into the image: which event set an order's price, and what the book was before. Kill
//! an ingest at any time and run it again: it continues after the last applied row.

mod book;
mod feed;
mod ingest;
mod money;
mod report;
mod volume;
mod watch;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::iter;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use memimage::{Durability, Image, Journal, Moment, Seq, Timestamp};

use book::Book;

/// Follows a feed of orders, and keeps the order book in an image.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Applies the rows of a feed that were not applied yet, and prints the file's counts over all runs as JSON.
    Ingest {
        /// The feed: CSV, plain or gzip. The image identifies it by its file name, without the directory.
        file: PathBuf,
        #[command(flatten)]
        image: ImageArgs,
        /// When an applied row counts as durable.
        #[arg(long, value_enum, default_value_t = Keep::Synced)]
        durability: Keep,
        /// Stop after this row, counted from the file's first row; if the image is past it, do nothing.
        #[arg(long, value_name = "ROWS")]
        limit: Option<u64>,
    },
    /// Prints the highest bid and the lowest ask as JSON: [cents, satoshis, orders], or null for a side without orders.
    Best {
        #[command(flatten)]
        image: ImageArgs,
        #[command(flatten)]
        moment: MomentArgs,
    },
    /// Prints the best prices of both sides as a table.
    Depth {
        #[command(flatten)]
        image: ImageArgs,
        #[command(flatten)]
        moment: MomentArgs,
        /// The number of prices of each side.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        levels: u64,
    },
    /// Prints each change of the book as a line of JSON, once it is durable. Runs beside an ingest.
    Watch {
        #[command(flatten)]
        image: ImageArgs,
        /// Begin with the changes after this event; without it, with the next one.
        #[arg(long, value_name = "SEQ")]
        after: Option<u64>,
        /// Stop after this number of changes.
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
    /// Prints the volume of new orders by minute, a line of JSON for each: [minute since 1970, orders, bid satoshis, ask satoshis].
    Volume {
        #[command(flatten)]
        image: ImageArgs,
        /// The directory of the projection, which is created if it does not exist.
        #[arg(long, value_name = "DIR")]
        projection: PathBuf,
    },
    /// Looks into an image, and maintains it: events, past states, changes, checks, backups, copies in a log.
    #[command(disable_help_flag = true)]
    Admin {
        /// A verb and its arguments; `--help` lists the verbs.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(Args)]
struct ImageArgs {
    /// The image's directory; only `ingest` creates a new one.
    #[arg(long = "image", value_name = "DIR")]
    path: PathBuf,
}

/// A moment of the past; without these options, now.
#[derive(Args)]
#[group(multiple = false)]
struct MomentArgs {
    /// Show the book as it was after this event.
    #[arg(long, value_name = "SEQ")]
    at_seq: Option<u64>,
    /// Show the book as it was at this time, in milliseconds since 1970.
    #[arg(long, value_name = "UNIX_MS")]
    at_time: Option<u64>,
}

impl MomentArgs {
    fn moment(&self) -> Option<Moment> {
        let seq = self.at_seq.map(|seq| Moment::Seq(Seq::new(seq)));
        // the whole millisecond
        let micros = |millis: u64| millis.saturating_mul(1_000).saturating_add(999);
        seq.or(self.at_time.map(|millis| Moment::Time(Timestamp::from_micros(micros(millis)))))
    }
}

impl ImageArgs {
    /// Passes the book, and the last event in it, to `show`. A past book is read beside a running ingest.
    fn show<R>(&self, at: &MomentArgs, show: impl FnOnce(Seq, &Book) -> R) -> Result<R, memimage::Error> {
        if let Some(moment) = at.moment() {
            let past = Journal::<Book>::open(&self.path)?.at(moment)?;
            return Ok(show(past.seq(), &past));
        }
        let image = Image::<Book>::options().create(false).open(&self.path)?;
        let seq = image.journal().seq();
        image.query(|book| show(seq, book))
    }
}

/// The library's `Durability`, as a command-line option.
#[derive(Clone, Copy, ValueEnum)]
enum Keep {
    /// Once it is on disk: it survives a power cut.
    Synced,
    /// Once it is written to the operating system; a sync follows ten times a second.
    Interval,
    /// Once it is written to the operating system: it survives a kill, but perhaps not a power cut.
    Buffered,
}

impl From<Keep> for Durability {
    fn from(keep: Keep) -> Durability {
        match keep {
            Keep::Synced => Durability::Synced,
            Keep::Interval => Durability::Interval(Duration::from_millis(100)),
            Keep::Buffered => Durability::Buffered,
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let logs =
        tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::WARN).with_writer(io::stderr);
    match io::stderr().is_terminal() {
        true => logs.init(),
        false => logs.with_ansi(false).init(),
    }
    match run(cli.command) {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orderbook: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the reader of the output has read enough, like `head`.
fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run(command: Command) -> Result<ExitCode, Box<dyn Error>> {
    let report = match command {
        Command::Ingest { file, image, durability, limit } => {
            let options = Image::options().durability(durability.into());
            let summary = ingest::ingest(&file, options, &image.path, limit.unwrap_or(u64::MAX))?;
            serde_json::to_string(&summary)? + "\n"
        }
        Command::Best { image, moment } => serde_json::to_string(&image.show(&moment, report::best)?)? + "\n",
        Command::Depth { image, moment, levels } => {
            let levels = usize::try_from(levels).unwrap_or(usize::MAX);
            image.show(&moment, |_, book| report::depth(book, levels))?
        }
        Command::Watch { image, after, count } => {
            watch::watch(&image.path, after, count.unwrap_or(u64::MAX), io::stdout().lock())?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Volume { image, projection } => volume::volume(&image.path, &projection)?,
        Command::Admin { arguments } => {
            let tool = memimage_replication::add_verbs(memimage_web::tool::<Book>());
            return Ok(tool.run(iter::once("orderbook admin".into()).chain(arguments)));
        }
    };
    io::stdout().write_all(report.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
