//! A model that replays events and executes commands, and a replica that only replays.

use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(feature = "erasure")]
use super::erasure::ErasedReplay;
use super::recorded_event::{RecordedEvent, Stamp};
use super::{derived_fields, reloaded, value_difference};
use crate::context::{Context, Metadata, Origin, Seed, Timestamp};
use crate::digest::{Digest, digest};
use crate::event::{
    Apply, Command, Model, Recorded, StoredPayload, ValueUpcast, decode, decode_state, rebuild_derived,
};
use crate::outcome::Outcome;
use crate::panics::panic_message;
use crate::personal::take_failure;
use crate::recovery::DROPPED;
use crate::seq::Seq;
use crate::shape::{ShapeTree, may_be_deep};

/// The seed of every test, so commands draw the same values in each run.
const SEED: Seed = [7; 32];

/// A model with its whole history.
///
/// The model under test behaves like an image without a disk: it runs the same checks and bodies with the same context, and
/// replays events from the same bytes. A test therefore needs no threads and no files.
pub(super) struct ModelUnderTest<M> {
    start: StartState,
    pub(super) model: M,
    /// The state that results from replay alone. The replica is compared with `model` after each command.
    replica: M,
    #[cfg(feature = "erasure")]
    erased: ErasedReplay<M>,
    pub(super) log: Vec<RecordedEvent>,
}

/// The state before the first event of a history.
#[derive(Clone)]
pub(super) struct StartState {
    pub(super) seed: Seed,
    /// The encoded state; `None` if it is the model's `Default`.
    pub(super) state: Option<Vec<u8>>,
    /// The seq of the last event in the state.
    pub(super) last: Seq,
    /// The time of the last event in the state.
    pub(super) time: Timestamp,
}

impl StartState {
    /// The start state of a test.
    pub(super) fn new(state: Option<Vec<u8>>) -> StartState {
        StartState { seed: SEED, state, last: Seq::ZERO, time: Timestamp::default() }
    }

    /// The seq of the event that follows the first `events` events.
    pub(super) fn seq_after(&self, events: usize) -> Seq {
        Seq::new(self.last.get() + events as u64 + 1)
    }

    /// Decodes or creates the state, and fills its derived fields.
    pub(super) fn model<M: Model>(&self) -> Result<M, String> {
        let mut model = match &self.state {
            Some(state) => decode_state(state).map_err(|fault| format!("the given state does not decode: {fault}"))?,
            None => M::default(),
        };
        rebuild_derived(&mut model)?;
        Ok(model)
    }
}

/// The result of a command.
pub(super) enum CommandResult<C: Command<M>, M> {
    Answered(C::Output),
    /// The check refused the command, and nothing was recorded.
    Refused(C::Refusal),
    /// The body rejected the command, and the command was recorded.
    Rejected(C::Refusal),
    Panicked {
        place: &'static str,
        message: String,
    },
}

impl<C: Command<M>, M> CommandResult<C, M> {
    /// Describes the outcome for messages. The description does not contain the refusal, because the refusal's type may not be
    /// `Debug`.
    pub(super) fn outcome(&self) -> String {
        match self {
            CommandResult::Answered(_) => "the command answered, and was recorded as applied".to_owned(),
            CommandResult::Refused(_) => "the check refused the command, and nothing was recorded".to_owned(),
            CommandResult::Rejected(_) => "the body refused the command, which was recorded as rejected".to_owned(),
            CommandResult::Panicked { place, message } => format!("the command's {place} panicked: {message}"),
        }
    }
}

/// An executed command.
pub(super) struct Executed<C: Command<M>, M> {
    pub(super) result: CommandResult<C, M>,
    /// The result on a model that was loaded from a snapshot before the command.
    pub(super) reloaded: CommandResult<C, M>,
}

