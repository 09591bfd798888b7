//! A model that replays events and executes commands, and a replica that only replays.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::recorded_event::{RecordedEvent, Stamp};
use super::value_difference;
use crate::context::{Context, Metadata, Origin, Seed, Timestamp};
use crate::digest::{Digest, digest};
use crate::event::{Apply, Command, Model, Recorded, StoredPayload, ValueUpcast, decode, decode_state, panic_message};
use crate::outcome::Outcome;
use crate::recovery::DROPPED;
use crate::seq::Seq;
use crate::shape::{ShapeTree, may_be_deep};

/// The seed of every test, so commands draw the same values in each run.
const SEED: Seed = [7; 32];

/// A model with its whole history.
///
/// It does the same as an image, but without a disk: the same check, body and context, and the same replay from bytes. A test
/// therefore needs no threads and no files.
pub(super) struct ModelUnderTest<M> {
    start: StartState,
    pub(super) model: M,
    /// The state by replay alone. It is compared with `model` after each command.
    replica: M,
    pub(super) log: Vec<RecordedEvent>,
}

/// The state before the first event of a history.
#[derive(Clone)]
pub(super) struct StartState {
    pub(super) seed: Seed,
    /// The state, if it is not the model's `Default`.
    pub(super) state: Option<Vec<u8>>,
    /// The seq of the last event in the state.
    pub(super) last: Seq,
    /// The time of that event.
    pub(super) time: Timestamp,
}

impl StartState {
    /// The start state of a test.
    pub(super) fn new(state: Option<Vec<u8>>) -> StartState {
        StartState { seed: SEED, state, last: Seq::ZERO, time: Timestamp::default() }
    }

    /// The seq of the event after this number of events.
    pub(super) fn seq_after(&self, events: usize) -> Seq {
        Seq::new(self.last.get() + events as u64 + 1)
    }

    /// Decodes the state.
    pub(super) fn model<M: Model>(&self) -> Result<M, String> {
        match &self.state {
            Some(state) => decode_state(state).map_err(|fault| format!("the given state does not decode: {fault}")),
            None => Ok(M::default()),
        }
    }
}

/// The result of a command.
pub(super) enum CommandResult<C: Command<M>, M> {
    Answered(C::Output),
    /// The check refused it, and nothing was recorded.
    Refused(C::Refusal),
    /// The body rejected it, and it was recorded.
    Rejected(C::Refusal),
    Panicked {
        place: &'static str,
        message: String,
    },
}

impl<M: Model> ModelUnderTest<M> {
    pub(super) fn new(start: StartState) -> Result<ModelUnderTest<M>, String> {
        Ok(ModelUnderTest { model: start.model()?, replica: start.model()?, log: Vec::new(), start })
    }

    pub(super) fn start(&self) -> &StartState {
        &self.start
    }

    /// The seq of the next event.
    pub(super) fn next_seq(&self) -> Seq {
        self.start.seq_after(self.log.len())
    }

    /// The time of the last event.
    pub(super) fn time(&self) -> Timestamp {
        self.log.last().map_or(self.start.time, |event| event.time)
    }

    /// Replays an event.
    pub(super) fn replay(&mut self, event: RecordedEvent) -> Result<(), String> {
        for model in [&mut self.model, &mut self.replica] {
            replay(model, &self.start, &event)?;
        }
        self.log.push(event);
        Ok(())
    }

    /// Executes a command as an image does: encode and decode → check → apply.
    pub(super) fn run<C: Command<M>>(
        &mut self,
        command: C,
        clock: Timestamp,
        metadata: &Metadata,
    ) -> Result<CommandResult<C, M>, String> {
        let (seq, time) = (self.next_seq(), clock.max(self.time()));
        let mut context = Context::new(self.start.seed, Origin::own(seq), time, metadata.clone());
        let stamp = Stamp { seq, time, metadata, outcome: Outcome::Applied };
        let mut event = RecordedEvent::of(C::NAME, C::VERSION, &command, &stamp)?;
        // the check and the body get what replay will read
        let command: C = decode(&event.payload).map_err(|error| {
            format!("the arguments cannot be decoded from their own encoding, so an image refuses the command: {error}")
        })?;
        match catch_unwind(AssertUnwindSafe(|| command.check(&self.model, &context))) {
            Ok(Ok(())) => {}
            Ok(Err(refusal)) => return Ok(CommandResult::Refused(refusal)),
            Err(panic) => return Ok(CommandResult::Panicked { place: "check", message: panic_message(&*panic) }),
        }
        context.rewind();
        let answer = match catch_unwind(AssertUnwindSafe(|| command.apply(&mut self.model, &context))) {
            Ok(answer) => answer,
            Err(panic) => {
                self.model = restored(&self.replica)?;
                return Ok(CommandResult::Panicked { place: "body", message: panic_message(&*panic) });
            }
        };
        if answer.is_err() {
            event.outcome = Outcome::Rejected;
        }
        replay(&mut self.replica, &self.start, &event)
            .map_err(|what| format!("the recorded event cannot be replayed: {what}"))?;
        self.log.push(event);
        self.agree()?;
        Ok(match answer {
            Ok(output) => CommandResult::Answered(output),
            Err(refusal) => CommandResult::Rejected(refusal),
        })
    }

