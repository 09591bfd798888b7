//! Where chains of upcasters end: payloads are applied to a model, or recorded anew.

use std::marker::PhantomData;

use super::payload::Payload;
use super::recorded::Upcasting;
use super::replay_error::ReplayError;
use crate::context::Context;
use crate::digest::digest_within;
use crate::outcome::Outcome;
use crate::shape::is_recursive;
use crate::value::MAX_DEPTH;

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
pub fn deliver<M, P: Payload<M>>(
    payload: P,
    at: Upcasting<'_>,
    target: &mut ReplayTarget<'_, '_, M>,
) -> Result<(), ReplayError> {
    match &mut target.0 {
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
    pub(super) fn target(&mut self) -> ReplayTarget<'_, 'a, M> {
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

    pub(super) fn target(&mut self) -> ReplayTarget<'_, '_, M> {
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