impl<M: Model> ModelUnderTest<M> {
    pub(super) fn new(start: StartState) -> Result<ModelUnderTest<M>, String> {
        Ok(ModelUnderTest {
            model: start.model()?,
            replica: start.model()?,
            #[cfg(feature = "erasure")]
            erased: ErasedReplay::new(&start)?,
            log: Vec::new(),
            start,
        })
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
        #[cfg(feature = "erasure")]
        self.erased.replay(&self.start, &event)?;
        self.log.push(event);
        self.compare_erased()
    }

    /// Executes a command as an image does: encode and decode → check → apply.
    pub(super) fn run<C: Command<M>>(
        &mut self,
        command: C,
        clock: Timestamp,
        metadata: &Metadata,
    ) -> Result<Executed<C, M>, String> {
        let (seq, time) = (self.next_seq(), clock.max(self.time()));
        let seed = self.start.seed;
        let context = || Context::new(seed, Origin::own(seq), time, metadata.clone());
        let stamp = Stamp { seq, time, metadata, outcome: Outcome::Applied };
        let event = RecordedEvent::of(C::NAME, C::VERSION, &command, &stamp)?;
        // the check and the body receive the arguments that replay will decode
        let decoded = || {
            decode::<C>(&event.payload).map_err(|error| {
                format!(
                    "the arguments cannot be decoded from their own encoding, so an image refuses the command: {error}"
                )
            })
        };
        let (command, again) = (decoded()?, decoded()?);
        let mut reloaded_model = restored(&self.model)?;
        let result = execute(command, &mut self.model, context());
        match &result {
            CommandResult::Answered(_) => self.record(event)?,
            CommandResult::Rejected(_) => self.record(RecordedEvent { outcome: Outcome::Rejected, ..event })?,
            CommandResult::Panicked { place: BODY, .. } => self.model = restored(&self.replica)?,
            CommandResult::Refused(_) | CommandResult::Panicked { .. } => {}
        }
        let reloaded = execute(again, &mut reloaded_model, context());
        if let CommandResult::Panicked { place: BODY, .. } = &reloaded {
            reloaded_model = restored(&self.replica)?;
        }
        reloaded::check((&self.model, &result), (&reloaded_model, &reloaded))?;
        Ok(Executed { result, reloaded })
    }

    /// Records the event of an executed command, and checks its replay.
    fn record(&mut self, event: RecordedEvent) -> Result<(), String> {
        replay(&mut self.replica, &self.start, &event)
            .map_err(|what| format!("the recorded event cannot be replayed: {what}"))?;
        #[cfg(feature = "erasure")]
        self.erased.replay(&self.start, &event)?;
        self.log.push(event);
        self.agree()?;
        self.compare_erased()
    }

    /// Checks that the state does not depend on personal data.
    #[cfg(feature = "erasure")]
    fn compare_erased(&self) -> Result<(), String> {
        self.erased.compare(&self.model)
    }

    #[cfg(not(feature = "erasure"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the signature is that of the feature `erasure`")]
    fn compare_erased(&self) -> Result<(), String> {
        Ok(())
    }

    /// Checks that replay gives the current state, and that a rebuild gives the derived fields of this state.
    pub(super) fn agree(&self) -> Result<(), String> {
        if state_digest(&self.model)? == state_digest(&self.replica)? {
            return self.check_derived();
        }
        let differences = differences(&self.model, &self.replica, ["as executed", "on replay"]);
        Err(format!("the replay of the recorded events gives another state:{differences}\n{NONDETERMINISM_HELP}"))
    }

    /// Checks that a rebuild gives the derived fields of the current state. The error states the first event after which the
    /// rebuilt fields differ from the fields of the state.
    pub(super) fn check_derived(&self) -> Result<(), String> {
        match derived_fields::check(&self.model) {
            Ok(()) => Ok(()),
            Err(what) => {
                self.check_derived_throughout()?;
                Err(format!("in the current state, but not in a replay of the same events: {what}"))
            }
        }
    }

