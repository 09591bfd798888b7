//! The test that replay is deterministic: in a second replay, in another process, and with a snapshot after every event.

mod process;

use std::panic::Location;
use std::thread;

use super::given::Given;
use super::model_under_test::{NONDETERMINISM_HELP, StartState, differences, encoded, replay, restored, state_digest};
use super::recorded_event::RecordedEvent;
use crate::digest::Digest;
use crate::event::{Model, decode_state};
use crate::panics::panic_message;
use process::ProcessRole;

/// Checks that each replay of a history leads to the same states. Pass a history in which every event of the model occurs
/// several times.
///
/// The events are replayed:
///
/// - twice in this process, on two threads, whose hash maps have different orders;
/// - in another process, which has other hash seeds, other addresses and its own globals: the function starts the test program
///   again, with only this test, up to this call;
/// - with a snapshot created and loaded after each event.
///
/// After each event, the function compares the digests of the states, and compares the derived fields with rebuilt ones. The
/// history may come from [a real image](super::given_image), or from executed commands, with [`When::and`](super::When::and).
///
/// ```
/// # use memimage::{Context, Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Deck { cards: Vec<u32> }
/// # #[memimage::commands]
/// # impl Deck {
/// #     #[command]
/// #     fn add(&mut self, card: u32) { self.cards.push(card); }
/// #     #[command]
/// #     fn shuffle(&mut self, ctx: &Context) { ctx.random().shuffle(&mut self.cards); }
/// # }
/// use memimage::testing::{determinism, given};
///
/// let past = given::<Deck>()
///     .event(DeckAdd { card: 1 })
///     .event(DeckAdd { card: 2 })
///     .event(DeckAdd { card: 3 })
///     .event(DeckShuffle {});
/// determinism(past);
/// ```
///
/// The run time is proportional to the number of events times the size of the state.
///
/// The function cannot compare two build profiles. Run the test in a profile with overflow checks, as `cargo test` has them: see
/// [the guide](crate::guide::determinism#integer-overflow).
///
/// # Panics
///
/// Panics if two replays lead to different states. The message states the first event after which the states differ. Also
/// panics if the second process does not reach this call, so call the function on the test's own thread, and with the same
/// events in each run.
#[track_caller]
pub fn determinism<M: Model>(past: Given<M>) {
    let location = Location::caller();
    let (start, events) = (past.subject.start(), &past.subject.log);
    let role = match ProcessRole::of(location) {
        Some(role) => role,
        // this process was started for another call
        None => return,
    };
    if let ProcessRole::Child(child) = role {
        child.report(&digests::<M>(start, events, AfterEvent::Nothing), start, events, |seq| {
            state_after::<M>(start, events, seq)
        });
    } else if let ProcessRole::Parent(parent) = role {
        let check = || -> Result<(), String> {
            past.subject.check_derived_throughout()?;
            let first = digests::<M>(start, events, AfterEvent::Nothing).complete("a replay")?;
            let again = thread::scope(|scope| scope.spawn(|| digests::<M>(start, events, AfterEvent::Nothing)).join());
            let again = again.map_err(|panic| format!("a second replay panicked: {}", panic_message(panic)))?;
            let other = |seq| state_after::<M>(start, events, seq);
            compare::<M>(start, events, &first, &again, "a second replay", other)?;
            let from_snapshots = digests::<M>(start, events, AfterEvent::Restore);
            let other = |seq| restored_after::<M>(start, events, seq);
            compare::<M>(
                start,
                events,
                &first,
                &from_snapshots,
                "a replay with a snapshot loaded after each event",
                other,
            )?;
            let there = parent.digests(start, events)?;
            compare::<M>(start, events, &first, &there, "a replay in another process", |seq| parent.state(seq))
        };
        if let Err(what) = check() {
            past.fail(&what);
        }
    }
}

/// What a replay does after each event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterEvent {
    Nothing,
    /// Creates and loads a snapshot.
    Restore,
}

/// The digests of the states of a replay: before the first event, and after each event; and the error that ended the replay
/// early.
pub(super) struct ReplayDigests {
    digests: Vec<Digest>,
    failure: Option<String>,
}

impl ReplayDigests {
    fn complete(self, name: &str) -> Result<Vec<Digest>, String> {
        match self.failure {
            None => Ok(self.digests),
            Some(what) => Err(format!("{name} failed: {what}")),
        }
    }
}

fn digests<M: Model>(start: &StartState, events: &[RecordedEvent], after_event: AfterEvent) -> ReplayDigests {
    let mut digests = Vec::with_capacity(events.len() + 1);
    let replayed = replay_all::<M>(start, events, after_event, |model| {
        digests.push(state_digest(model)?);
        Ok(())
    });
    ReplayDigests { digests, failure: replayed.err() }
}

/// Replays the events. Calls `visit` with the state before the first event, and after each event.
fn replay_all<M: Model>(
    start: &StartState,
    events: &[RecordedEvent],
    after_event: AfterEvent,
    mut visit: impl FnMut(&M) -> Result<(), String>,
) -> Result<M, String> {
    let mut model: M = start.model()?;
    for event in [None].into_iter().chain(events.iter().map(Some)) {
        if let Some(event) = event {
            replay(&mut model, start, event)
                .map_err(|what| format!("event {}, {}: {what}", event.origin.seq, event.text()))?;
        }
        if after_event == AfterEvent::Restore {
            model = restored(&model)?;
        }
        visit(&model)?;
    }
    Ok(model)
}

/// The encoded state after this number of events.
fn state_after<M: Model>(start: &StartState, events: &[RecordedEvent], count: usize) -> Result<Vec<u8>, String> {
    encoded(&replay_all::<M>(start, &events[..count], AfterEvent::Nothing, |_| Ok(()))?)
}

fn restored_after<M: Model>(start: &StartState, events: &[RecordedEvent], count: usize) -> Result<Vec<u8>, String> {
    encoded(&replay_all::<M>(start, &events[..count], AfterEvent::Restore, |_| Ok(()))?)
}

/// Compares another replay with the first one. `other` takes a number of events, and returns the encoded state of the other
/// replay after that many events.
fn compare<M: Model>(
    start: &StartState,
    events: &[RecordedEvent],
    first: &[Digest],
    replayed: &ReplayDigests,
    name: &str,
    other: impl FnOnce(usize) -> Result<Vec<u8>, String>,
) -> Result<(), String> {
    let difference = first.iter().zip(&replayed.digests).position(|(first, other)| first != other);
    let Some(count) = difference else {
        return match &replayed.failure {
            None if replayed.digests.len() == first.len() => Ok(()),
            None => Err(format!("{name} reported {} of {} states", replayed.digests.len(), first.len())),
            Some(what) => {
                Err(format!("{name} failed after event {}: {what}", replayed.digests.len().saturating_sub(1)))
            }
        };
    };
    let place = match count.checked_sub(1) {
        None => "before the first event: the model's `Default`, `Serialize` or `Deserialize` is not deterministic"
            .to_owned(),
        Some(event) => format!("after event {}, {}", start.seq_after(event), events[event].text()),
    };
    // each replay may differ in another way; the message shows one difference
    let states = replay_all::<M>(start, &events[..count], AfterEvent::Nothing, |_| Ok(()))
        .and_then(|here| Ok((here, decode_state::<M>(&other(count)?).map_err(|fault| fault.to_string())?)));
    let differences = match states {
        Ok((here, there)) => differences(&here, &there, ["in the first replay", "in this replay"]),
        Err(what) => format!("\n  {what}"),
    };
    Err(format!("{name} led to another state {place}\n{differences}\n\n{NONDETERMINISM_HELP}"))
}
