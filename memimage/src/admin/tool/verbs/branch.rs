//! `memimage branch`: a new image with the history up to some moment.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::admin::tool::event_text::print_lost;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::history_copy::HistoryCopy;
use crate::admin::tool::json;
use crate::admin::tool::moment::MomentArgument;
use crate::admin::tool::rules::PlannedRow;
use crate::admin::tool::target::{Target, TargetArguments};
use crate::admin::tool::terminal::{Terminal, progress_bar};
use crate::branch::{PRUNED, STAGING, last_event, pruned_meanwhile};
use crate::disk::absolute;
use crate::seq::Seq;
use crate::value::text::hex;

/// Makes a new image with the history of this one up to some moment.
///
/// Every event keeps its seq, time, outcome, metadata and random values, and void events stay void. The new image has a UUID of its own, no
/// snapshots, and the keys of this one. The image itself is only read, also while it is open. To leave out or to replace events, the
/// program can use `Journal::branch`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memimage branch bank.image before.image --at 1234               up to event 1234
  memimage branch bank.image before.image --at \"2026-11-30 12:00\"")]
pub(crate) struct Branch {
    #[command(flatten)]
    target: TargetArguments,
    /// The directory of the new image: it must not exist, or be empty.
    directory: PathBuf,
    /// The last moment that the branch takes over: the number (seq) of an event, a time such as
    /// 2026-11-30T12:00:00Z or "2026-11-30 12:00" (local time), or a time ago such as "1h30m ago". Without it, the branch takes over all
    /// events.
    #[arg(long, value_name = "MOMENT")]
    at: Option<MomentArgument>,
    /// Take over recorded gaps: the branch lacks the events that a repair gave up, and says so.
    #[arg(long)]
    carry_gaps: bool,
}

#[derive(Serialize)]
struct Document {
    path: String,
    uuid: String,
    parent: String,
    /// The last event of the branch.
    seq: u64,
    events: u64,
    void: u64,
    /// The first and the last event of each recorded gap.
    lost: Vec<(u64, u64)>,
}

impl Branch {
    pub(crate) fn run(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let (target, directory) = (self.target.open()?, absolute(&self.directory));
        HistoryCopy::check_target(&*target.disk, &target.layout, &directory, &STAGING)?;
        let made = self.make(&target, &directory).map_err(|failure| match failure {
            Failure::Refused(error) => Failure::Refused(pruned_meanwhile(target.source(), error)),
            failure => failure,
        })?;
        match terminal.is_json() {
            true => json::document(terminal, &made)?,
            false => {
                let Document { path, seq, lost, .. } = &made;
                terminal.line(format_args!("branched the events up to {seq} into {path}"))?;
                print_lost(terminal, lost)?;
            }
        }
        Ok(Found::Nothing)
    }

    fn make(&self, target: &Target, directory: &Path) -> Result<Document, Failure> {
        let until = self.at.map(|at| at.0);
        let last = last_event(target.source(), until)?;
        let journal = target.journal(last)?;
        HistoryCopy::refuse_pruned(&journal, PRUNED)?;
        let end = until.map_or(Ok(last), |moment| moment.resolve(&journal, last))?;
        let rows: Vec<PlannedRow> = journal.scan().table()?.rows.iter().map(PlannedRow::unchanged).collect();
        let copy = HistoryCopy {
            journal: &journal,
            keyring: &target.keyring,
            end,
            rows: &rows,
            keeps_digests: true,
            carries_gaps: self.carry_gaps,
            target: directory,
            staging: &STAGING,
        };
        let progress = progress_bar(end.get());
        let copied = copy.run(&mut |seq: Seq| progress.set_position(seq.get()))?;
        progress.finish_and_clear();
        Ok(Document {
            path: directory.display().to_string(),
            uuid: hex(&copied.uuid),
            parent: hex(&journal.segments().identity().uuid),
            seq: end.get(),
            events: copied.events(),
            void: copied.void,
            lost: json::ranges(&copied.gaps),
        })
    }
}
