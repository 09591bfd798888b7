//! `memimage completions`: completions for a shell.

use clap::Args;
use clap_complete::Shell;

use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::terminal::Terminal;

/// Prints completions for a shell.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage completions bash > ~/.local/share/bash-completion/completions/memimage")]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, terminal: &mut Terminal, mut command: clap::Command) -> Result<Found, Failure> {
        let mut text = Vec::new();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut text);
        terminal.line(String::from_utf8_lossy(&text).trim_end())?;
        Ok(Found::Nothing)
    }
}
