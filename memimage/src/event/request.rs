//! What the image keeps of a request: its command, a hash of its arguments, and its answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use xxhash_rust::xxh3::xxh3_64;

use super::payload::Payload;
use crate::digest::{Digest, digest_within};
use crate::outcome::Outcome;
use crate::panics::forget_panic;
use crate::shape::has_one_encoding;
use crate::value::MAX_DEPTH;

/// The command of a request, and the types of its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestKind {
    /// The row in the program's dispatch table.
    pub(crate) row: usize,
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    /// The fingerprint of the output's shape; `None` if it cannot be stored.
    pub(crate) output: fn() -> Option<u64>,
    /// The fingerprint of the refusal's shape; `None` if it cannot be stored.
    pub(crate) refusal: fn() -> Option<u64>,
}

impl RequestKind {
    pub(crate) fn of<M, P: Payload<M>>() -> RequestKind {
        RequestKind {
            row: P::ROW,
            name: P::NAME,
            version: P::VERSION,
            output: || Some(P::ANSWERS.output?.fingerprint()),
            refusal: || Some(P::ANSWERS.refusal?.fingerprint()),
        }
    }
}

/// The hash by which a retry is compared with the first request: the hash of the encoded arguments. If the order of a map in them
/// does not matter, it is their digest, as far as they have one.
pub(crate) fn arguments_hash<M, P: Payload<M>>(payload: &P, encoded: &[u8]) -> u64 {
    let digest = if const { has_one_encoding(P::SHAPE) } { None } else { digest_within(payload, MAX_DEPTH).ok() };
    digest.map_or_else(|| xxh3_64(encoded), Digest::to_u64)
}

/// The hash of the arguments of a request that is replayed. If their `Serialize` panics, the request is remembered with another
/// hash: the event was executed, so the panic must not stop the replay.
pub(super) fn replayed_arguments_hash<M, P: Payload<M>>(payload: &P) -> u64 {
    let hash = || arguments_hash::<M, P>(payload, &postcard::to_stdvec(payload).unwrap_or_default());
    catch_unwind(AssertUnwindSafe(hash)).unwrap_or_else(|panic| {
        forget_panic(panic);
        0
    })
}

/// Encodes the answer of a request into `buffer`; `None` if the answer cannot be stored, or if its `Serialize` panics: the command
/// was executed, so the panic must neither undo it nor stop a replay.
pub(crate) fn encode_answer<M, P: Payload<M>>(
    answer: &Result<P::Output, P::Refusal>,
    mut buffer: Vec<u8>,
) -> Option<Vec<u8>> {
    buffer.clear();
    let encode = || match answer {
        Ok(output) => P::ANSWERS.output.and_then(|codec| codec.encode(output, buffer)),
        Err(refusal) => P::ANSWERS.refusal.and_then(|codec| codec.encode(refusal, buffer)),
    };
    catch_unwind(AssertUnwindSafe(encode)).unwrap_or_else(|panic| {
        forget_panic(panic);
        None
    })
}

/// A request that was executed: its command, a hash of its arguments, and its answer.
#[derive(Debug)]
pub(crate) struct ExecutedRequest {
    pub(crate) kind: RequestKind,
    pub(crate) arguments: u64,
    pub(crate) outcome: Outcome,
    /// `None` if the answer cannot be stored.
    pub(crate) answer: Option<Vec<u8>>,
}

impl ExecutedRequest {
    pub(super) fn new<M, P: Payload<M>>(arguments: u64, answer: &Result<P::Output, P::Refusal>) -> ExecutedRequest {
        ExecutedRequest {
            kind: RequestKind::of::<M, P>(),
            arguments,
            outcome: if answer.is_ok() { Outcome::Applied } else { Outcome::Rejected },
            answer: encode_answer::<M, P>(answer, Vec::new()),
        }
    }
}

/// What a replay finds out about a request.
#[derive(Debug, Default)]
pub(crate) enum ReplayedRequest {
    /// No command was replayed: the event was void, or was upcast to nothing.
    #[default]
    Nothing,
    /// One command was replayed, as the request was executed.
    Executed(ExecutedRequest),
    /// The request was upcast to parts, so no single command has its answer.
    Parts,
}

impl ReplayedRequest {
    /// Adds a command that was replayed as part number `part` of the event.
    pub(super) fn add(&mut self, part: u32, executed: ExecutedRequest) {
        *self = match self {
            ReplayedRequest::Nothing if part == 0 => ReplayedRequest::Executed(executed),
            _ => ReplayedRequest::Parts,
        };
    }

    /// The command with the answer of the request; `None` if there is no such command.
    pub(crate) fn executed(self) -> Option<ExecutedRequest> {
        match self {
            ReplayedRequest::Executed(executed) => Some(executed),
            ReplayedRequest::Nothing | ReplayedRequest::Parts => None,
        }
    }
}
