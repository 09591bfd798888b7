//! `memimage man`: the manual pages.

use std::path::PathBuf;

use clap::Args;

use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::terminal::Terminal;

/// Writes the manual pages of all verbs into a directory.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// An existing directory.
    directory: PathBuf,
}

impl Man {
    pub(crate) fn run(self, terminal: &mut Terminal, command: clap::Command) -> Result<Found, Failure> {
        clap_mangen::generate_to(command, &self.directory)
            .map_err(|error| Failure::Other(format!("{}: {error}", self.directory.display())))?;
        terminal.line(format_args!("wrote the manual pages to {}", self.directory.display()))?;
        Ok(Found::Nothing)
    }
}
