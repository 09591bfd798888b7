//! The cause of a replay that contradicts the journal, as far as further replays can show it.
//!
//! A digest shows that two states differ, but not where. So these functions replay the events once more, up to the contradiction,
//! and compare the states themselves.

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

/// The possible causes, if only one state is at hand.
pub(crate) fn unexplained(since: Seq) -> String {
    format!(
        "a body after event {since} is not deterministic (the order of a hash map, a clock, a random number, a global?) or was \
         changed, or an upcaster of the state does not give what replay gives"
    )
}

/// The result of two replays of the same events.
enum TwoReplays {
    Differ(ValueDifference),
    Agree,
    /// One of them failed, or its state is too large or too deep to compare.
    Unknown,
}

impl TwoReplays {
    /// Replays from both starts up to the event `until`, and compares the states.
    fn compare<M: Model>(
        journal: &OpenedJournal,
        dispatch: &Dispatch,
        starts: [&StartOrigin; 2],
        until: Seq,
    ) -> TwoReplays {
        let goal = RecoveryGoal { until: Some(until), ..RecoveryGoal::default() };
        let state = |start: &StartOrigin| {
            let replayed = || {
                let recovered = replay_from::<M>(start.input(journal)?, journal.scan(), dispatch, goal, &mut |_| {})?;
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

/// The event up to which the states are compared: the one after which they differ, or the one before an event that cannot be
/// replayed.
fn compared_up_to(error: &Error) -> Option<Seq> {
    let seq = error.position()?.seq?;
    Some(if error.is_divergence_of_states() { seq } else { Seq::new(seq.get().checked_sub(1)?) })
}

/// The error `found` of a journal that no replay agrees with; replay from the state `oldest` contradicted it too. Replays the events
/// twice, to find out whether the bodies are deterministic.
pub(super) fn explained<M: Model>(
    journal: &OpenedJournal,
    dispatch: &Dispatch,
    goal: RecoveryGoal,
    found: &Contradiction,
    oldest: &StartOrigin,
) -> Error {
    let Contradiction { origin, error } = found;
    // the caller has the other state, and explains the difference
    let Some(until) = compared_up_to(error).filter(|_| goal.expected.is_none()) else { return error.clone() };
    let states_differ = error.is_divergence_of_states();
    let cause = match TwoReplays::compare::<M>(journal, dispatch, [origin, origin], until) {
        TwoReplays::Differ(difference) => Some(format!(
            "two replays of the same events gave different states: {}; so a body is not deterministic: it depends on the order of a \
             hash map, a clock, a random number or a global",
            difference.between(["in the first", "in the second"])
        )),
        TwoReplays::Agree if states_differ => Some(
            "two replays gave the same state, so a body, an upcaster or the `Default` was changed since the digest was recorded, or \
             the state depends on the machine or on the build"
                .to_owned(),
        ),
        TwoReplays::Unknown if states_differ => Some(unexplained(error.first_suspect().unwrap_or(until))),
        // the outcome of the event says more
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
        StartOrigin::File { is_upcast: true, .. } => "its upcast state",
        _ => "its state",
    };
    let Some(until) = compared_up_to(error) else { return format!("{state} contradicts the journal: {error}") };
    let older = match good {
        StartOrigin::Genesis => "from the first event".to_owned(),
        StartOrigin::File { seq, .. } => format!("from the state after event {seq}"),
    };
    let agrees = format!("replay {older} agrees with the journal");
    let what = match error.is_divergence_of_states() {
        true => format!("replay from it gives another state after event {until} than the recorded one, and {agrees}"),
        false => format!("replay from it fails, and {agrees}: {error}"),
    };
    match TwoReplays::compare::<M>(journal, dispatch, [origin, good], until) {
        TwoReplays::Differ(difference) => {
            let names = ["from it".to_owned(), older];
            let difference = difference.between([&names[0], &names[1]]);
            format!("{state} contradicts the journal: {what}; after event {until}, {difference}")
        }
        TwoReplays::Agree | TwoReplays::Unknown => format!("{state} contradicts the journal: {what}"),
    }
}
