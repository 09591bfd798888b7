//! `memimage shapes`: the events that a journal declares.

use clap::{Args, ValueEnum};

use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::report::EventShape;
use crate::admin::tool::suggestion;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{NAME, Terminal, visible};

/// Lists the events that the journal declares, with their shapes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage shapes bank.image
  memimage shapes bank.image --name deposit --as rust     types to paste for a past version")]
pub(crate) struct Shapes {
    #[command(flatten)]
    target: TargetArguments,
    /// Only events with this name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The form of the shapes.
    #[arg(long = "as", value_enum, default_value_t = Form::Line, value_name = "FORM")]
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One line for each event.
    Line,
    /// Rust types with this shape.
    Rust,
}

impl Shapes {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let target = self.target.open()?;
        let mut shapes = EventShape::list(&target)?;
        if let Some(name) = &self.name {
            if !shapes.iter().any(|shape| shape.name == *name) {
                let help = suggestion::help(name, shapes.iter().map(|shape| &*shape.name));
                return Err(Failure::Other(format!("the journal declares no event `{}`: {help}", visible(name))));
            }
            shapes.retain(|shape| shape.name == *name);
        }
        if terminal.is_json() {
            json::document(terminal, &shapes)?;
            return Ok(Found::Nothing);
        }
        for shape in shapes {
            let (name, version) = (visible(&shape.name), shape.version);
            match self.form {
                Form::Line => {
                    terminal.line(format_args!("{NAME}{name}@{version}{NAME:#} {}", visible(&shape.shape)))?;
                }
                Form::Rust => terminal.line(format_args!("// `{name}` version {version}\n{}", shape.rust))?,
            }
        }
        Ok(Found::Nothing)
    }
}
