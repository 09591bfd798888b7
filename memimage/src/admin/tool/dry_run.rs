//! What a decision or a repair would change, as text and as JSON.

use serde::Serialize;

use super::failure::{Failure, Found};
use super::repairs::RepairDocument;
use super::terminal::Terminal;
use crate::admin::outcome_change::OutcomeChange;
use crate::admin::repair::RepairDryRun;
use crate::admin::repair_action::RepairOption;
use crate::admin::void::VoidDryRun;
use crate::error::Error;
use crate::seq::Seq;

/// What a replay with the model found.
#[derive(Serialize)]
pub(crate) struct ReplayDocument {
    /// Whether a program with the model replayed the events.
    replayed: bool,
    /// The events that would have another outcome; `null` if they were not replayed, or cannot be.
    changed_outcomes: Option<Vec<ChangedOutcome>>,
    failure: Option<FailureDocument>,
}

/// An event with another outcome than recorded.
#[derive(Serialize)]
pub(crate) struct ChangedOutcome {
    pub(crate) seq: u64,
    pub(crate) rejected: bool,
}

/// The first event that cannot be replayed.
#[derive(Serialize)]
pub(crate) struct FailureDocument {
    pub(crate) seq: Option<u64>,
    pub(crate) message: String,
}

impl FailureDocument {
    pub(crate) fn of(terminal: &Terminal, error: &Error) -> FailureDocument {
        let seq = error.position().and_then(|position| position.seq).map(Seq::get);
        FailureDocument { seq, message: terminal.translated(error) }
    }
}

impl ReplayDocument {
    fn not_replayed() -> ReplayDocument {
        ReplayDocument { replayed: false, changed_outcomes: None, failure: None }
    }

    fn of(terminal: &Terminal, outcomes: &[OutcomeChange], failure: Option<&Error>) -> ReplayDocument {
        let changed = || {
            outcomes
                .iter()
                .map(|change| ChangedOutcome { seq: change.seq.get(), rejected: change.is_rejected })
                .collect()
        };
        ReplayDocument {
            replayed: true,
            changed_outcomes: failure.is_none().then(changed),
            failure: failure.map(|error| FailureDocument::of(terminal, error)),
        }
    }
}

/// What a repair would lose and change.
#[derive(Serialize)]
pub(crate) struct RepairDryRunDocument {
    #[serde(flatten)]
    repair: RepairDocument,
    #[serde(flatten)]
    replay: ReplayDocument,
}

impl RepairDryRunDocument {
    pub(crate) fn not_replayed(option: &RepairOption) -> RepairDryRunDocument {
        RepairDryRunDocument { repair: RepairDocument::of(option), replay: ReplayDocument::not_replayed() }
    }

    pub(crate) fn of(terminal: &Terminal, option: &RepairOption, tried: &RepairDryRun) -> RepairDryRunDocument {
        let replay = ReplayDocument::of(terminal, &tried.outcomes, tried.failure.as_ref());
        RepairDryRunDocument { repair: RepairDocument::of(option), replay }
    }
}

/// What a void event would change.
#[derive(Serialize)]
pub(crate) struct VoidDryRunDocument {
    seq: u64,
    name: String,
    version: u32,
    /// Whether the event is void already.
    already: bool,
    #[serde(flatten)]
    replay: ReplayDocument,
}

impl VoidDryRunDocument {
    pub(crate) fn not_replayed(found: &VoidDryRun) -> VoidDryRunDocument {
        VoidDryRunDocument::with(found, ReplayDocument::not_replayed())
    }

    pub(crate) fn of(terminal: &Terminal, tried: &VoidDryRun) -> VoidDryRunDocument {
        VoidDryRunDocument::with(tried, ReplayDocument::of(terminal, &tried.outcomes, tried.failure.as_ref()))
    }

    fn with(VoidDryRun { seq, name, version, already, .. }: &VoidDryRun, replay: ReplayDocument) -> VoidDryRunDocument {
        VoidDryRunDocument { seq: seq.get(), name: name.clone(), version: *version, already: *already, replay }
    }
}

/// Tells that a dry run has not replayed the events, and which program can.
pub(crate) fn not_tried(
    terminal: &mut Terminal,
    model: Option<&str>,
    verb: &str,
    arguments: &str,
) -> Result<(), Failure> {
    terminal.line("  not tried: whether the later events can be replayed, and which of their outcomes would change")?;
    let model = model.map_or_else(|| "its model".to_owned(), |model| format!("the model `{model}`"));
    let trial = terminal.invocation().model_verb(verb, arguments);
    terminal.line(format_args!(
        "  this command does not have {model}; a program that has it, and carries these verbs, tries it: `{trial}`"
    ))
}

/// Whether a replay found what its caller looks for.
pub(crate) fn found(outcomes: &[OutcomeChange], failure: Option<&Error>) -> Found {
    if outcomes.is_empty() && failure.is_none() { Found::Nothing } else { Found::Something }
}
