//! `memimage man`: the manual pages.

use std::path::PathBuf;

use clap::Args;

use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::terminal::Terminal;
use crate::disk::text_file;

/// Writes the manual pages of all verbs into a directory.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The directory. It is created if it does not exist.
    directory: PathBuf,
}

impl Man {
    pub(crate) fn run(self, terminal: &mut Terminal, command: clap::Command) -> Result<Found, Failure> {
        text_file::create_directory(&self.directory)?;
        clap_mangen::generate_to(command, &self.directory)
            .map_err(|error| Failure::Other(format!("{}: {error}", self.directory.display())))?;
        terminal.line(format_args!("wrote the manual pages to {}", self.directory.display()))?;
        Ok(Found::Nothing)
    }
}
