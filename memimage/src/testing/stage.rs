//! A model on which events are replayed and commands run, beside a replica that only ever replays.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::difference;
use super::entry::{Entry, Stamp};
use crate::context::{Context, Metadata, Origin, Seed, Timestamp};
use crate::digest::{Digest, digest};
use crate::event::{Apply, Command, Model, Recorded, StoredPayload, ValueUpcast, decode, panic_message};
use crate::outcome::Outcome;
use crate::recovery::DROPPED;
use crate::seq::Seq;
use crate::shape::ShapeTree;

/// The seed of every test: what commands draw is the same each time.
const SEED: Seed = [7; 32];

/// A model of which the whole past is at hand.
///
/// It does in memory what an image does: the same check, the same body, the same context, the same way from bytes to the
/// model on replay. What it leaves out is the disk, so a test takes no threads and no files.
pub(super) struct Stage<M> {
    start: Start,
    pub(super) model: M,
    /// What replay alone makes of the events; each command is compared with it.
    replica: M,
    pub(super) log: Vec<Entry>,
}

/// Where a past begins.
#[derive(Clone)]
pub(super) struct Start {
    pub(super) seed: Seed,
    /// The state, if it is not the model's `Default`.
    pub(super) state: Option<Vec<u8>>,
    /// The last event in the state.
    pub(super) last: Seq,
    /// Its time.
    pub(super) time: Timestamp,
}

impl Start {
    /// Before the first event of a test.
    pub(super) fn new(state: Option<Vec<u8>>) -> Start {
        Start { seed: SEED, state, last: Seq::ZERO, time: Timestamp::default() }
    }

    /// The number of the event after so many.
    pub(super) fn seq_after(&self, events: usize) -> Seq {
        Seq::new(self.last.get() + events as u64 + 1)
    }

    /// The state that it is.
    pub(super) fn model<M: Model>(&self) -> Result<M, String> {
        match &self.state {
            Some(state) => decode(state).map_err(|fault| format!("the given state cannot be read back: {fault}")),
            None => Ok(M::default()),
        }
    }
}

/// What came of a command.
pub(super) enum Ran<C: Command<M>, M> {
    Answered(C::Output),
    /// By its check, so nothing was recorded.
    Refused(C::Refusal),
    /// By its body, so it was recorded.
    Rejected(C::Refusal),
    Panicked {
        place: &'static str,
        message: String,
    },
}

impl<M: Model> Stage<M> {
    pub(super) fn new(start: Start) -> Result<Stage<M>, String> {
        Ok(Stage { model: start.model()?, replica: start.model()?, log: Vec::new(), start })
    }

    pub(super) fn start(&self) -> &Start {
        &self.start
    }

    /// The number of the next event.
    pub(super) fn next_seq(&self) -> Seq {
        self.start.seq_after(self.log.len())
    }

    /// The time of the last event.
    pub(super) fn time(&self) -> Timestamp {
        self.log.last().map_or(self.start.time, |entry| entry.time)
    }

    /// Replays an event.
    pub(super) fn replay(&mut self, entry: Entry) -> Result<(), String> {
        for model in [&mut self.model, &mut self.replica] {
            replay(model, &self.start, &entry)?;
        }
        self.log.push(entry);
        Ok(())
    }

