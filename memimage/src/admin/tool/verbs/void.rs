//! `memimage void`: decides that an event does nothing on replay.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use crate::admin::tool::confirmation::confirm;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::Terminal;
use crate::seq::Seq;

/// Makes an event void: the journal keeps it, and replay skips it from now on. This cannot be taken back.
///
/// Later events are replayed without this one. What that changes needs the model: a program shows it with
/// `memimage::admin::Void::dry_run`. The image must not be open.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  memimage void bank.image 1234 --reason \"its body panics since version 2\" --by ada"
)]
pub(crate) struct Void {
    #[command(flatten)]
    target: TargetArguments,
    /// The event.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    seq: u64,
    /// Why; recorded with the decision.
    #[arg(long)]
    reason: String,
    /// Who decides; recorded with the decision.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Document {
    seq: u64,
    name: String,
    version: u32,
    /// Whether the event was void before.
    already: bool,
    removed: Vec<String>,
}

impl Void {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let seq = Seq::new(self.seq);
        if !confirm(&format!("Make event {seq} void for ever"), self.yes)? {
            return Err(Failure::Other("nothing was changed".to_owned()));
        }
        let mut void = crate::admin::void::Void::with_keys(seq, self.reason, self.target.keys()?);
        if let Some(who) = self.by {
            void = void.by(who);
        }
        let report = void.run_on(Arc::clone(self.target.disk()), &self.target.path())?;
        match terminal.is_json() {
            true => {
                let removed = report.removed.iter().map(|path| path.display().to_string()).collect();
                let (name, version, already) = (report.name, report.version, report.already);
                json::document(terminal, &Document { seq: self.seq, name, version, already, removed })?;
            }
            false => terminal.line(&report)?,
        }
        Ok(Found::Nothing)
    }
}
