//! `replay`: does this program replay the journal?

use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::target::open;
use crate::admin::tool::dry_run::{ChangedOutcome, FailureDocument};
use crate::admin::tool::event_text::print_lost;
use crate::admin::tool::failure::{Failure, Found};
use crate::admin::tool::json;
use crate::admin::tool::target::TargetArguments;
use crate::admin::tool::terminal::{ERROR, Terminal, WARNING, progress_bar};
use crate::admin::wording::counted;
use crate::error::{Error, ErrorKind};
use crate::event::Model;
use crate::history::oldest_state;
use crate::outcome::Outcome;
use crate::recovery::{RecoveryGoal, ReplayProgress, dispatch_of, recover, recover_with_progress, state_digest};
use crate::seq::Seq;

/// Replays the whole journal with this program, and compares each outcome and each recorded digest of the state. Writes nothing.
///
/// Run it before a new version of the program opens the image. The exit code is 1 if the program does not replay the journal; then the
/// first event that it cannot replay is named, with what was expected and what was found. Snapshots are not used; in a pruned image, the
/// replay begins with its base. If the replay lacks events that a repair gave up, the events behind them are also replayed as an opening
/// does: from the newest snapshot.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  memimage replay bank.image --dry-run")]
pub(crate) struct Replay {
    #[command(flatten)]
    target: TargetArguments,
    /// Write nothing. Required: an opening of the image by the program is what replays it for good.
    #[arg(long, required = true)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Document {
    /// Whether this program replays the journal.
    replays: bool,
    /// The last event.
    seq: u64,
    /// The number of replayed events, if all of them are.
    events: Option<u64>,
    digest: Option<String>,
    /// The events that the replay lacks, because a repair gave them up.
    lost: Vec<(u64, u64)>,
    /// The events that are rejected now and were not, or were and are not, because an earlier event became void or is lost.
    changed_outcomes: Vec<ChangedOutcome>,
    /// The states whose recorded digests could not be compared, by their last events: an earlier event became void or is lost.
    uncompared_digests: Vec<u64>,
    seconds: f64,
    failure: Option<FailureDocument>,
}

impl Replay {
    #[expect(clippy::disallowed_methods, reason = "the duration of a replay is not part of the state")]
    pub(super) fn run<M: Model>(self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let began = Instant::now();
        let (target, _) = open::<M>(&self.target)?;
        let durable = target.durable()?;
        let bar = progress_bar(durable.get());
        let replayed = target.attempt(|| {
            // the owner may have pruned all events up to the one that was durable before
            let durable = target.durable()?;
            let journal = target.journal(durable)?;
            let oldest = oldest_state(&journal)?.unwrap_or(Seq::ZERO);
            let as_opening = RecoveryGoal {
                until: Some(durable),
                verify_digests: true,
                trust_upcasters: true,
                ..RecoveryGoal::default()
            };
            let goal = RecoveryGoal { newest_snapshot: Some(oldest), doubts_crossed: true, ..as_opening };
            let dispatch = dispatch_of::<M>(&journal)?;
            bar.set_length(durable.get());
            let mut watch = |progress: ReplayProgress| bar.set_position(oldest.get() + progress.events);
            let mut recovered = recover_with_progress::<M>(&journal, &dispatch, goal, &mut watch)?;
            if !recovered.crossed.is_empty() {
                // the owner may have gone on from a snapshot that has the effect of the lost events, and its digests are those of its states
                let opened = recover::<M>(&journal, &dispatch, as_opening)?;
                let start = opened.snapshot.unwrap_or_default();
                recovered.uncompared.retain(|seq| *seq <= start || opened.uncompared.contains(seq));
            }
            Ok((state_digest(&recovered.model)?, durable, recovered))
        });
        bar.finish_and_clear();
        let mut document = Document {
            replays: true,
            seq: durable.get(),
            events: None,
            digest: None,
            lost: Vec::new(),
            changed_outcomes: Vec::new(),
            uncompared_digests: Vec::new(),
            seconds: began.elapsed().as_secs_f64(),
            failure: None,
        };
        match replayed {
            Ok((digest, last, recovered)) => {
                document.seq = last.get();
                document.events = Some(recovered.replayed);
                document.digest = Some(digest.to_string());
                document.uncompared_digests = recovered.uncompared.iter().map(|seq| seq.get()).collect();
                document.lost = recovered.crossed.iter().map(|gap| (gap.first.get(), gap.last().get())).collect();
                let changed = recovered.changed_outcomes.iter();
                document.changed_outcomes = changed
                    .map(|(seq, now)| ChangedOutcome { seq: seq.get(), rejected: *now == Outcome::Rejected })
                    .collect();
            }
            Err(error) if is_of_program(&error) => {
                document.replays = false;
                document.failure = Some(FailureDocument::of(terminal, &error));
            }
            Err(error) => return Err(error.into()),
        }
        document.print(terminal)
    }
}

/// Whether the error is the program's, and not one of the files.
fn is_of_program(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Diverged | ErrorKind::Incompatible | ErrorKind::InvalidModel | ErrorKind::StateTooDeep
    )
}

impl Document {
    fn print(&self, terminal: &mut Terminal) -> Result<Found, Failure> {
        let found = if self.replays { Found::Nothing } else { Found::Something };
        if terminal.is_json() {
            json::document(terminal, self)?;
            return Ok(found);
        }
        if let Some(failure) = &self.failure {
            terminal
                .line(format_args!("{ERROR}this program does not replay the journal:{ERROR:#} {}", failure.message))?;
            return Ok(found);
        }
        let (events, seconds) = (self.events.unwrap_or_default(), self.seconds);
        terminal
            .line(format_args!("this program replays the journal: {} in {seconds:.1} s", counted(events, "event")))?;
        terminal.field("digest", self.digest.as_deref().unwrap_or_default())?;
        print_lost(terminal, &self.lost)?;
        if !self.uncompared_digests.is_empty() {
            let states: Vec<String> = self.uncompared_digests.iter().map(u64::to_string).collect();
            terminal.line(format_args!(
                "{WARNING}not compared{WARNING:#} with the recorded digest: the state after event {}, because an earlier event became void \
                 or is lost",
                states.join(", ")
            ))?;
        }
        for ChangedOutcome { seq, rejected } in &self.changed_outcomes {
            let now = if *rejected { "rejected" } else { "applied" };
            terminal.line(format_args!("event {seq} is {now} now, because an earlier event became void or is lost"))?;
        }
        Ok(found)
    }
}
