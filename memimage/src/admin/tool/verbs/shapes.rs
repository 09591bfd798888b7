//! `memimage shapes`: the events that a journal declares.

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::shape_text::{rust_types, upper};
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

#[derive(Serialize)]
struct EventShape {
    name: String,
    version: u32,
    fingerprint: String,
    shape: String,
    rust: String,
}

impl Shapes {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let target = self.target.open()?;
        let table = target.attempt(|| target.journal(target.durable()?)?.scan().table())?;
        let rows = table.rows.iter().filter(|row| self.name.as_ref().is_none_or(|name| *name == row.name));
        let shapes: Vec<EventShape> = rows
            .map(|row| EventShape {
                name: row.name.clone(),
                version: row.version,
                fingerprint: row.shape.fingerprint().to_string(),
                shape: row.shape.to_string(),
                rust: rust_types(&format!("{}V{}", upper(&row.name), row.version), &row.shape),
            })
            .collect();
        if let (true, Some(name)) = (shapes.is_empty(), &self.name) {
            return Err(Failure::Other(format!("the journal declares no event `{name}`")));
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
