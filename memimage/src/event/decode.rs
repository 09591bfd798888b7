//! Decodes recorded events. An event of the newest version is decoded as its payload. An event of a past version is decoded as
//! its past type or as values, and the chain of upcasters ([`upcast`](super::upcast)) then converts it for the model.

use serde::de::DeserializeOwned;

use super::payload::Payload;
use super::recorded::{Recorded, Upcasting};
use super::replay_error::ReplayError;
use super::replay_target::{Apply, Reencode};
use super::upcast::{IntoEvents, PastVersion};
use super::value_step::ValueStep;
use crate::shape::{Shape, ShapeTree, is_recursive};
use crate::value::{MAX_DEPTH, Value};

/// Decodes a payload or a state that spans all bytes.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, ReplayError> {
    let (value, rest) = postcard::take_from_bytes(payload)?;
    match rest.len() {
        0 => Ok(value),
        remainder => Err(ReplayError::Remainder(remainder)),
    }
}

/// A payload in the journal.
pub(crate) struct StoredPayload<'a> {
    pub(crate) payload: &'a [u8],
    /// The shape it was recorded with.
    pub(crate) shape: &'a ShapeTree,
    pub(crate) recorded: Recorded<'a>,
    pub(crate) part: u32,
    /// The upcasters on values, if the program has no type for this version.
    pub(crate) values: Option<ValueUpcast<'a>>,
}

/// Upcasters on values, and the shape of their result.
#[derive(Clone, Copy)]
pub(crate) struct ValueUpcast<'a> {
    pub(crate) steps: &'static [ValueStep],
    pub(crate) target: &'a ShapeTree,
}

impl StoredPayload<'_> {
    fn upcasting(&self) -> Upcasting<'_> {
        Upcasting { recorded: &self.recorded, part: self.part, steps: 1 }
    }
}

/// Decodes a payload of the newest version, and applies it.
pub(super) fn replay<M, P: Payload<M>>(
    stored: &StoredPayload<'_>,
    apply: &mut Apply<'_, M>,
) -> Result<(), ReplayError> {
    apply.payload(payload::<P>(stored)?, stored.part)
}

/// Decodes a payload of a past version as its type, runs the upcasters, and applies the result to the model.
pub(super) fn replay_past<M, T: PastVersion<P, M> + Shape + DeserializeOwned, P>(
    stored: &StoredPayload<'_>,
    apply: &mut Apply<'_, M>,
) -> Result<(), ReplayError> {
    T::CHAIN.replay(payload(stored)?, stored.upcasting(), &mut apply.target())
}

/// As [`replay_past`], but encodes the result for a rewritten journal.
pub(super) fn reencode_past<M, T: PastVersion<P, M> + Shape + DeserializeOwned, P>(
    stored: &StoredPayload<'_>,
    reencode: &mut Reencode<M>,
) -> Result<(), ReplayError> {
    T::CHAIN.replay(payload(stored)?, stored.upcasting(), &mut reencode.target())
}

/// For a payload without a type in the program: runs the upcasters on values, then those on types, and applies the result.
pub(super) fn replay_values<M, T: IntoEvents<M> + DeserializeOwned>(
    stored: &StoredPayload<'_>,
    apply: &mut Apply<'_, M>,
) -> Result<(), ReplayError> {
    upcast_values::<T>(stored)?.replay_into(stored.upcasting(), &mut apply.target())
}

/// As [`replay_values`], but encodes the result for a rewritten journal.
pub(super) fn reencode_values<M, T: IntoEvents<M> + DeserializeOwned>(
    stored: &StoredPayload<'_>,
    reencode: &mut Reencode<M>,
) -> Result<(), ReplayError> {
    upcast_values::<T>(stored)?.replay_into(stored.upcasting(), &mut reencode.target())
}

/// Decodes a payload. For a recursive type, it first checks the nesting depth, because bytes that no image wrote must not
/// overflow the stack.
fn payload<T: Shape + DeserializeOwned>(stored: &StoredPayload<'_>) -> Result<T, ReplayError> {
    // each level takes at least one byte
    if const { is_recursive(T::SHAPE) }
        && stored.payload.len() > MAX_DEPTH as usize
        && let Err(error) = Value::decode(stored.shape, stored.payload)
        && error.is_too_deep()
    {
        return Err(ReplayError::Value(error));
    }
    decode(stored.payload)
}

/// Runs the upcasters on values, and checks the shape of their result before it is decoded.
fn upcast_values<T: DeserializeOwned>(stored: &StoredPayload<'_>) -> Result<T, ReplayError> {
    let ValueUpcast { steps, target } = stored.values.expect("a row without a type has upcasters on values");
    let mut value = Value::decode(stored.shape, stored.payload).map_err(ReplayError::Value)?;
    for step in steps {
        value = step(value, &stored.recorded).map_err(ReplayError::Upcast)?;
    }
    decode(&value.encode(target).map_err(ReplayError::Shape)?)
}
