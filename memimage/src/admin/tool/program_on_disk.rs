//! The verbs on images of any disk, for tests.

use std::any::TypeId;
use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;

use clap::Command;

use super::arguments::ModelCli;
use super::failure::Failure;
use super::program::{Tool, failed, usage};
use super::target::ImagePlace;
use super::terminal::Terminal;
use crate::disk::Disk;
use crate::error::Error;

impl Tool {
    /// Runs the verb that the arguments name, like [`run`](Tool::run), on images on `disk`, and writes to `output` what `run` would write to
    /// the standard output. Returns the exit code. All other files, such as those with keys or with the lines of an export, are files of the
    /// operating system.
    ///
    /// # Errors
    ///
    /// Returns the error of the library because of which the verb failed, if there is one; it is not printed. The exit code would be 3.
    pub fn run_with(
        self,
        disk: Arc<dyn Disk>,
        output: impl Write + 'static,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<u8, Error> {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let program = self.program(arguments.first()).to_owned();
        let command = with_disk(self.command(&program), &disk);
        let (invocation, ModelCli { json, verb, .. }) = match self.parsed(program, &command, arguments) {
            Ok(parsed) => parsed,
            Err(error) => return Ok(usage(&error)),
        };
        let mut terminal = Terminal::on(output, invocation, json);
        match self.run_verb(verb, &mut terminal, command) {
            Ok(found) => Ok(found.exit_code()),
            Err(Failure::Refused(error)) => Err(error),
            Err(failure) => Ok(failed(&terminal, &failure)),
        }
    }
}

/// Reads and writes the images of all verbs on this disk.
fn with_disk(command: Command, disk: &Arc<dyn Disk>) -> Command {
    command.mut_subcommands(|verb| {
        verb.mut_args(|argument| match argument.get_value_parser().type_id() == TypeId::of::<ImagePlace>() {
            true => argument.value_parser(ImagePlace::parser(disk)),
            false => argument,
        })
    })
}
