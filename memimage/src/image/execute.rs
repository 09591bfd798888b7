//! Executes a command: encode and decode → check → write the record → reserve room for it in the journal → apply → set the
//! record's outcome, under one lock; then answer. If the check refuses the command, nothing is recorded. After a panic of the
//! body, `rebuild` restores the model.
//!
//! The check and the body receive the arguments as replay will: decoded from the encoded bytes. A `Deserialize` may refuse or
//! change a value. If the body received the caller's value, a command with a refused or changed value would be acknowledged,
//! but its replay would fail or use another value. If the library knows that encoding and decoding change none of the
//! arguments, it skips the decoding and encodes directly into the batch.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use postcard::ser_flavors::Flavor;

use super::Image;
use super::core::{Core, Shared};
use super::pending::Pending;
use crate::context::{Context, Metadata, Origin};
use crate::digest::digest_within;
use crate::error::{Error, ErrorDetail};
use crate::event::{Command, FromRefusal, Model, decode};
use crate::execute::Execute;
use crate::journal::{EventId, NoRoom, OpenBatch};
use crate::outcome::Outcome;
use crate::panics::panic_message;
use crate::planted::{Bug, planted};
use crate::shape::may_be_deep;
use crate::value::MAX_DEPTH;

/// The capacity of the payload buffer, in bytes, that is kept for the next command.
const PAYLOAD_KEPT: usize = 1 << 16;

/// How a call waits for room in the journal, and for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubmitMode {
    /// The call waits for room, and then for the answer.
    Wait,
    /// The call waits for room. The caller may wait for the answer later.
    Submit,
    /// The call waits neither for room nor for the answer.
    Try,
}

/// The result of one attempt to run a command.
enum Attempt<C: Command<M>, M> {
    Answered(Pending<C::Output, C::Error>),
    /// The command was not executed: a segment must be created first.
    NoRoom(C, NoRoom),
}

impl<M: Model> Execute for Image<M> {
    type Model = M;

    fn execute<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.shared().execute(command, &Metadata::new())
    }
}

impl<M: Model> Shared<M> {
    pub(super) fn execute<C: Command<M>>(&self, command: C, metadata: &Metadata) -> Result<C::Output, C::Error> {
        self.run(command, metadata, SubmitMode::Wait)?.wait()
    }

    pub(super) fn run<C: Command<M>>(
        &self,
        mut command: C,
        metadata: &Metadata,
        how: SubmitMode,
    ) -> Result<Pending<C::Output, C::Error>, Error> {
        loop {
            // a thread that is already inside the image would wait for itself
            let entered = match how {
                SubmitMode::Wait | SubmitMode::Submit => self.enter_to_wait(C::NAME)?,
                SubmitMode::Try => self.enter(C::NAME)?,
            };
            if how == SubmitMode::Try && self.journal.is_full() {
                return Err(Error::new(ErrorDetail::Busy { what: "the queue of batches is full" }));
            }
            if how != SubmitMode::Try {
                self.journal.wait_for_room();
            }
            let attempt = self.attempt(command, metadata, how);
            drop(entered);
            match attempt? {
                Attempt::Answered(pending) => {
                    self.clock.report();
                    self.snapshot_if_due();
                    return Ok(pending);
                }
                Attempt::NoRoom(_, room) if how == SubmitMode::Try => {
                    let failure = self.journal.request_segment(room);
                    return Err(failure.unwrap_or_else(|| {
                        Error::new(ErrorDetail::Busy { what: "the next segment of the journal is still being created" })
                    }));
                }
                Attempt::NoRoom(unchanged, room) => {
                    self.journal.obtain_segment(room)?;
                    command = unchanged;
                }
            }
        }
    }

    pub(super) async fn run_async<C: Command<M>>(
        &self,
        mut command: C,
        metadata: &Metadata,
    ) -> Result<Pending<C::Output, C::Error>, Error> {
        loop {
            poll_fn(|context| -> Poll<Result<(), Error>> {
                self.refuse_if_forked()?;
                self.journal.poll_room(context).map(Ok)
            })
            .await?;
            let attempt = {
                let _entered = self.enter(C::NAME)?;
                self.attempt(command, metadata, SubmitMode::Submit)?
            };
            match attempt {
                Attempt::Answered(pending) => {
                    self.clock.report();
                    self.snapshot_if_due();
                    return Ok(pending);
                }
                Attempt::NoRoom(unchanged, room) => {
                    let mut started = false;
                    poll_fn(|context| -> Poll<Result<(), Error>> {
                        self.refuse_if_forked()?;
                        self.journal.poll_segment(room, &mut started, context)
                    })
                    .await?;
                    command = unchanged;
                }
            }
        }
    }

