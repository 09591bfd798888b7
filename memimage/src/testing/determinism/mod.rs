//! Whether a model's past comes out the same each time: again, elsewhere, and from a snapshot at every event.

mod process;

use std::panic::Location;
use std::thread;

use super::entry::Entry;
use super::given::Given;
use super::stage::{NOT_DETERMINISTIC, Start, differences, encoded, replay, restored, state_digest};
use crate::digest::Digest;
use crate::event::{Model, decode, panic_message};
use process::Elsewhere;

/// Makes sure that a past comes out the same each time it is replayed: what holds for a model as a whole only if it holds
/// for each of its events, so give it a past in which all of them occur, several times.
///
/// The events are replayed
///
/// - twice in this process, on two threads, whose hash maps differ in their order;
/// - in another process, which has other hash seeds, other addresses and its own globals: the test's program is started a
///   second time to run this test alone up to here;
/// - with a snapshot made and loaded after each event;
///
/// and after each event the digests of the states are compared. The past may be [that of a real
/// image](super::given_image), or go on after commands, by [`When::and`](super::When::and).
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
/// It takes time in proportion to the events times the size of the state.
///
/// # Panics
///
/// If a replay came to another state: the message names the first event at which it did. If the second process did not get
/// here: this must be called on the test's own thread, and with the same events each time the test is run.
#[track_caller]
pub fn determinism<M: Model>(past: Given<M>) {
    let location = Location::caller();
    let (start, events) = (past.stage.start(), &past.stage.log);
    let elsewhere = match Elsewhere::here(location) {
        Some(elsewhere) => elsewhere,
        // in the other process of another call
        None => return,
    };
    if let Elsewhere::Child(child) = elsewhere {
        child.report(&digests::<M>(start, events, Then::Nothing), start, events, |seq| {
            state_after::<M>(start, events, seq)
        });
    } else if let Elsewhere::Parent(parent) = elsewhere {
        let check = || -> Result<(), String> {
            let first = digests::<M>(start, events, Then::Nothing).whole("a replay")?;
            let again = thread::scope(|scope| scope.spawn(|| digests::<M>(start, events, Then::Nothing)).join());
            let again = again.map_err(|panic| format!("a second replay panicked: {}", panic_message(&*panic)))?;
            let other = |seq| state_after::<M>(start, events, seq);
            compare::<M>(start, events, &first, &again, "a second replay", other)?;
            let from_snapshots = digests::<M>(start, events, Then::Restore);
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

/// What is done after each event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    /// A snapshot is made and loaded.
    Restore,
}

/// What a replay came to: the digest of the state after each event, from 0, and why it ended before the last.
pub(super) struct Replayed {
    digests: Vec<Digest>,
    failure: Option<String>,
}

impl Replayed {
    fn whole(self, whose: &str) -> Result<Vec<Digest>, String> {
        match self.failure {
            None => Ok(self.digests),
            Some(what) => Err(format!("{whose} cannot go on: {what}")),
        }
    }
}

fn digests<M: Model>(start: &Start, events: &[Entry], then: Then) -> Replayed {
    let mut digests = Vec::with_capacity(events.len() + 1);
    let replayed = walk::<M>(start, events, then, |model| {
        digests.push(state_digest(model)?);
        Ok(())
    });
    Replayed { digests, failure: replayed.err() }
}

/// Replays, and shows the state after each event, from 0.
fn walk<M: Model>(
    start: &Start,
    events: &[Entry],
    then: Then,
    mut show: impl FnMut(&M) -> Result<(), String>,
) -> Result<M, String> {
    let mut model: M = start.model()?;
    for entry in [None].into_iter().chain(events.iter().map(Some)) {
        if let Some(entry) = entry {
            replay(&mut model, start, entry)
                .map_err(|what| format!("event {}, {}: {what}", entry.origin.seq, entry.text()))?;
        }
        if then == Then::Restore {
            model = restored(&model)?;
        }
        show(&model)?;
    }
    Ok(model)
}

/// The encoded state after so many events.
fn state_after<M: Model>(start: &Start, events: &[Entry], seq: usize) -> Result<Vec<u8>, String> {
    encoded(&walk::<M>(start, &events[..seq], Then::Nothing, |_| Ok(()))?)
}

fn restored_after<M: Model>(start: &Start, events: &[Entry], seq: usize) -> Result<Vec<u8>, String> {
    encoded(&walk::<M>(start, &events[..seq], Then::Restore, |_| Ok(()))?)
}

/// Compares another replay with the first one; `other` gives its encoded state after some event.
fn compare<M: Model>(
    start: &Start,
    events: &[Entry],
    first: &[Digest],
    replayed: &Replayed,
    whose: &str,
    other: impl FnOnce(usize) -> Result<Vec<u8>, String>,
) -> Result<(), String> {
    let parted = first.iter().zip(&replayed.digests).position(|(first, other)| first != other);
    let Some(seq) = parted else {
        return match &replayed.failure {
            None if replayed.digests.len() == first.len() => Ok(()),
            None => Err(format!("{whose} told {} of {} states", replayed.digests.len(), first.len())),
            Some(what) => {
                Err(format!("{whose} cannot go on after event {}: {what}", replayed.digests.len().saturating_sub(1)))
            }
        };
    };
    let place = match seq.checked_sub(1) {
        None => {
            "before the first event: the model's `Default` or its Serialize and Deserialize, are not the same each time"
                .to_owned()
        }
        Some(event) => format!("after event {}, {}", start.seq_after(event), events[event].text()),
    };
    // each replay may differ anew, so this is one way in which the two part
    let states = walk::<M>(start, &events[..seq], Then::Nothing, |_| Ok(()))
        .and_then(|here| Ok((here, decode::<M>(&other(seq)?).map_err(|fault| fault.to_string())?)));
    let differences = match states {
        Ok((here, there)) => differences(&here, &there, ["at first", "then"]),
        Err(what) => format!("\n  {what}"),
    };
    Err(format!("{whose} came to another state {place}\n{differences}\n\n{NOT_DETERMINISTIC}"))
}
