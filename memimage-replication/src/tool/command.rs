//! Runs a verb: parses its arguments, prints its output, and returns the exit code.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser};
use memimage::admin::{ImageKeys, with_verbs};
use serde::Serialize;

use super::failure::{Failure, Found};
use crate::log::Log;
use crate::url_scheme::mistake_in;

/// A verb with its arguments.
pub(super) trait Verb: Parser {
    /// The name of the argument with the image that a program can preset, if there is one.
    const IMAGE: Option<&'static str>;

    /// Sets the image that the program has preset, if the arguments name none.
    fn preset(&mut self, image: &Path);

    fn run(self) -> Result<Found, Failure>;
}

/// Runs the verb with these arguments. The first one is the name of the program with the verb.
pub(super) fn run<V: Verb>(image: Option<&Path>, arguments: Vec<OsString>) -> ExitCode {
    let name = arguments.first().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut command = V::command().name(name.clone()).bin_name(name.clone());
    if let (Some(argument), Some(_)) = (V::IMAGE, image) {
        command = command.mut_arg(argument, |argument| argument.required(false));
    }
    let mut verb = match command.try_get_matches_from(arguments).and_then(|matches| V::from_arg_matches(&matches)) {
        Ok(verb) => verb,
        Err(error) => {
            // a closed pipe is no error of the help
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    if let Some(image) = image {
        verb.preset(image);
    }
    let (message, code) = match verb.run() {
        Ok(Found::Nothing) | Err(Failure::ClosedPipe) => return ExitCode::SUCCESS,
        Ok(Found::Something) => return ExitCode::from(1),
        Err(Failure::Usage(message)) => (message, 2),
        Err(Failure::Refused(message)) => (message, 3),
    };
    let message = message.replace("`Log::take_over(true)`", "`--take-over`").replace(" (`Standby::open`)", "");
    let program = name.rsplit_once(' ').map_or(name.as_str(), |(program, _)| program);
    eprintln!("error: {}", with_verbs(&message, program, None, image.is_some()));
    ExitCode::from(code)
}

/// Where the keys of an image are.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct KeyArguments {
    /// A file with the keys of an encrypted image: lines of a number and 64 hexadecimal digits, such as "3 5f0c…".
    /// Without it, the variable MEMIMAGE_ENCRYPTION_KEYS has these lines.
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    encryption_keys: Option<PathBuf>,
    /// A file with the keys of the image's chain, in the same form. Without it, the variable MEMIMAGE_CHAIN_KEYS has these lines.
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    chain_keys: Option<PathBuf>,
}

impl KeyArguments {
    pub(super) fn read(&self) -> Result<ImageKeys, Failure> {
        ImageKeys::read(self.encryption_keys.as_deref(), self.chain_keys.as_deref()).map_err(Failure::Refused)
    }
}

/// Opens the log at a URL for an owner.
pub(super) fn open(url: &str) -> Result<Log, Failure> {
    refuse_mistake(url)?;
    Ok(Log::open(url)?)
}

/// Opens the log at a URL for a reader, which creates nothing.
pub(super) fn open_existing(url: &str) -> Result<Log, Failure> {
    refuse_mistake(url)?;
    Ok(Log::open_existing(url)?)
}

fn refuse_mistake(url: &str) -> Result<(), Failure> {
    mistake_in(url).map_or(Ok(()), |what| Err(Failure::Usage(what)))
}

/// Prints a line.
pub(super) fn line(text: impl Display) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}")?;
    Ok(output.flush()?)
}

/// Prints a value with its name, in two columns.
pub(super) fn field(name: &str, value: impl Display) -> Result<(), Failure> {
    line(format_args!("{name:<12} {value}"))
}

/// Prints a document of JSON.
pub(super) fn document(document: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string_pretty(document).map_err(Failure::other)?)
}