    /// Checks that a rebuild gives the derived fields of each state in the history.
    pub(super) fn check_derived_throughout(&self) -> Result<(), String> {
        if M::DERIVED.is_none() {
            return Ok(());
        }
        let mut model: M = self.start.model()?;
        derived_fields::check(&model).map_err(|what| format!("before the first event: {what}"))?;
        for event in &self.log {
            replay(&mut model, &self.start, event)?;
            derived_fields::check(&model)
                .map_err(|what| format!("after event {}, {}: {what}", event.origin.seq, event.text()))?;
        }
        Ok(())
    }

    /// The digest of the state.
    pub(super) fn digest(&self) -> Result<Digest, String> {
        state_digest(&self.model)
    }
}

/// The place of a panic that occurred in a command's body. After such a panic, the state of the model is unspecified.
const BODY: &str = "body";

/// Checks and applies a command.
fn execute<C: Command<M>, M>(command: C, model: &mut M, mut context: Context) -> CommandResult<C, M> {
    match catch_unwind(AssertUnwindSafe(|| command.check(model, &context))) {
        Ok(Ok(())) => {}
        Ok(Err(refusal)) => return CommandResult::Refused(refusal),
        Err(panic) => return CommandResult::Panicked { place: "check", message: panic_message(panic) },
    }
    context.rewind();
    match catch_unwind(AssertUnwindSafe(|| command.apply(model, &context))) {
        Ok(Ok(output)) => CommandResult::Answered(output),
        Ok(Err(refusal)) => CommandResult::Rejected(refusal),
        Err(panic) => CommandResult::Panicked { place: BODY, message: panic_message(panic) },
    }
}

/// The cause of a difference on replay, and the help.
pub(super) const NONDETERMINISM_HELP: &str = "a command body, an upcaster, or the model's `Serialize` or `Deserialize` is not \
     deterministic: it depends on the order of a hash map, a clock, a random number, an address or a global; help: use \
     `BTreeMap`, and the time and the random values of `Context`";

/// Replays an event on a model. After an error, the state of the model is unspecified.
pub(super) fn replay<M: Model>(model: &mut M, start: &StartState, event: &RecordedEvent) -> Result<(), String> {
    // in a rewritten journal, this placeholder replaces an event that was upcast to nothing
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
    let mut apply =
        Apply { model, context: &context, outcome: *outcome, accepts_change: false, changed: None, request: None };
    match catch_unwind(AssertUnwindSafe(|| (row.replay)(&stored, &mut apply))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(fault)) => Err(fault.to_string()),
        Err(panic) => Err(format!("its replay panicked: {}", panic_message(panic))),
    }
}

/// The digest of a state.
pub(super) fn state_digest<M: Model>(model: &M) -> Result<Digest, String> {
    digest(model).map_err(|error| format!("the `Serialize` of `{}` does not match its `Shape`: {error}", M::NAME))
}

/// The encoding of a state in a snapshot.
pub(super) fn encoded<M: Model>(model: &M) -> Result<Vec<u8>, String> {
    if const { may_be_deep(M::SHAPE) } {
        // the digest limits the depth of the state; encoding does not
        state_digest(model)?;
    }
    postcard::to_stdvec(model).map_err(|error| {
        let what = take_failure().unwrap_or_else(|| error.to_string());
        format!("the state of `{}` cannot be encoded: {what}", M::NAME)
    })
}

/// Encodes and decodes a state, and fills its derived fields, as storing and loading a snapshot does.
pub(super) fn restored<M: Model>(model: &M) -> Result<M, String> {
    let mut restored = decode_state(&encoded(model)?)
        .map_err(|fault| format!("the state of `{}` does not decode: {fault}", M::NAME))?;
    rebuild_derived(&mut restored)?;
    Ok(restored)
}

/// The differences between two states, as lines.
pub(super) fn differences<M: Model>(a: &M, b: &M, names: [&str; 2]) -> String {
    match (encoded(a), encoded(b)) {
        (Ok(a), Ok(b)) => value_difference::lines(&ShapeTree::of(M::SHAPE), &a, &b, names),
        (Err(what), _) | (_, Err(what)) => format!("\n  {what}"),
    }
}
