//! `state`: the state of the model, now or earlier.

use std::fmt::Write as _;

use clap::Args;

use super::target::{open, state};
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::moment::MomentArgument;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{FAINT, Terminal};
use crate::event::Model;
use crate::inspect::{Bounds, Path, inspect, write_json};

/// Shows the state of the model, or a part of it, now or at an earlier moment.
///
/// Text shows a page of each part: --depth, --limit and --offset say how much, --all shows everything. JSON shows everything. Fields that
/// are derived from others are not shown, because they are not stored.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage state bank.image                                    the newest state
  memimage state bank.image accounts.7                         a part of it
  memimage state bank.image accounts --at \"1h ago\"             as it was; also --at 1234, after event 1234
  memimage state bank.image accounts --offset 100 --limit 50   a page
  memimage state bank.image --json | jq .accounts

Paths:
  accounts.7.owner leads through fields, keys, list items (from 0) and the names of variants. A key with a dot or a space is written
  in quotes: 'accounts.\"a.b\"'. accounts[7] is the same as accounts.7.")]
pub(crate) struct State {
    #[command(flatten)]
    target: TargetArguments,
    /// The path to a part, such as accounts.7; without it, the whole state.
    #[arg(default_value = "", hide_default_value = true)]
    path: Path,
    /// Show the state at this moment: after an event, or at a time, such as 1234, "2026-11-30 12:00" (local time) or "1h ago".
    #[arg(long, value_name = "MOMENT")]
    at: Option<MomentArgument>,
    /// Show everything.
    #[arg(long, conflicts_with_all = ["depth", "limit"])]
    all: bool,
    /// How many levels to show.
    #[arg(long, value_name = "LEVELS", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    depth: u16,
    /// How many entries of each part to show.
    #[arg(long, value_name = "ENTRIES", default_value_t = 20)]
    limit: u64,
    /// How many entries of the part at the path to leave out.
    #[arg(long, value_name = "ENTRIES", default_value_t = 0)]
    offset: u64,
}

impl State {
    pub(super) fn run<M: Model>(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let (_, journal) = open::<M>(&self.target)?;
        let past = state(&journal, self.at.map(|at| at.0))?;
        if terminal.is_json() {
            let mut text = terminal.text();
            let written = write_json(&*past, &self.path, &mut text).map(|()| text.write_char('\n'));
            if let Some(failure) = text.failure {
                return Err(failure);
            }
            written.map_err(|error| Failure::Other(error.to_string()))?.ok();
            return Ok(Found::Nothing);
        }
        let bounds = match self.all {
            true => Bounds { offset: self.offset, ..Bounds::WHOLE },
            false => Bounds { depth: self.depth.into(), offset: self.offset, limit: self.limit, ..Bounds::default() },
        };
        let part = inspect(&*past, &self.path, bounds).map_err(|error| Failure::Other(error.to_string()))?;
        match past.seq().get() {
            0 => terminal.line(format_args!("{FAINT}before the first event{FAINT:#}"))?,
            seq => terminal.line(format_args!("{FAINT}after event {seq}, {}{FAINT:#}", past.time()))?,
        }
        terminal.line(format_args!("{part:#}"))?;
        Ok(Found::Nothing)
    }
}
