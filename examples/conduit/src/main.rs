//! `conduit --image DIR` serves the API; `conduit admin …` looks into the image and maintains it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use conduit::model::Conduit;
use conduit::serve::{self, Settings};

/// Conduit, a blogging platform whose state is one memory image.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Looks into an image, and maintains it: events, past states, changes, checks, backups.
    #[command(disable_help_flag = true)]
    Admin {
        /// A verb and its arguments; `--help` lists the verbs.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Admin { arguments }) = cli.command {
        return memimage_web::tool::<Conduit>().run(std::iter::once("conduit admin".into()).chain(arguments));
    }
    match serve::run(cli.settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conduit: {error}");
            ExitCode::FAILURE
        }
    }
}
