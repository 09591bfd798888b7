//! The ends of upcaster chains: the payload is applied to a model, tried on a model, re-encoded, or handed to a reader of the
//! history.

use std::any::Any;
use std::marker::PhantomData;

use super::payload::Payload;
use super::recorded::Upcasting;
use super::replay_error::ReplayError;
use super::request::{ExecutedRequest, ReplayedRequest, replayed_arguments_hash};
use super::trial::Trial;
use crate::context::Context;
use crate::digest::digest_within;
use crate::outcome::Outcome;
use crate::shape::may_be_deep;
use crate::value::MAX_DEPTH;

/// Receives the payloads that the last upcaster of a chain returns.
pub struct ReplayTarget<'s, 'a, M>(TargetKind<'s, 'a, M>);

enum TargetKind<'s, 'a, M> {
    Apply(&'s mut Apply<'a, M>),
    Reencode(&'s mut Reencode<M>),
    Deliver(&'s mut Delivery<'a>),
    Try(&'s mut Trial<'a, M>),
}

/// Applies, tries, re-encodes or hands over a payload, as the target requires.
///
/// # Errors
///
/// Returns an error if the payload cannot be applied or re-encoded, or if its receiver returns one.
#[inline]
pub fn deliver<M, P: Payload<M>>(
    payload: P,
    at: Upcasting<'_>,
    target: &mut ReplayTarget<'_, '_, M>,
) -> Result<(), ReplayError> {
    match &mut target.0 {
        TargetKind::Apply(apply) => apply.payload(payload, at.part),
        TargetKind::Reencode(reencode) => reencode.payload(payload, at.part),
        TargetKind::Deliver(delivery) => delivery.payload(payload, at.part),
        TargetKind::Try(trial) => trial.payload(payload, at.part),
    }
}

/// Applies payloads to a model.
pub(crate) struct Apply<'a, M> {
    pub(crate) model: &'a mut M,
    /// The context of the recorded event. If upcasters split the event, each part gets a context derived from this context.
    pub(crate) context: &'a Context,
    /// The recorded outcome of the event.
    pub(crate) outcome: Outcome,
    /// Whether the outcome may differ from the recorded one, because an earlier event became void after this event was
    /// recorded.
    pub(crate) accepts_change: bool,
    /// The outcome of the replay, if it differs from the recorded outcome.
    pub(crate) changed: Option<Outcome>,
    /// What this replay finds out about the request, if the event has a request key.
    pub(crate) request: Option<&'a mut ReplayedRequest>,
}

impl<'a, M> Apply<'a, M> {
    #[inline]
    pub(super) fn target(&mut self) -> ReplayTarget<'_, 'a, M> {
        ReplayTarget(TargetKind::Apply(self))
    }

    #[inline]
    pub(super) fn payload<P: Payload<M>>(&mut self, payload: P, part: u32) -> Result<(), ReplayError> {
        if self.request.is_some() {
            return self.request(payload, part);
        }
        let applied = self.answer(payload, part).is_ok();
        self.compare(applied)
    }

    /// Applies the payload of a request, and keeps its answer.
    #[cold]
    fn request<P: Payload<M>>(&mut self, payload: P, part: u32) -> Result<(), ReplayError> {
        let arguments = replayed_arguments_hash(&payload);
        let answer = self.answer(payload, part);
        if let Some(request) = self.request.as_deref_mut() {
            request.add(part, ExecutedRequest::new::<M, P>(arguments, &answer));
        }
        self.compare(answer.is_ok())
    }

    #[inline]
    fn answer<P: Payload<M>>(&mut self, payload: P, part: u32) -> Result<P::Output, P::Refusal> {
        if part == self.context.part() {
            payload.apply(self.model, self.context)
        } else {
            payload.apply(self.model, &self.context.for_part(part))
        }
    }

    /// Compares the outcome with the recorded outcome.
    #[inline]
    fn compare(&mut self, applied: bool) -> Result<(), ReplayError> {
        let now = if applied { Outcome::Applied } else { Outcome::Rejected };
        if now != self.outcome && !self.accepts_change {
            return Err(ReplayError::Outcome { was: self.outcome, now });
        }
        if now != self.outcome {
            self.changed = Some(now);
        }
        Ok(())
    }
}

impl<'a, M> Trial<'a, M> {
    pub(crate) fn target(&mut self) -> ReplayTarget<'_, 'a, M> {
        ReplayTarget(TargetKind::Try(self))
    }
}

/// Re-encodes payloads as a command of this program would record them.
pub(crate) struct Reencode<M> {
    pub(crate) parts: Vec<ReencodedPart>,
    model: PhantomData<fn(M)>,
}

/// A re-encoded payload.
#[derive(Clone, Debug)]
pub(crate) struct ReencodedPart {
    /// The row in the dispatch table.
    pub(crate) row: usize,
    pub(crate) part: u32,
    pub(crate) payload: Vec<u8>,
}

impl<M> Reencode<M> {
    pub(crate) fn new() -> Reencode<M> {
        Reencode { parts: Vec::new(), model: PhantomData }
    }

    pub(crate) fn target(&mut self) -> ReplayTarget<'_, '_, M> {
        ReplayTarget(TargetKind::Reencode(self))
    }

    fn payload<P: Payload<M>>(&mut self, payload: P, part: u32) -> Result<(), ReplayError> {
        if const { may_be_deep(P::SHAPE) } {
            digest_within(&payload, MAX_DEPTH).map_err(ReplayError::Deep)?;
        }
        self.parts.push(ReencodedPart { row: P::ROW, part, payload: postcard::to_stdvec(&payload)? });
        Ok(())
    }
}

/// Hands each payload to a function.
pub(crate) struct Delivery<'a> {
    receive: &'a mut dyn FnMut(DeliveredPayload<'_>) -> Result<(), ReplayError>,
}

/// A payload at its newest version, whose type is known only by its row.
pub(crate) struct DeliveredPayload<'a> {
    /// The row in the dispatch table.
    pub(crate) row: usize,
    pub(crate) part: u32,
    /// An `Option<P>`, from which the receiver takes the payload, where `P` is the payload's type.
    pub(crate) payload: &'a mut dyn Any,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(receive: &'a mut dyn FnMut(DeliveredPayload<'_>) -> Result<(), ReplayError>) -> Delivery<'a> {
        Delivery { receive }
    }

    pub(crate) fn target<M>(&mut self) -> ReplayTarget<'_, 'a, M> {
        ReplayTarget(TargetKind::Deliver(self))
    }

    fn payload<M, P: Payload<M>>(&mut self, payload: P, part: u32) -> Result<(), ReplayError> {
        (self.receive)(DeliveredPayload { row: P::ROW, part, payload: &mut Some(payload) })
    }
}