    /// Encodes, checks, records and applies the command, and sets the outcome in its record. Each step that can fail, except
    /// the body itself, comes before the body.
    fn attempt<C: Command<M>>(
        &self,
        mut command: C,
        metadata: &Metadata,
        how: SubmitMode,
    ) -> Result<Attempt<C, M>, Error> {
        let mut core = self.core.write();
        let mut open = self.journal.open();
        if let Some(error) = open.ended() {
            return Err(error.clone());
        }
        if const { !C::ARGUMENTS_ROUND_TRIP } {
            command = through_encoding::<M, C>(command, &mut core.payload)?;
        }
        let seq = open.next_seq();
        let last = open.time();
        let time = match catch_unwind(AssertUnwindSafe(|| self.clock.after(last))) {
            Ok(time) => time,
            Err(panic) => return Err(panicked::<M, C>("clock", panic)),
        };
        let mut context = Context::new(self.identity.seed, Origin::own(seq), time, metadata.clone());

        match catch_unwind(AssertUnwindSafe(|| command.check(&core.model, &context))) {
            Ok(Ok(())) => {}
            Ok(Err(refusal)) => {
                let refused = Err(C::Error::from_refusal(refusal));
                let latest = if planted(Bug::RefusalNotWaitedFor) { None } else { open.latest() };
                return Ok(Attempt::Answered(Pending::new(refused, None, latest, self.process)));
            }
            Err(panic) => {
                let error = panicked::<M, C>("check", panic);
                return Ok(Attempt::Answered(Pending::new(Err(error.into()), None, open.latest(), self.process)));
            }
        }
        context.rewind();

        let event = match self.event_id::<C>(&mut core, &mut open) {
            Ok(event) => event,
            Err(room) => return Ok(Attempt::NoRoom(command, room)),
        };
        let mark = open.begin(event, time, metadata, None).map_err(|error| unencodable::<M, C>(error.to_string()))?;
        if const { C::ARGUMENTS_ROUND_TRIP } {
            if let Err(error) = encode::<M, C>(&command, open.bytes()) {
                open.discard_record(mark);
                return Err(error);
            }
        } else {
            open.bytes().extend_from_slice(&core.payload);
        }
        let (size, cap) = (open.record_len(mark) as u64, self.record_bytes_max as u64);
        if size > cap {
            open.discard_record(mark);
            return Err(Error::new(ErrorDetail::TooLarge { command: C::NAME, size, cap }));
        }
        let mark = match self.journal.reserve(&mut open, mark) {
            Ok(mark) => mark,
            Err(_) if planted(Bug::AppliedWithoutRoom) => {
                let _ = command.apply(&mut core.model, &context);
                return Err(Error::new(ErrorDetail::Busy { what: "the journal has no room for the record" }));
            }
            Err(room) => return Ok(Attempt::NoRoom(command, room)),
        };

        match catch_unwind(AssertUnwindSafe(|| command.apply(&mut core.model, &context))) {
            Ok(answer) => {
                let outcome = if answer.is_ok() { Outcome::Applied } else { Outcome::Rejected };
                open.accept(mark, outcome);
                let ticket = Some(open.ticket().clone());
                self.journal.accepted(&mut open, how != SubmitMode::Wait);
                Ok(Attempt::Answered(Pending::new(
                    answer.map_err(C::Error::from_refusal),
                    Some(seq),
                    ticket,
                    self.process,
                )))
            }
            Err(panic) => {
                open.discard_record(mark);
                drop(open);
                self.rebuild(&mut core)?;
                Err(panicked::<M, C>("body", panic))
            }
        }
    }

    /// The number under which the journal records a command's events. If the journal has no number for the command yet,
    /// declares one.
    fn event_id<C: Command<M>>(&self, core: &mut Core<M>, open: &mut OpenBatch) -> Result<EventId, NoRoom> {
        if let Some(event) = core.dispatch.id(C::ROW) {
            return Ok(event);
        }
        let grown = core.dispatch.declare(C::ROW, &M::EVENTS[C::ROW]);
        let event = grown.id(C::ROW).expect("the event is declared");
        self.journal.declare(open, grown.table(), event)?;
        core.dispatch = grown;
        Ok(event)
    }
}

/// Encodes the command into `payload` and decodes it again: the result is the command that replay will run.
fn through_encoding<M, C: Command<M>>(command: C, payload: &mut Vec<u8>) -> Result<C, Error> {
    bound_depth::<M, C>(&command)?;
    payload.clear();
    payload.shrink_to(PAYLOAD_KEPT);
    encode::<M, C>(&command, payload)?;
    match catch_unwind(AssertUnwindSafe(|| decode::<C>(payload))) {
        Ok(Ok(_)) if planted(Bug::CallersValueApplied) => Ok(command),
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(error)) => Err(Error::new(ErrorDetail::Undecodable { command: C::NAME, what: error.to_string() })),
        Err(panic) => Err(panicked::<M, C>("arguments' decoding", panic)),
    }
}

/// Returns an error if a payload of a recursive type is nested deeper than readers of the journal support. A thread with a
/// smaller stack than this thread could not replay such a payload.
fn bound_depth<M, C: Command<M>>(command: &C) -> Result<(), Error> {
    if const { may_be_deep(C::SHAPE) } {
        let bounded = catch_unwind(AssertUnwindSafe(|| digest_within(command, MAX_DEPTH)));
        let bounded = bounded.map_err(|panic| panicked::<M, C>("arguments' encoding", panic))?;
        bounded
            .map_err(|error| unencodable::<M, C>(format!("{error} (the limit is {MAX_DEPTH} levels of nesting)")))?;
    }
    Ok(())
}

/// Appends the payload to `bytes`. A panic in the payload's `Serialize` is returned as an ordinary error, because nothing has
/// changed yet.
fn encode<M, C: Command<M>>(command: &C, bytes: &mut Vec<u8>) -> Result<(), Error> {
    match catch_unwind(AssertUnwindSafe(|| command.serialize(&mut postcard::Serializer { output: Append(bytes) }))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(unencodable::<M, C>(error.to_string())),
        Err(panic) => Err(panicked::<M, C>("arguments' encoding", panic)),
    }
}

/// Lets postcard append to a buffer.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

fn unencodable<M, C: Command<M>>(what: String) -> Error {
    Error::new(ErrorDetail::Encode { command: C::NAME, what })
}

fn panicked<M, C: Command<M>>(place: &'static str, panic: Box<dyn std::any::Any + Send>) -> Error {
    Error::new(ErrorDetail::Panicked { command: C::NAME, place, message: panic_message(panic) })
}
