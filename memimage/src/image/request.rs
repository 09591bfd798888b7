//! Requests: a command with a request key is executed once, and a retry gets the first answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::arguments::{PAYLOAD_KEPT, panicked};
use super::core::Core;
use crate::error::{Error, ErrorDetail};
use crate::event::{Command, Commands, ExecutedRequest, RequestKind, arguments_hash, encode_answer};
use crate::outcome::Outcome;
use crate::panics::forget_panic;
use crate::requests::{KEY_MAX, SameKey};
use crate::seq::Seq;

/// A command with a request key, before it is executed.
pub(super) struct Request<'a> {
    key: &'a str,
    /// The hash of the key.
    hash: u64,
    /// The hash of the command's arguments.
    arguments: u64,
}

/// The request that a retry repeats: its answer, and the number of its event.
pub(super) struct Repeated<C: Command<M>, M> {
    pub(super) answer: Result<C::Output, C::Refusal>,
    pub(super) seq: Seq,
}

impl<'a> Request<'a> {
    /// Checks the key, and hashes the arguments that replay will read, which are encoded in the payload buffer.
    pub(super) fn new<M, C: Command<M>>(core: &Core<M>, key: &'a str, command: &C) -> Result<Request<'a>, Error> {
        let refused = |what| Error::new(ErrorDetail::RequestKey { command: C::NAME, what });
        match key.len() {
            0 => return Err(refused("is empty".to_owned())),
            len if len > KEY_MAX => return Err(refused(format!("has {len} bytes, and the limit is {KEY_MAX}"))),
            _ => {}
        }
        let hash = || arguments_hash::<M, C>(command, &core.payload);
        let arguments = catch_unwind(AssertUnwindSafe(hash));
        let arguments = arguments.map_err(|panic| panicked::<M, C>("arguments' encoding", panic))?;
        Ok(Request { key, hash: core.requests.hash(key.as_bytes()), arguments })
    }

    /// The request that this command repeats; `None` if no request with this key is remembered. `last` is the last event.
    ///
    /// # Errors
    ///
    /// Returns an error if the request with this key was another one, or if its answer is not available.
    pub(super) fn repeated<M: Commands, C: Command<M>>(
        &self,
        core: &Core<M>,
        last: Seq,
    ) -> Result<Option<Repeated<C, M>>, Error> {
        let Some(entry) = core.requests.find(self.key, self.hash, last) else { return Ok(None) };
        let (seq, outcome) = (entry.seq, entry.outcome);
        let key = || self.key.to_owned();
        let rejected = outcome == Outcome::Rejected;
        let unavailable = |why, help| Error::new(ErrorDetail::AlreadyExecuted { key: key(), seq, rejected, why, help });
        match core.requests.compare(entry, RequestKind::of::<M, C>(), self.arguments, is_recorded::<M>) {
            SameKey::Answer(bytes) => match decode::<M, C>(outcome, bytes) {
                Some(answer) => Ok(Some(Repeated { answer, seq })),
                None => Err(unavailable("it does not decode", "")),
            },
            SameKey::NoAnswer { why, help } => Err(unavailable(why, help)),
            SameKey::Other(what) => Err(Error::new(ErrorDetail::RequestKeyReused { key: key(), seq, what })),
        }
    }

    /// Remembers the request of event `seq`, whose command was just executed.
    pub(super) fn remember<M, C: Command<M>>(
        self,
        core: &mut Core<M>,
        seq: Seq,
        answer: &Result<C::Output, C::Refusal>,
    ) {
        let outcome = if answer.is_ok() { Outcome::Applied } else { Outcome::Rejected };
        let buffer = std::mem::take(&mut core.payload);
        let (kind, arguments) = (RequestKind::of::<M, C>(), self.arguments);
        let answer = encode_answer::<M, C>(answer, buffer);
        let executed = ExecutedRequest { kind, arguments, outcome, answer };
        core.requests.insert_hashed(seq, self.key, self.hash, Ok(&executed));
        core.payload = executed.answer.filter(|buffer| buffer.capacity() <= PAYLOAD_KEPT).unwrap_or_default();
    }
}

/// Whether this program still records the event with this name and version.
fn is_recorded<M: Commands>(name: &str, version: u32) -> bool {
    M::EVENTS.iter().any(|event| !event.is_past && event.name == name && event.version == version)
}

/// Decodes an answer. A panic of its `Deserialize` counts as an answer that does not decode.
fn decode<M, C: Command<M>>(outcome: Outcome, bytes: &[u8]) -> Option<Result<C::Output, C::Refusal>> {
    let decode = || match outcome {
        Outcome::Applied => C::ANSWERS.output?.decode(bytes).map(Ok),
        Outcome::Rejected => C::ANSWERS.refusal?.decode(bytes).map(Err),
    };
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        forget_panic(panic);
        None
    })
}
