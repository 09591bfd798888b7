//! Where chains of upcasters end: payloads are applied to a model, or recorded anew.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::payload::{Outcome, Payload};
use super::upcast::{UpcastError, Upcasting};
use crate::context::Context;
use crate::digest::{DigestError, digest_within};
use crate::shape::is_recursive;
use crate::value::{MAX_DEPTH, ValueError};

/// Takes what chains end in.
pub struct ReplayTarget<'s, 'a, M>(Kind<'s, 'a, M>);

enum Kind<'s, 'a, M> {
    Apply(&'s mut Apply<'a, M>),
    Reencode(&'s mut Reencode<M>),
}

/// Ends a chain at a payload of the model.
///
/// # Errors
///
/// If it cannot be applied, or recorded.
#[inline]
pub fn take<M, P: Payload<M>>(
    payload: P,
    at: Upcasting<'_>,
    sink: &mut ReplayTarget<'_, '_, M>,
) -> Result<(), ReplayError> {
    match &mut sink.0 {
        Kind::Apply(apply) => apply.take(payload, at.part),
        Kind::Reencode(recast) => recast.take(payload, at.part),
    }
}

/// Applies payloads to a model.
pub(crate) struct Apply<'a, M> {
    pub(crate) model: &'a mut M,
    /// Of the part that the record is itself.
    pub(crate) context: &'a Context,
    pub(crate) outcome: Outcome,
}

impl<'a, M> Apply<'a, M> {
    #[inline]
    pub(super) fn sink(&mut self) -> ReplayTarget<'_, 'a, M> {
        ReplayTarget(Kind::Apply(self))
    }

    #[inline]
    pub(super) fn take<P: Payload<M>>(&mut self, payload: P, part: u32) -> Result<(), ReplayError> {
        let applied = if part == self.context.part() {
            payload.apply(self.model, self.context).is_ok()
        } else {
            payload.apply(self.model, &self.context.for_part(part)).is_ok()
        };
        let now = if applied { Outcome::Applied } else { Outcome::Rejected };
        if now == self.outcome { Ok(()) } else { Err(ReplayError::Outcome { was: self.outcome, now }) }
    }
}

/// Encodes payloads as they are recorded now.
pub(crate) struct Reencode<M> {
    pub(crate) parts: Vec<ReencodedPart>,
    model: PhantomData<fn(M)>,
}

/// One payload as it is recorded now.
pub(crate) struct ReencodedPart {
    /// Its row in the dispatch table.
    pub(crate) row: usize,
    pub(crate) part: u32,
    pub(crate) payload: Vec<u8>,
}

impl<M> Reencode<M> {
    pub(crate) fn new() -> Reencode<M> {
        Reencode { parts: Vec::new(), model: PhantomData }
    }

    pub(super) fn sink(&mut self) -> ReplayTarget<'_, '_, M> {
        ReplayTarget(Kind::Reencode(self))
    }

    fn take<P: Payload<M>>(&mut self, payload: P, part: u32) -> Result<(), ReplayError> {
        if const { is_recursive(P::SHAPE) } {
            digest_within(&payload, MAX_DEPTH).map_err(ReplayError::Deep)?;
        }
        self.parts.push(ReencodedPart { row: P::ROW, part, payload: postcard::to_stdvec(&payload)? });
        Ok(())
    }
}

/// Why an event cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The bytes are no value of the type.
    #[error("it does not decode: {0}")]
    Decode(#[from] postcard::Error),
    /// Bytes were left over.
    #[error("{0} bytes are left over after its last field")]
    Remainder(usize),
    /// The journal's shape does not fit the bytes, so they cannot be read as values.
    #[error("it cannot be read as values: {0}")]
    Value(ValueError),
    /// What a step on values gave is not of the next version's shape.
    #[error("a step on values gave what the next version is not: {0}")]
    Shape(ValueError),
    /// What came of it is nested deeper than any reader of a journal goes.
    #[error("what its upcasters made of it cannot be recorded: {0}")]
    Deep(DigestError),
    /// An upcaster failed.
    #[error("an upcaster failed: {0}")]
    Upcast(UpcastError),
    /// Upcasters lead from one to the other and back.
    #[error("its upcasters go round in a circle: {0} steps, and no end")]
    Circle(u32),
    /// The body did not do again what it did.
    #[error("it was {was} when it was recorded and is {now} now", was = word(*.was), now = word(*.now))]
    Outcome {
        /// What became of it.
        was: Outcome,
        /// What would become of it.
        now: Outcome,
    },
}

/// What to do about a body that does not do again what it did.
const MEND_BODY: &str = "a body must do on replay what it did when it was recorded, so restore the old body, or give the \
                         new one a new version";

impl ReplayError {
    /// What to do about it.
    pub(crate) fn mend(&self) -> &'static str {
        match self {
            ReplayError::Outcome { .. } => MEND_BODY,
            ReplayError::Decode(_) | ReplayError::Remainder(_) | ReplayError::Value(_) => {
                "its bytes are as they were written, so mend the `Deserialize`, or the past type, that cannot read them"
            }
            ReplayError::Shape(_) | ReplayError::Upcast(_) | ReplayError::Circle(_) | ReplayError::Deep(_) => {
                "mend the upcaster, and open the image again"
            }
        }
    }

    /// What to do about a panic, of which nobody knows whose it was.
    pub(crate) fn mend_panic(is_past: bool) -> &'static str {
        match is_past {
            true => "mend the upcaster, or the body, that panicked",
            false => MEND_BODY,
        }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Rejected => "rejected",
    }
}

/// Decodes a payload, with nothing left over.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, ReplayError> {
    let (value, rest) = postcard::take_from_bytes(payload)?;
    match rest.len() {
        0 => Ok(value),
        left => Err(ReplayError::Remainder(left)),
    }
}
