//! `memimage show`: one event in full.

use clap::Args;

use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json::event_line;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{Terminal, visible};
use crate::history::Query;
use crate::seq::Seq;
use crate::value::text::hex;

/// Shows one event: its payload, its metadata, its shape.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage show bank.image 1234")]
pub(crate) struct Show {
    #[command(flatten)]
    target: TargetArguments,
    /// The number (seq) of the event.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    seq: u64,
}

impl Show {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let (target, seq) = (self.target.open()?, Seq::new(self.seq));
        let query = Query { first: Some(seq), last: Some(seq), ..Query::default() };
        let Some(event) = target.events(query).next().transpose()? else {
            let durable = target.durable()?;
            return Err(Failure::Other(format!("there is no event {seq}: the last durable event is {durable}")));
        };
        if terminal.is_json() {
            terminal.line(event_line(&event)?)?;
            return Ok(Found::Nothing);
        }
        let recorded = &event.recorded;
        terminal.field("seq", event.seq())?;
        if event.key.part > 0 {
            terminal.field("part", event.key.part)?;
        }
        terminal.field("time", event.time)?;
        terminal.field("event", format_args!("{}, version {}", visible(recorded.name()), recorded.version()))?;
        let outcome = if event.is_rejected() { "rejected: the command returned an error" } else { "applied" };
        terminal.field("outcome", outcome)?;
        if event.is_void {
            terminal.field("void", "replay skips this event")?;
        }
        for (key, value) in event.metadata.iter() {
            terminal.field(&visible(key), visible(value))?;
        }
        terminal.field("shape", visible(&recorded.shape().to_string()))?;
        match recorded.value().and_then(|value| value.to_json_lines(recorded.shape())) {
            Ok(payload) => {
                terminal.label("payload")?;
                terminal.line(payload)?;
            }
            Err(error) => {
                terminal.field(
                    "payload",
                    format_args!("{} bytes, which cannot be decoded here: {error}", recorded.bytes().len()),
                )?;
                terminal.line(hex(recorded.bytes()))?;
            }
        }
        Ok(Found::Nothing)
    }
}
