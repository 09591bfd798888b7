//! `memimage void`: decides that an event does nothing on replay.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use crate::admin::check::check_on;
use crate::admin::tool::confirmation::confirm;
use crate::admin::tool::dry_run::{VoidDryRunDocument, not_tried};
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::Terminal;
use crate::seq::Seq;

/// Makes an event void: the journal keeps it, and replay skips it from now on. This cannot be taken back.
///
/// Later events are replayed without this one, so commands that were accepted may be rejected, or may fail. With --dry-run, a program that
/// carries this verb for its model replays them, and lists the outcomes that would change; the exit code is 1 if there are any. Without the
/// model, a dry run only tells which event it is. The image must not be open.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage void bank.image 1234 --dry-run
  memimage void bank.image 1234 --reason \"its body panics since version 2\" --by ada")]
pub(crate) struct Void {
    #[command(flatten)]
    target: TargetArguments,
    /// The number (seq) of the event.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    seq: u64,
    /// Why; recorded with the decision.
    #[arg(long, required_unless_present = "dry_run")]
    reason: Option<String>,
    /// Who decides; recorded with the decision.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, conflicts_with = "dry_run")]
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
    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// The image and the operation.
    pub(crate) fn operation(self) -> Result<(TargetArguments, crate::admin::void::Void), Failure> {
        let keys = self.target.keys()?;
        let void = crate::admin::void::Void::with_keys(Seq::new(self.seq), self.reason.unwrap_or_default(), keys);
        Ok((self.target, self.by.into_iter().fold(void, crate::admin::void::Void::by)))
    }

    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let (seq, yes) = (Seq::new(self.seq), self.yes);
        if self.dry_run {
            return self.dry_run(terminal);
        }
        if !confirm(&format!("Make event {seq} void for ever"), yes)? {
            return Err(Failure::Other("nothing was changed".to_owned()));
        }
        let (target, void) = self.operation()?;
        let report = void.run_on(Arc::clone(target.disk()), &target.path())?;
        match terminal.is_json() {
            true => {
                let removed = report.removed.iter().map(|path| path.display().to_string()).collect();
                let (name, version, already) = (report.name, report.version, report.already);
                json::document(terminal, &Document { seq: seq.get(), name, version, already, removed })?;
            }
            false => terminal.line(&report)?,
        }
        Ok(Found::Nothing)
    }

    /// Tells which event would become void. Only a program with the model can replay the later ones.
    fn dry_run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let arguments = format!("{} --dry-run", self.seq);
        let (target, void) = self.operation()?;
        let found = void.find_on(target.disk(), &target.path())?;
        if terminal.is_json() {
            json::document(terminal, &VoidDryRunDocument::not_replayed(&found))?;
            return Ok(Found::Nothing);
        }
        terminal.line(found.summary())?;
        let model = check_on(target.disk(), &target.path(), &target.keys()?.keyring())?.model;
        not_tried(terminal, model.as_deref(), "void", &arguments)?;
        Ok(Found::Nothing)
    }
}
