//! `diff`: what changed between two moments.

use clap::Args;
use serde::Serialize;

use super::difference::DifferenceDocument;
use super::target::open;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::moment::MomentArgument;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{FAINT, Terminal};
use crate::event::Model;
use crate::inspect::{Path, compare};

/// How often the states are compared with newer decisions that events are void.
const MAX_LOOKS: u32 = 3;

/// Shows what differs between the states at two moments. The exit code is 1 if they differ.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage diff bank.image 1200 1234                  what the events 1201 to 1234 changed
  memimage diff bank.image \"1h ago\" 1234 accounts.7   in one part only")]
pub(crate) struct Diff {
    #[command(flatten)]
    target: TargetArguments,
    /// The first moment: after an event, or at a time, such as 1234, "2026-11-30 12:00" (local time) or "1h ago".
    #[arg(value_name = "BEFORE")]
    before: MomentArgument,
    /// The second moment.
    #[arg(value_name = "AFTER")]
    after: MomentArgument,
    /// The path to a part, such as accounts.7; without it, the whole state.
    #[arg(default_value = "", hide_default_value = true)]
    path: Path,
    /// How many differences to show.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

#[derive(Serialize)]
struct Document {
    /// The last event in the first state.
    before: u64,
    after: u64,
    differences: Vec<DifferenceDocument>,
    /// The number of further differences.
    unlisted: u64,
}

impl Diff {
    pub(super) fn run<M: Model>(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let (_, journal) = open::<M>(&self.target)?;
        let [mut before, mut after] = [journal.at(self.before.0)?, journal.at(self.after.0)?];
        // if an event became void meanwhile, one of the states may contain its effect
        for _ in 0..MAX_LOOKS {
            before.look("diff")?;
            after.look("diff")?;
            if before.decisions() == after.decisions() {
                break;
            }
        }
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let found = compare(&*before, &*after, &self.path, limit).map_err(|error| Failure::Other(error.to_string()))?;
        let result = if found.differences.is_empty() { Found::Nothing } else { Found::Something };
        if terminal.is_json() {
            let document = Document {
                before: before.seq().get(),
                after: after.seq().get(),
                differences: found.differences.into_iter().map(DifferenceDocument::from).collect(),
                unlisted: found.more,
            };
            json::document(terminal, &document)?;
            return Ok(result);
        }
        terminal.line(format_args!("{FAINT}from event {} to event {}{FAINT:#}", before.seq(), after.seq()))?;
        for difference in &found.differences {
            terminal.line(difference)?;
        }
        match (result, found.more) {
            (Found::Nothing, _) => terminal.line("no difference")?,
            (Found::Something, 0) => {}
            (Found::Something, more) => terminal.line(format_args!("… {more} more; help: --limit shows more"))?,
        }
        Ok(result)
    }
}
