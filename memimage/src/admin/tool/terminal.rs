//! Output for people and for programs.

use std::fmt::{self, Display};
use std::io::{self, BufWriter, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};

use super::failure::Failure;

pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const HEADING: Style = Style::new().bold();

/// Standard output. Colours are left out if the output is no terminal, or if `NO_COLOR` is set.
pub(crate) struct Terminal {
    output: BufWriter<anstream::AutoStream<io::Stdout>>,
    is_json: bool,
    /// Whether a person sees each line as soon as it is written.
    is_interactive: bool,
}

impl Terminal {
    pub(crate) fn new(is_json: bool) -> Terminal {
        let stdout = io::stdout();
        let is_interactive = stdout.is_terminal();
        Terminal { output: BufWriter::new(anstream::AutoStream::auto(stdout)), is_json, is_interactive }
    }

    /// Whether the output is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        writeln!(self.output, "{line}").map_err(|error| Failure::output(&error))?;
        match self.is_interactive {
            true => self.finish(),
            false => Ok(()),
        }
    }

    /// Writes a line with a label, for a list of figures.
    pub(crate) fn field(&mut self, label: &str, value: impl Display) -> Result<(), Failure> {
        self.line(format_args!("{FAINT}{label:<12}{FAINT:#} {value}"))
    }

    /// Writes the label of the lines that follow.
    pub(crate) fn label(&mut self, label: &str) -> Result<(), Failure> {
        self.line(format_args!("{FAINT}{label}{FAINT:#}"))
    }

    /// A writer of text that is not split into lines.
    pub(crate) fn text(&mut self) -> TerminalText<'_> {
        TerminalText { output: &mut self.output, failure: None }
    }

    /// Hands the whole output to the operating system.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.output.flush().map_err(|error| Failure::output(&error))
    }
}

/// Writes text to the terminal, and keeps the first failure.
pub(crate) struct TerminalText<'t> {
    output: &'t mut dyn Write,
    pub(crate) failure: Option<Failure>,
}

impl fmt::Write for TerminalText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.output.write_all(text.as_bytes()).map_err(|error| {
            self.failure.get_or_insert(Failure::output(&error));
            fmt::Error
        })
    }
}

/// Writes a line to standard error.
pub(crate) fn tell(line: impl Display) {
    // there is no other place where this fault could be told
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// A text in one line in which control characters cannot act on the terminal.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|next| if next.is_control() { next.escape_default().collect::<Vec<_>>() } else { vec![next] })
        .collect()
}

/// A number of bytes, for people.
pub(crate) fn bytes(number: u64) -> String {
    indicatif::BinaryBytes(number).to_string()
}
