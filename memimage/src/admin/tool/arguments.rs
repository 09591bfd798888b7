//! The command line.

use clap::{Parser, Subcommand};

use super::model::ModelVerb;
use super::verbs::Verb;

/// Looks into memimage images, and maintains them.
///
/// Needs no model: the journal of an image holds the shapes of its events. The verbs that only read take no lock, and work beside the
/// program that has the image open.
///
/// Exit codes: 0 success; 1 something was found (damage, a difference); 2 wrong usage; 3 refused or failed.
#[derive(Debug, Parser)]
#[command(name = "memimage", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Print JSON instead of text. The form is stable: docs/CLI.md in the library's package defines it.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do not show a long output page by page. (On a terminal, MEMIMAGE_PAGER, PAGER or `less` does.)
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Looks into the images of this program, and maintains them.
///
/// The verbs that only read take no lock, and work beside the program that has the image open.
///
/// Exit codes: 0 success; 1 something was found (damage, a difference); 2 wrong usage; 3 refused or failed.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct ModelCli {
    /// Print JSON instead of text. The form is stable: docs/CLI.md in the library's package defines it.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do not show a long output page by page. (On a terminal, MEMIMAGE_PAGER, PAGER or `less` does.)
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,
    #[command(subcommand)]
    pub(crate) verb: AnyVerb,
}

/// A verb, with or without need of the model.
#[derive(Debug, Subcommand)]
pub(crate) enum AnyVerb {
    #[command(flatten)]
    Model(ModelVerb),
    #[command(flatten)]
    Untyped(Verb),
}

impl AnyVerb {
    /// Whether a person may want to page through the output.
    pub(crate) fn is_paged(&self) -> bool {
        match self {
            AnyVerb::Model(verb) => verb.is_paged(),
            AnyVerb::Untyped(verb) => verb.is_paged(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Cli, ModelCli};

    #[test]
    fn the_command_lines_are_consistent_and_each_verb_has_an_example() {
        for mut command in [Cli::command(), ModelCli::command()] {
            command.build();
            command.clone().debug_assert();
            for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
                let help = verb.get_after_help().unwrap_or_default().to_string();
                assert!(help.contains("memimage "), "`{}` has no example", verb.get_name());
            }
        }
    }
}
