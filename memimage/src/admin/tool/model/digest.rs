//! `digest`: the hash of the state.

use clap::Args;
use serde::Serialize;

use super::target::{open, state};
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::moment::MomentArgument;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::Terminal;
use crate::event::Model;
use crate::recovery::state_digest;

/// Prints the digest of the state: equal states have equal digests, on every machine.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage digest bank.image             of the newest state
  memimage digest bank.image --at 1234   of the state after event 1234")]
pub(crate) struct Digest {
    #[command(flatten)]
    target: TargetArguments,
    /// The state at this moment: after an event, or at a time, such as 1234, "2026-11-30 12:00" (local time) or "1h ago".
    #[arg(long, value_name = "MOMENT")]
    at: Option<MomentArgument>,
}

#[derive(Serialize)]
struct Document {
    seq: u64,
    digest: String,
}

impl Digest {
    pub(super) fn run<M: Model>(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let (_, journal) = open::<M>(&self.target)?;
        let past = state(&journal, self.at.map(|at| at.0))?;
        let (seq, digest) = (past.seq().get(), state_digest::<M>(&past)?.to_string());
        match terminal.is_json() {
            true => json::document(terminal, &Document { seq, digest })?,
            false => terminal.line(format_args!("{digest} after event {seq}"))?,
        }
        Ok(Found::Nothing)
    }
}
