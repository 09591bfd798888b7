//! Finds the cause of a contradiction between a replay and the journal, as far as further replays can show it.
//!
//! A digest shows that two states differ, but not where. So these functions replay the events up to the contradiction once
//! more, and compare the states themselves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::opened_journal::OpenedJournal;
use super::start::StartOrigin;
use super::{Dispatch, RecoveryGoal, replay_from};
use crate::digest::{Transcript, ValueDifference};
use crate::error::Error;
use crate::event::Model;
use crate::seq::Seq;

/// A replay that contradicted the journal.
pub(super) struct Contradiction {
    pub(super) origin: StartOrigin,
    pub(super) error: Error,
}

/// The usual causes of a body that is not deterministic.
const DEPENDS: &str = "it depends on the order of a hash map, a clock, a random number or a global";

/// The text of a message that lists the possible causes of a difference between two states, if only one of the states is
/// available.
pub(crate) fn unexplained(since: Seq) -> String {
    format!(
        "possible causes: a command body that ran for event {since} or a later event is not deterministic ({DEPENDS}), or was \
         changed; or a state upcaster returns a state that differs from the replayed state"
    )
}

/// The result of two replays of the same events.
enum TwoReplays {
    Differ(ValueDifference),
    Agree,
    /// One of the replays failed, or its state is too large or too deep to compare.
    Unknown,
}

impl TwoReplays {
    /// Replays from each of the two start states up to the event `until`, and compares the resulting states.
    fn compare<M: Model>(
        journal: &OpenedJournal,
        dispatch: &Dispatch,
        starts: [&StartOrigin; 2],
        until: Seq,
    ) -> TwoReplays {
        let goal = RecoveryGoal { until: Some(until), ..RecoveryGoal::default() };
        let state = |start: &StartOrigin| {
            let replayed = || {
                let recovered =
                    replay_from::<M>(start.input(journal, goal)?, journal.scan(), dispatch, goal, &mut |_| {})?;
                Ok::<_, Error>(Transcript::of(&recovered.model).ok())
            };
            catch_unwind(AssertUnwindSafe(replayed)).ok()?.ok()?
        };
        let [one, other] = starts;
        match (state(one), state(other)) {
            (Some(one), Some(other)) => one.difference(&other).map_or(TwoReplays::Agree, TwoReplays::Differ),
            _ => TwoReplays::Unknown,
        }
    }
}

/// The event up to which the states are compared: the event after which the states differ, or the last event before an event
/// that cannot be replayed.
fn compared_up_to(error: &Error) -> Option<Seq> {
    let seq = error.position()?.seq?;
    Some(if error.is_divergence_of_states() { seq } else { Seq::new(seq.get().checked_sub(1)?) })
}

/// Explains the contradiction `found`, if every replay contradicts the journal, even the replay from the state `oldest`.
/// Replays the events twice, to find out whether the command bodies are deterministic.
pub(super) fn explained<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
    found: &Contradiction,
    oldest: &StartOrigin,
) -> Error {
    let Contradiction { origin, error } = found;
    // a caller that gave the expected digest also has the expected state, and explains the difference itself
    let Some(until) = compared_up_to(error).filter(|_| goal.expected.is_none()) else { return error.clone() };
    let states_differ = error.is_divergence_of_states();
    let cause = match TwoReplays::compare::<M>(journal, dispatch, [origin, origin], until) {
        TwoReplays::Differ(difference) => Some(format!(
            "two replays of the same events gave different states: {}; so a command body is not deterministic ({DEPENDS})",
            difference.between(["in the first", "in the second"])
        )),
        TwoReplays::Agree if states_differ => Some(
            "two replays of the same events gave the same state; so a command body, an upcaster or the `Default` was changed after \
             the digest was recorded, or the effect of a body depends on the machine or on the build"
                .to_owned(),
        ),
        TwoReplays::Unknown if states_differ => Some(unexplained(error.first_suspect().unwrap_or(until))),
        // add no cause: the error already names the one event that replay cannot execute
        TwoReplays::Agree | TwoReplays::Unknown => None,
    };
    let incomplete = "hold everything on which later commands depend, only a copy of the whole journal helps";
    let older = match oldest {
        StartOrigin::Genesis if oldest == origin => None,
        StartOrigin::Genesis => Some("replay from the first event contradicts the journal too".to_owned()),
        StartOrigin::File { seq, .. } if oldest == origin => Some(format!(
            "replay began with the state after event {seq}, because the events up to it were pruned; if this state does not {incomplete}"
        )),
        StartOrigin::File { seq, .. } => Some(format!(
            "replay from the oldest state, after event {seq}, contradicts the journal too, and the events up to it were pruned; if \
             these states do not {incomplete}"
        )),
    };
    let causes: Vec<String> = cause.into_iter().chain(older).collect();
    if causes.is_empty() { error.clone() } else { error.explained(causes.join("; ")) }
}

/// Describes a state from which replay contradicts the journal, while replay from `good` does not.
pub(super) fn contradiction<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    found: &Contradiction,
    good: &StartOrigin,
) -> String {
    let Contradiction { origin, error } = found;
    let state = match origin {
        StartOrigin::File { is_upcast: true, .. } => {
            "the state of the snapshot, after its upcasters, does not match the journal"
        }
        _ => "the state of the snapshot does not match the journal",
    };
    let Some(until) = compared_up_to(error) else { return format!("{state}: {}", error.in_short()) };
    let older = match good {
        StartOrigin::Genesis => "from the first event".to_owned(),
        StartOrigin::File { seq, .. } => format!("from the state after event {seq}"),
    };
    let what = match error.is_divergence_of_states() {
        true => format!(
            "replay from it gives another state after event {until} than the recorded state, and replay {older} gives the recorded \
             state"
        ),
        false => format!("replay from it fails, and replay {older} does not: {}", error.in_short()),
    };
    match TwoReplays::compare::<M>(journal, dispatch, [origin, good], until) {
        TwoReplays::Differ(difference) => {
            let names = ["on replay from the snapshot".to_owned(), format!("on replay {older}")];
            let difference = difference.between([&names[0], &names[1]]);
            format!("{state}: {what}; after event {until}, {difference}")
        }
        TwoReplays::Agree | TwoReplays::Unknown => format!("{state}: {what}"),
    }
}
