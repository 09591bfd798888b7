//! The command line of a program that carries the verbs.

use std::path::Path;

use clap::{Arg, Command};

/// The program in the examples of the verbs.
const EXAMPLE_PROGRAM: &str = "memimage ";
/// The image in these examples.
const EXAMPLE_IMAGE: &str = " bank.image";

/// Gives the command line, and its examples, the name of the program.
pub(crate) fn named(command: Command, program: &str) -> Command {
    let examples = format!("{program} ");
    let command = command.name(program.to_owned()).bin_name(program.to_owned());
    command.mut_subcommands(|verb| with_examples(verb, |help| help.replace(EXAMPLE_PROGRAM, &examples)))
}

/// Makes the image an option of each verb, with the given directory as its default.
pub(crate) fn with_default_image(command: Command, image: &Path) -> Command {
    command.mut_subcommands(|verb| {
        if !verb.get_arguments().any(|argument| argument.get_id() == "image") {
            return verb;
        }
        let verb = verb.mut_arg("image", |argument| {
            argument.long("image").required(false).default_value(image.as_os_str().to_owned()).value_name("DIR")
        });
        with_examples(verb, |help| help.replace(EXAMPLE_IMAGE, ""))
    })
}

fn with_examples(verb: Command, change: impl FnOnce(&str) -> String) -> Command {
    match verb.get_after_help().map(ToString::to_string) {
        Some(help) => verb.after_help(change(&help)),
        None => verb,
    }
}

/// Lists a verb that parses its arguments itself.
pub(crate) fn with_verb(command: Command, name: &'static str, about: &'static str) -> Command {
    let arguments = Arg::new("arguments").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
    command.subcommand(Command::new(name).about(about).disable_help_flag(true).arg(arguments))
}
