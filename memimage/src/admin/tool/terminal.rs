//! Output for people and for programs.

use std::cell::RefCell;
use std::fmt::{self, Display};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::rc::Rc;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

use super::failure::Failure;
use super::invocation::Invocation;
use super::pager::Pager;

pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const HEADING: Style = Style::new().bold();

/// Where the output goes: to a writer of the caller, or to standard output.
#[derive(Clone, Default)]
struct Destination(Option<Rc<RefCell<dyn Write>>>);

impl Destination {
    /// A new stream to this destination.
    fn stream(&self) -> Box<dyn Write> {
        match &self.0 {
            None => Box::new(io::stdout()),
            Some(writer) => Box::new(SharedWriter(Rc::clone(writer))),
        }
    }

    fn is_terminal(&self) -> bool {
        self.0.is_none() && io::stdout().is_terminal()
    }

    /// The stream, with the colours that suit it.
    fn coloured(&self) -> Output {
        match self.0 {
            None => coloured(self.stream()),
            Some(_) => BufWriter::new(anstream::AutoStream::never(self.stream())),
        }
    }
}

struct SharedWriter(Rc<RefCell<dyn Write>>);

impl Write for SharedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

type Output = BufWriter<anstream::AutoStream<Box<dyn Write>>>;

/// Standard output, or a pager that shows it. Colours are left out if the output is no terminal, or if `NO_COLOR` is set.
pub(crate) struct Terminal {
    destination: Destination,
    output: Output,
    is_json: bool,
    /// Whether a person sees each line as soon as it is written.
    is_interactive: bool,
    /// Whether the first line starts a pager.
    wants_pager: bool,
    pager: Option<Pager>,
    invocation: Invocation,
}

/// A stream with the colours that suit standard output.
fn coloured(stream: impl Write + 'static) -> Output {
    let choice = anstream::AutoStream::choice(&io::stdout());
    BufWriter::new(anstream::AutoStream::new(Box::new(stream), choice))
}

impl Terminal {
    /// Standard output of the program of `invocation`. If it is a terminal, `may_page` tells whether a pager may show text.
    pub(crate) fn new(invocation: Invocation, is_json: bool, may_page: bool) -> Terminal {
        Terminal::at(Destination::default(), invocation, is_json, may_page)
    }

    /// A writer of the caller in place of the standard output.
    #[cfg(feature = "sim")]
    pub(crate) fn on(writer: impl Write + 'static, invocation: Invocation, is_json: bool) -> Terminal {
        Terminal::at(Destination(Some(Rc::new(RefCell::new(writer)))), invocation, is_json, false)
    }

    fn at(destination: Destination, invocation: Invocation, is_json: bool, may_page: bool) -> Terminal {
        let is_interactive = destination.is_terminal();
        let wants_pager = may_page && is_interactive && !is_json;
        let output = destination.coloured();
        Terminal { destination, output, is_json, is_interactive, wants_pager, pager: None, invocation }
    }

    /// Whether the output is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether a person sees the output.
    pub(crate) fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// The output, for bytes that must stay as they are.
    pub(crate) fn raw(&self) -> Box<dyn Write> {
        self.destination.stream()
    }

    /// How a person runs the verbs of this program.
    pub(crate) fn invocation(&self) -> &Invocation {
        &self.invocation
    }

    /// A message of the library, with the verbs of this program in place of the library's calls.
    pub(crate) fn translated(&self, message: impl Display) -> String {
        self.invocation.translated(&message.to_string())
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        if std::mem::take(&mut self.wants_pager)
            && let Some((pager, input)) = Pager::start()
        {
            (self.output, self.pager) = (coloured(input), Some(pager));
        }
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

    /// Ends the output, and waits until the person leaves the pager. What is written afterwards goes to standard output.
    pub(crate) fn close(&mut self) -> Result<(), Failure> {
        let flushed = self.finish();
        if let Some(pager) = self.pager.take() {
            // dropping the old output closes the pager's input
            self.output = self.destination.coloured();
            pager.wait();
        }
        flushed
    }
}

/// Standard input.
pub(crate) fn raw_input() -> io::StdinLock<'static> {
    io::stdin().lock()
}

/// A progress bar over events on standard error, if that is a terminal.
pub(crate) fn progress_bar(events: u64) -> ProgressBar {
    let progress = ProgressBar::new(events);
    let style = ProgressStyle::with_template("{bar:40} event {pos} of {len}, {eta} left");
    progress.set_style(style.expect("the template is valid"));
    progress
}

/// A progress bar that is never shown.
pub(crate) fn hidden_progress_bar() -> ProgressBar {
    ProgressBar::hidden()
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

/// Tells what a person may want to know about an output that has no fault.
pub(crate) fn note(what: impl Display) {
    tell(format_args!("{WARNING}note:{WARNING:#} {what}"));
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
