//! A program that carries the verbs.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use super::arguments::{AnyVerb, Cli, ModelCli};
use super::command_line::{named, with_default_image, with_verb};
use super::failure::{Failure, Found};
use super::invocation::Invocation;
use super::model::{self, ModelVerb};
use super::target::ImagePlace;
use super::terminal::{ERROR, Terminal, tell};
use super::verbs::{self, Verb};
use crate::event::Model;

/// Runs the command `memimage`, which needs no model. See [`Tool`].
pub fn run_tool(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> ExitCode {
    Tool::new().run(arguments)
}

/// Runs the command `memimage` for images of the model `M`: with the verbs that need the model, such as `state` and `changes`. See
/// [`Tool`].
pub fn run<M: Model>(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> ExitCode {
    Tool::for_model::<M>().run(arguments)
}

/// The command `memimage` as a part of one's own program.
///
/// ```no_run
/// # use memimage::{Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Bank {}
/// # #[memimage::commands]
/// # impl Bank {
/// #     #[command]
/// #     fn open(&mut self) {}
/// # }
/// use std::process::ExitCode;
///
/// use memimage::admin::Tool;
///
/// /// `bank admin changes accounts.7` lists who changed account 7.
/// fn main() -> ExitCode {
///     let mut arguments = std::env::args_os().skip(1);
///     if arguments.next().is_some_and(|verb| verb == "admin") {
///         let arguments = std::iter::once("bank admin".into()).chain(arguments);
///         return Tool::for_model::<Bank>().image("bank.image").run(arguments);
///     }
///     // … what the bank does otherwise
///     ExitCode::SUCCESS
/// }
/// ```
pub struct Tool {
    /// Runs a verb that needs the model, if there is one.
    model: Option<RunModelVerb>,
    image: Option<PathBuf>,
    verbs: Vec<OwnVerb>,
}

/// Runs a verb on an image of one model.
type RunModelVerb = fn(ModelVerb, &mut Terminal) -> Result<Found, Failure>;

/// A verb of the program itself.
struct OwnVerb {
    name: &'static str,
    about: &'static str,
    run: Box<RunOwnVerb>,
}

/// Runs a verb on the preset image, if there is one, with the arguments after its name.
type RunOwnVerb = dyn FnOnce(Option<&Path>, Vec<OsString>) -> ExitCode;

impl Tool {
    /// The verbs that need no model.
    #[expect(clippy::new_without_default, reason = "a default does not suggest a command that is yet to run")]
    pub fn new() -> Tool {
        Tool { model: None, image: None, verbs: Vec::new() }
    }

    /// All verbs, for images of the model `M`.
    pub fn for_model<M: Model>() -> Tool {
        Tool { model: Some(model::run::<M>), ..Tool::new() }
    }

    /// Sets the image on which the verbs work, unless the option `--image` names another one. Without this, each verb takes the image
    /// as its first argument.
    #[must_use]
    pub fn image(mut self, path: impl AsRef<Path>) -> Tool {
        self.image = Some(path.as_ref().to_owned());
        self
    }

    /// Adds a verb, which the help lists with the line `about`. `run` gets the image of [`image`](Tool::image), if there is one, and the
    /// arguments of the verb, options included. The first argument is the name of the program with the verb, as the help of the verb shall
    /// show it, such as `bank admin browse`. `run` returns the exit code of the program.
    #[must_use]
    pub fn verb(
        mut self,
        name: &'static str,
        about: &'static str,
        run: impl FnOnce(Option<&Path>, Vec<OsString>) -> ExitCode + 'static,
    ) -> Tool {
        self.verbs.push(OwnVerb { name, about, run: Box::new(run) });
        self
    }

    /// Runs the verb that the arguments name. The first argument is the name of the program, as the help shall show it.
    ///
    /// The exit code is 0 for success, 1 if a verb found something that the caller looks for (damage, a difference), 2 for a wrong
    /// usage, 3 if the operation was refused or failed.
    pub fn run(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> ExitCode {
        let mut arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let verb = arguments.iter().skip(1).position(|argument| !argument.as_encoded_bytes().starts_with(b"-"));
        if let Some(at) = verb.map(|at| at + 1)
            && let Some(own) = self.verbs.iter().position(|own| arguments[at] == own.name)
        {
            let rest = arguments.split_off(at + 1);
            let OwnVerb { name, run, .. } = self.verbs.swap_remove(own);
            let named = format!("{} {name}", self.program(arguments.first()));
            return run(self.image.as_deref(), iter::once(named.into()).chain(rest).collect());
        }
        let program = self.program(arguments.first()).to_owned();
        let command = self.command(&program);
        match self.parsed(program, &command, arguments) {
            Ok((invocation, ModelCli { json, no_pager, verb })) => {
                let mut terminal = Terminal::new(invocation, json, verb.is_paged() && !no_pager);
                let result = self.run_verb(verb, &mut terminal, command);
                ExitCode::from(result.map_or_else(|failure| failed(&terminal, &failure), Found::exit_code))
            }
            Err(error) => ExitCode::from(usage(&error)),
        }
    }

    /// The name of the program, as its first argument says it.
    pub(super) fn program<'a>(&self, first: Option<&'a OsString>) -> &'a str {
        let default = if self.model.is_some() { "admin" } else { "memimage" };
        first.and_then(|first| Path::new(first).file_name()).and_then(OsStr::to_str).unwrap_or(default)
    }

    /// The verb that the arguments name, and how a person runs verbs of this program on the image that they name.
    pub(super) fn parsed(
        &self,
        program: String,
        command: &Command,
        arguments: Vec<OsString>,
    ) -> Result<(Invocation, ModelCli), clap::Error> {
        let matches = command.clone().try_get_matches_from(arguments);
        let parsed = matches.and_then(|matches| Ok((self.invocation(program, &matches), self.cli(&matches)?)));
        parsed.map_err(|error| self.explained(error))
    }

    /// How a person runs verbs on the image that these arguments name.
    fn invocation(&self, program: String, matches: &ArgMatches) -> Invocation {
        let image = matches.subcommand().and_then(|(_, of_verb)| {
            let is_named = of_verb.try_contains_id("image").is_ok()
                && of_verb.value_source("image") == Some(ValueSource::CommandLine)
                // a message of a verb with two images may be about the other one
                && of_verb.try_contains_id("directory").is_err();
            is_named.then(|| of_verb.get_one::<ImagePlace>("image")).flatten()
        });
        let invocation = match self.image {
            Some(_) => Invocation::with_preset(program, image.map(ImagePlace::given)),
            None => Invocation::with_argument(program, image.map(ImagePlace::given)),
        };
        invocation.having_model(self.model.is_some())
    }

    /// The error of the command line; for an argument that is probably meant as the image of a program that has preset it, with a tip.
    fn explained(&self, mut error: clap::Error) -> clap::Error {
        let unknown = error.get(ContextKind::InvalidArg).map(ToString::to_string);
        if self.image.is_some()
            && error.kind() == clap::error::ErrorKind::UnknownArgument
            && let Some(unknown) = unknown.filter(|unknown| !unknown.starts_with('-'))
        {
            let tip = format!("to name another image than the one of this program, use '--image {unknown}'");
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
        error
    }

    pub(super) fn command(&self, program: &str) -> Command {
        let command = match self.model {
            Some(_) => named(ModelCli::command(), program),
            None => named(Cli::command(), program),
        };
        let command = self.verbs.iter().fold(command, |command, own| with_verb(command, own.name, own.about));
        match &self.image {
            Some(image) => with_default_image(command, image),
            None => command,
        }
    }

    fn cli(&self, matches: &ArgMatches) -> Result<ModelCli, clap::Error> {
        match self.model {
            Some(_) => ModelCli::from_arg_matches(matches),
            None => {
                let Cli { json, no_pager, verb } = Cli::from_arg_matches(matches)?;
                Ok(ModelCli { json, no_pager, verb: AnyVerb::Untyped(verb) })
            }
        }
    }

    pub(super) fn run_verb(&self, verb: AnyVerb, terminal: &mut Terminal, command: Command) -> Result<Found, Failure> {
        let result = match (verb, self.model) {
            // with the model, a rewriting without rules gives each event its newest version
            (AnyVerb::Untyped(Verb::Rewrite(rewrite)), Some(run)) if rewrite.has_no_rules() => {
                run(ModelVerb::Rewrite(rewrite.into()), terminal)
            }
            // with the model, a dry run replays the events
            (AnyVerb::Untyped(Verb::Repair(repair)), Some(run)) if repair.is_dry_run() => {
                run(ModelVerb::RepairDryRun(repair.into()), terminal)
            }
            (AnyVerb::Untyped(Verb::Void(void)), Some(run)) if void.is_dry_run() => {
                run(ModelVerb::VoidDryRun(void.into()), terminal)
            }
            (AnyVerb::Untyped(verb), _) => verbs::run(verb, terminal, command),
            (AnyVerb::Model(verb), Some(run)) => run(verb, terminal),
            (AnyVerb::Model(_), None) => Err(Failure::Usage("this verb needs the model".to_owned())),
        };
        let closed = terminal.close();
        result.and_then(|found| closed.map(|()| found))
    }
}

/// Prints an error of the command line, or the help that was asked for. Returns the exit code.
pub(super) fn usage(error: &clap::Error) -> u8 {
    // a closed pipe is no error of the help
    let _ = error.print();
    if error.use_stderr() { 2 } else { 0 }
}

/// Prints why a verb failed. Returns the exit code.
pub(super) fn failed(terminal: &Terminal, failure: &Failure) -> u8 {
    if !matches!(failure, Failure::ClosedPipe) {
        tell(format_args!("{ERROR}error:{ERROR:#} {}", terminal.translated(failure)));
    }
    failure.exit_code()
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verbs: Vec<&str> = self.verbs.iter().map(|own| own.name).collect();
        f.debug_struct("Tool").field("image", &self.image).field("verbs", &verbs).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    fn tool() -> (Tool, Rc<RefCell<Vec<OsString>>>) {
        let received = Rc::new(RefCell::new(Vec::new()));
        let receive = Rc::clone(&received);
        let tool = Tool::new().verb("browse", "Serves a page", move |image, arguments| {
            receive.borrow_mut().extend(image.map(OsString::from));
            receive.borrow_mut().extend(arguments);
            ExitCode::from(7)
        });
        (tool, received)
    }

    #[test]
    fn a_verb_of_the_program_gets_its_arguments_as_they_are() {
        for arguments in [&["DIR", "--json", "--help"][..], &["--port", "80", "--", "-x"], &[]] {
            let (tool, received) = tool();
            let code = tool.run([&["/bin/memimage", "browse"], arguments].concat());
            assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(7)));
            assert_eq!(*received.borrow(), [&["memimage browse"], arguments].concat());
        }
    }

    #[test]
    fn a_verb_of_the_program_gets_the_image_that_is_set_later() {
        let (tool, received) = tool();
        tool.image("bank.image").run(["bank admin", "browse", "--port"]);
        assert_eq!(*received.borrow(), ["bank.image", "bank admin browse", "--port"]);
    }

    #[test]
    fn a_verb_of_the_program_does_not_take_the_arguments_of_another_verb() {
        let (tool, received) = tool();
        let code = tool.run(["memimage", "info", "browse"]);
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(3)), "there is no image `browse`");
        assert!(received.borrow().is_empty());
    }

    #[test]
    fn the_help_lists_a_verb_of_the_program() {
        let help = tool().0.command("looker").render_help().to_string();
        assert!(help.contains("\n  browse       Serves a page\n") && help.contains("Usage: looker "), "{help}");
    }
}
