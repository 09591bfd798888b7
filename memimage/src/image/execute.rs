//! Executes a command: encode and decode → look for an earlier request with the same key → check → write the record → reserve room for it in the journal → apply → set the
//! record's outcome, under one lock; then answer. If the check refuses the command, nothing is recorded. After a panic of the
//! body, `rebuild` restores the model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::arguments::{Encoded, encode, panicked, through_encoding};
use super::core::{Core, Shared};
use super::request::{Repeated, Request};
use crate::context::{Context, Metadata, Origin};
use crate::error::{Error, ErrorDetail};
use crate::event::{Command, Commands, FromRefusal, Model};
use crate::journal::{EventId, NoRoom, OpenBatch, Ticket};
use crate::outcome::Outcome;
use crate::personal_keys::MissingKeys;
use crate::planted::{Bug, planted};
use crate::seq::Seq;

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

/// The result of one attempt to execute a command.
pub(super) enum Attempt<C: Command<M>, M> {
    /// The command was executed and recorded: its answer, and the number of its event. The caller counts the event with
    /// [`Journal::accepted`](crate::journal::Journal::accepted) before it runs any foreign code.
    Executed(Result<C::Output, C::Refusal>, Seq),
    /// The command repeats a request: the first answer, and the number of its event.
    Repeated(Result<C::Output, C::Error>, Seq),
    /// The check refused the command or panicked, or its request key cannot be used, so nothing was recorded.
    Refused(C::Error),
    /// The command was not executed: a segment must be created first.
    NoRoom(C, NoRoom),
    /// The command was not executed: keys of its personal data must be created first.
    NoKeys(C, MissingKeys),
    /// The command failed and is not recorded.
    Failed(Error),
    /// The command's body panicked. The command is not recorded, but the model may be half changed: it must be rebuilt.
    BodyPanicked(Error),
}

impl<C: Command<M>, M> Attempt<C, M> {
    /// The ticket of the batch that must be durable before the answer leaves the process.
    pub(super) fn ticket(&self, open: &OpenBatch) -> Option<Arc<Ticket>> {
        match self {
            Attempt::Executed(..) => Some(Arc::clone(open.ticket())),
            Attempt::Refused(_) if planted(Bug::RefusalNotWaitedFor) => None,
            _ => open.latest(),
        }
    }
}

impl<M: Model> Shared<M> {
    /// Encodes, checks, records and applies the command, and sets the outcome in its record. Each step that can fail, except
    /// the body itself, comes before the body.
    #[inline]
    pub(super) fn attempt<C: Command<M>>(
        &self,
        core: &mut Core<M>,
        open: &mut OpenBatch,
        command: C,
        metadata: &Metadata,
        how: SubmitMode,
    ) -> Attempt<C, M> {
        self.try_attempt(core, open, command, metadata, how).unwrap_or_else(Attempt::Failed)
    }

    #[inline]
    fn try_attempt<C: Command<M>>(
        &self,
        core: &mut Core<M>,
        open: &mut OpenBatch,
        mut command: C,
        metadata: &Metadata,
        how: SubmitMode,
    ) -> Result<Attempt<C, M>, Error> {
        let key = metadata.request();
        if let Some(error) = open.ended() {
            // whoever retries a request must not conclude that it was not executed
            let is_repeated = key.is_some_and(|key| core.requests.contains(key, open.next_seq().before()));
            return Err(if is_repeated { error.of_unknown_outcome() } else { error.clone() });
        }
        if how != SubmitMode::Wait {
            self.journal.ensure_syncer(open)?;
        }
        if const { !C::ARGUMENTS_ROUND_TRIP } {
            command = match through_encoding::<M, C>(command, &mut core.payload, self.keyring.personal())? {
                Encoded::Decoded(command) => command,
                Encoded::NoKeys(command, missing) => return Ok(Attempt::NoKeys(command, missing)),
            };
        } else if key.is_some() {
            core.payload.clear();
            encode::<M, C>(&command, &mut core.payload)?;
        }
        let seq = open.next_seq();
        let request = match key {
            None => None,
            Some(key) => match first_request(core, key, &command, seq.before()) {
                Ok(request) => Some(request),
                Err(attempt) => return Ok(attempt),
            },
        };
        // to wait takes much longer than to read the clock
        let is_exact = how == SubmitMode::Wait || open.is_empty();
        let time = self.clock.after(open.time(), is_exact, &mut core.reading);
        let time = time.map_err(|panic| panicked::<M, C>("clock", panic))?;
        let mut context = Context::new(self.identity.seed, Origin::own(seq), time, metadata.clone());

        match catch_unwind(AssertUnwindSafe(|| command.check(&core.model, &context))) {
            Ok(Ok(())) => {}
            Ok(Err(refusal)) => return Ok(Attempt::Refused(C::Error::from_refusal(refusal))),
            Err(panic) => return Ok(Attempt::Refused(panicked::<M, C>("check", panic).into())),
        }
        context.rewind();

        let event = match self.event_id::<C>(core, open) {
            Ok(event) => event,
            Err(room) => return Ok(Attempt::NoRoom(command, room)),
        };
        let mark = open.begin(event, time, metadata, None);
        if const { C::ARGUMENTS_ROUND_TRIP } && request.is_none() {
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
            return Err(Error::new(ErrorDetail::TooLarge { command: C::NAME.to_owned(), size, cap }));
        }
        let mark = match self.journal.reserve(open, mark) {
            Ok(mark) => mark,
            Err(_) if planted(Bug::AppliedWithoutRoom) => {
                let _ = command.apply(&mut core.model, &context);
                return Err(Error::new(ErrorDetail::Busy { what: "the journal has no room for the record" }));
            }
            Err(room) => return Ok(Attempt::NoRoom(command, room)),
        };

        match catch_unwind(AssertUnwindSafe(|| command.apply(&mut core.model, &context))) {
            Ok(answer) => {
                open.accept(mark, if answer.is_ok() { Outcome::Applied } else { Outcome::Rejected });
                if let Some(request) = request {
                    request.remember::<M, C>(core, seq, &answer);
                }
                Ok(Attempt::Executed(answer, seq))
            }
            Err(panic) => {
                open.discard_record(mark);
                Ok(Attempt::BodyPanicked(panicked::<M, C>("body", panic)))
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

/// Examines a command with a request key, which must not have run before. `last` is the last event.
///
/// # Errors
///
/// Returns the attempt that ends here: the command repeats a request, or its key cannot be used.
#[inline(never)]
fn first_request<'a, M: Commands, C: Command<M>>(
    core: &Core<M>,
    key: &'a str,
    command: &C,
    last: Seq,
) -> Result<Request<'a>, Attempt<C, M>> {
    let examined = Request::new::<M, C>(core, key, command)
        .and_then(|request| Ok((request.repeated::<M, C>(core, last)?, request)));
    match examined {
        Ok((None, request)) => Ok(request),
        Ok((Some(Repeated { answer, seq }), _)) => Err(Attempt::Repeated(answer.map_err(C::Error::from_refusal), seq)),
        Err(error) => Err(Attempt::Refused(error.into())),
    }
}