    /// Checks that replay gives the present state.
    pub(super) fn agree(&self) -> Result<(), String> {
        if state_digest(&self.model)? == state_digest(&self.replica)? {
            return Ok(());
        }
        let differences = differences(&self.model, &self.replica, ["as executed", "on replay"]);
        Err(format!("the replay of the recorded events gives another state:{differences}\n{NONDETERMINISM_HELP}"))
    }

    /// The digest of the state.
    pub(super) fn digest(&self) -> Result<Digest, String> {
        state_digest(&self.model)
    }
}

/// The cause of a difference on replay, and the help.
pub(super) const NONDETERMINISM_HELP: &str = "a command body, an upcaster, or the model's `Serialize` or `Deserialize` is not \
     deterministic: it depends on the order of a hash map, a clock, a random number, an address or a global; help: use \
     `BTreeMap`, and the time and the random values of `Context`";

/// Replays an event on a model. After an error, the state of the model is unspecified.
pub(super) fn replay<M: Model>(model: &mut M, start: &StartState, event: &RecordedEvent) -> Result<(), String> {
    // in a rewritten journal, it takes the place of an event that was upcast to nothing
    if event.name == DROPPED {
        return Ok(());
    }
    let row = event.row(M::EVENTS)?;
    let RecordedEvent { shape, payload, outcome, origin, time, metadata, .. } = event;
    let context = Context::new(start.seed, *origin, *time, metadata.clone());
    let recorded = Recorded { seq: origin.seq, time: *time, metadata: context.metadata(), outcome: *outcome };
    let values = row.values.map(|values| (values.steps, ShapeTree::of(values.target)));
    let values = values.as_ref().map(|(steps, target)| ValueUpcast { steps, target });
    let stored = StoredPayload { payload, shape, recorded, part: origin.part, values };
    let mut apply = Apply { model, context: &context, outcome: *outcome };
    match catch_unwind(AssertUnwindSafe(|| (row.replay)(&stored, &mut apply))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(fault)) => Err(fault.to_string()),
        Err(panic) => Err(format!("its replay panicked: {}", panic_message(&*panic))),
    }
}

/// The digest of a state.
pub(super) fn state_digest<M: Model>(model: &M) -> Result<Digest, String> {
    digest(model).map_err(|error| format!("the `Serialize` of `{}` does not match its `Shape`: {error}", M::NAME))
}

/// The encoding of a state in a snapshot.
pub(super) fn encoded<M: Model>(model: &M) -> Result<Vec<u8>, String> {
    if const { may_be_deep(M::SHAPE) } {
        // the digest limits the depth, which encoding does not
        state_digest(model)?;
    }
    postcard::to_stdvec(model).map_err(|error| format!("the state of `{}` cannot be encoded: {error}", M::NAME))
}

/// A state after it was encoded and decoded, as by a snapshot.
pub(super) fn restored<M: Model>(model: &M) -> Result<M, String> {
    decode_state(&encoded(model)?).map_err(|fault| format!("the state of `{}` does not decode: {fault}", M::NAME))
}

/// The differences between two states, as lines.
pub(super) fn differences<M: Model>(a: &M, b: &M, names: [&str; 2]) -> String {
    match (encoded(a), encoded(b)) {
        (Ok(a), Ok(b)) => value_difference::lines(&ShapeTree::of(M::SHAPE), &a, &b, names),
        (Err(what), _) | (_, Err(what)) => format!("\n  {what}"),
    }
}