    /// Runs a command as an image does: check → encode → apply.
    pub(super) fn run<C: Command<M>>(
        &mut self,
        command: C,
        clock: Timestamp,
        metadata: &Metadata,
    ) -> Result<Ran<C, M>, String> {
        let (seq, time) = (self.next_seq(), clock.max(self.time()));
        let mut context = Context::new(self.start.seed, Origin::own(seq), time, metadata.clone());
        match catch_unwind(AssertUnwindSafe(|| command.check(&self.model, &context))) {
            Ok(Ok(())) => {}
            Ok(Err(refusal)) => return Ok(Ran::Refused(refusal)),
            Err(panic) => return Ok(Ran::Panicked { place: "check", message: panic_message(&*panic) }),
        }
        context.rewind();
        let stamp = Stamp { seq, time, metadata, outcome: Outcome::Applied };
        let mut entry = Entry::of(C::NAME, C::VERSION, &command, &stamp)?;
        let answer = match catch_unwind(AssertUnwindSafe(|| command.apply(&mut self.model, &context))) {
            Ok(answer) => answer,
            Err(panic) => {
                self.model = restored(&self.replica)?;
                return Ok(Ran::Panicked { place: "body", message: panic_message(&*panic) });
            }
        };
        if answer.is_err() {
            entry.outcome = Outcome::Rejected;
        }
        replay(&mut self.replica, &self.start, &entry)
            .map_err(|what| format!("what was recorded of it cannot be replayed: {what}"))?;
        self.log.push(entry);
        self.agree()?;
        Ok(match answer {
            Ok(output) => Ran::Answered(output),
            Err(refusal) => Ran::Rejected(refusal),
        })
    }

    /// Makes sure that replay gives the state that is.
    pub(super) fn agree(&self) -> Result<(), String> {
        if state_digest(&self.model)? == state_digest(&self.replica)? {
            return Ok(());
        }
        let differences = differences(&self.model, &self.replica, ["as it ran", "on replay"]);
        Err(format!("replaying what was recorded gives another state:{differences}\n{NOT_DETERMINISTIC}"))
    }

    /// The digest of the state.
    pub(super) fn digest(&self) -> Result<Digest, String> {
        state_digest(&self.model)
    }
}

/// What to look for.
pub(super) const NOT_DETERMINISTIC: &str = "a body, an upcaster, or the model's Serialize and Deserialize, is not \
     deterministic: does it go by a hash map's order, a clock, a random number, an address or a global? Take BTreeMap, and \
     time and random values from `Context`";

/// Replays an event on a model. After an error the model is to be thrown away.
pub(super) fn replay<M: Model>(model: &mut M, start: &Start, entry: &Entry) -> Result<(), String> {
    // it keeps its place in a journal that was rewritten, and nothing else
    if entry.name == DROPPED {
        return Ok(());
    }
    let row = entry.row(M::EVENTS)?;
    let Entry { shape, payload, outcome, origin, time, metadata, .. } = entry;
    let context = Context::new(start.seed, *origin, *time, metadata.clone());
    let recorded = Recorded { seq: origin.seq, time: *time, metadata: context.metadata(), outcome: *outcome };
    let values = row.values.map(|values| (values.steps, ShapeTree::of(values.target)));
    let values = values.as_ref().map(|(steps, target)| ValueUpcast { steps, target });
    let stored = StoredPayload { payload, shape, recorded, part: origin.part, values };
    let mut apply = Apply { model, context: &context, outcome: *outcome };
    match catch_unwind(AssertUnwindSafe(|| (row.replay)(&stored, &mut apply))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(fault)) => Err(fault.to_string()),
        Err(panic) => Err(format!("it panicked: {}", panic_message(&*panic))),
    }
}

/// The digest of a state.
pub(super) fn state_digest<M: Model>(model: &M) -> Result<Digest, String> {
    digest(model).map_err(|error| format!("the state of `{}` does not serialize as its Shape says: {error}", M::NAME))
}

/// A state as a snapshot holds it.
pub(super) fn encoded<M: Model>(model: &M) -> Result<Vec<u8>, String> {
    postcard::to_stdvec(model).map_err(|error| format!("the state of `{}` cannot be encoded: {error}", M::NAME))
}

/// A state after a snapshot was made of it and loaded.
pub(super) fn restored<M: Model>(model: &M) -> Result<M, String> {
    decode(&encoded(model)?).map_err(|fault| format!("the state of `{}` cannot be read back: {fault}", M::NAME))
}

/// Where two states part, in lines.
pub(super) fn differences<M: Model>(a: &M, b: &M, words: [&str; 2]) -> String {
    match (encoded(a), encoded(b)) {
        (Ok(a), Ok(b)) => difference::lines(&ShapeTree::of(M::SHAPE), &a, &b, words),
        (Err(what), _) | (_, Err(what)) => format!("\n  {what}"),
    }
}
