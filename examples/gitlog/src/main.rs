//! A version control system in memory: it imports the history of a git repository, and answers questions about each past state.
//!
//! `gitlog import` records each commit as a command. `tree` prints the files of any commit as git does, `cat` prints one of them,
//! `blame` lists the commits that changed a path. Kill an import at any time and run it again: it continues after the last
//! recorded commit.

mod bytes;
mod object_id;
mod directory;
mod content;
mod commit;
mod repository;
mod git;
mod quote;
mod import;
mod past;
mod revision;
mod report;
#[cfg(test)]
mod comparison;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use memimage::Journal;

use repository::Repository;

/// Keeps the history of a git repository in an image.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Imports the commits that the image lacks, of all branches and tags, and prints counts as JSON.
    Import {
        /// The repository: its directory, or that of its working tree.
        repository: PathBuf,
        #[command(flatten)]
        image: ImageArgs,
    },
    /// Prints the files of a commit, as `git -c core.quotePath=false ls-tree -r COMMIT` does.
    Tree {
        /// A hash, its first digits, a branch or a tag.
        commit: OsString,
        /// Do not quote paths, and end them with zero bytes.
        #[arg(short = 'z')]
        is_raw: bool,
        #[command(flatten)]
        image: ImageArgs,
    },
    /// Prints the content of a file in a commit.
    Cat {
        /// A hash, its first digits, a branch or a tag.
        commit: OsString,
        /// The path in the repository.
        path: OsString,
        #[command(flatten)]
        image: ImageArgs,
    },
    /// Lists the commits, the last imported first.
    Log {
        #[command(flatten)]
        image: ImageArgs,
    },
    /// Lists the commits that changed a file or a directory, the first imported first. A merge is listed if it has something there
    /// that none of its parents has.
    Blame {
        /// The path in the repository.
        path: OsString,
        #[command(flatten)]
        image: ImageArgs,
    },
    /// Looks into an image, and maintains it: events, past states, changes, checks, backups.
    #[command(disable_help_flag = true)]
    Admin {
        /// A verb and its arguments; `--help` lists the verbs.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

const IMAGE: &str = "gitlog.image";

#[derive(Args)]
struct ImageArgs {
    /// The image's directory; only `import` creates a new one.
    #[arg(long = "image", value_name = "DIR", default_value = IMAGE)]
    directory: PathBuf,
}

impl ImageArgs {
    fn journal(&self) -> Result<Journal<Repository>, memimage::Error> {
        Journal::open(&self.directory)
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
            eprintln!("gitlog: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the reader of the output has read enough, like `head`.
fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run(command: Command) -> Result<ExitCode, Box<dyn Error>> {
    let mut out = BufWriter::new(io::stdout().lock());
    match command {
        Command::Import { repository, image } => {
            let summary = import::import(&repository, &image.directory)?;
            writeln!(out, "{}", serde_json::to_string(&summary)?)?;
        }
        Command::Tree { commit, is_raw, image } => {
            let past = past::at_commit(&image.journal()?, commit.as_bytes())?;
            report::tree(&past, is_raw, &mut out)?;
        }
        Command::Cat { commit, path, image } => {
            let past = past::at_commit(&image.journal()?, commit.as_bytes())?;
            let missing = || {
                let (commit, path) = (commit.display(), path.display());
                format!("commit `{commit}` has no file `{path}`; help: `gitlog tree {commit}` lists its files")
            };
            out.write_all(&report::file(&past, path.as_bytes())?.ok_or_else(missing)?)?;
        }
        Command::Admin { arguments } => {
            drop(out); // the tool locks the standard output itself
            let arguments = iter::once("gitlog admin".into()).chain(arguments);
            return Ok(memimage_web::tool::<Repository>().image(IMAGE).run(arguments));
        }
        Command::Log { image } => report::log(&image.journal()?, &mut out)?,
        Command::Blame { path, image } => {
            let bytes = path.as_bytes();
            if !report::blame(&image.journal()?, bytes.strip_suffix(b"/").unwrap_or(bytes), &mut out)? {
                let path = path.display();
                return Err(format!(
                    "no commit in the image has `{path}`; help: a path is relative to the root of the repository; \
                     `gitlog tree COMMIT` lists the paths of a commit"
                )
                .into());
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
