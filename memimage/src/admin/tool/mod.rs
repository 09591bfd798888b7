//! The verbs of the command `memimage`, which look into an image and maintain it.
//!
//! A verb prints text for people or, with `--json`, JSON in the form that `docs/CLI.md` defines. Verbs that only read take no lock and work
//! beside a running owner.

// each module uses only the modules above it
mod failure;
mod moment;
mod filter;
mod keys;
mod terminal;
mod confirmation;
mod repairs;
mod json;
mod shape_text;
mod target;
mod report;
mod reader;
mod verbs;
mod arguments;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

pub(crate) use arguments::Cli;
use failure::Failure;
pub use reader::{EventCondition, ImageKeys, ImageReader, format_time, parse_moment};
pub use report::{
    Count, EventCounter, EventFigures, EventShape, EventStats, ImageInfo, ParentInfo, StateFile, SubscriptionPosition,
};
use terminal::{ERROR, Terminal, tell};

/// Runs the command `memimage` with the arguments of the process, the first of which is the name of the program.
///
/// The exit code is 0 for success, 1 if a verb found something that the caller looks for (damage, a difference), 2 for a wrong
/// usage, 3 if the operation was refused or failed.
pub fn run_tool(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let matches = match Cli::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let mut terminal = Terminal::new(cli.json);
    match verbs::run(cli.verb, &mut terminal, Cli::command()).and_then(|found| terminal.finish().map(|()| found)) {
        Ok(found) => found.exit_code(),
        Err(failure) => {
            if !matches!(failure, Failure::ClosedPipe) {
                tell(format_args!("{ERROR}error:{ERROR:#} {failure}"));
            }
            failure.exit_code()
        }
    }
}

/// Prints an error of the command line, or the help that was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    // a closed pipe is no error of the help
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}
