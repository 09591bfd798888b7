//! Decodes recorded events. An event of the newest version is decoded as its payload. An event of a past version is decoded as
//! its past type or as values, and the chain of upcasters ([`upcast`](super::upcast)) then converts it for the model.

use serde::de::DeserializeOwned;

use super::payload::Payload;
use super::recorded::{Recorded, Upcasting};
use super::replay_error::ReplayError;
use super::replay_target::{Apply, ReplayTarget, deliver};
use super::upcast::{IntoEvents, PastVersion};
use super::value_step::ValueStep;
use crate::nesting::{BoundedError, MAX_STATE_DEPTH, deserialize_within};
use crate::shape::{Shape, ShapeTree, may_be_deep};
use crate::value::{MAX_DEPTH, Value};

/// Decodes a payload, which must span all bytes.
pub(crate) fn decode<T: Shape + DeserializeOwned>(payload: &[u8]) -> Result<T, ReplayError> {
    decode_within(payload, MAX_DEPTH)
}

/// Decodes a state, which must span all bytes.
pub(crate) fn decode_state<T: Shape + DeserializeOwned>(state: &[u8]) -> Result<T, ReplayError> {
    decode_within(state, MAX_STATE_DEPTH)
}

/// Decodes a value of at most `depth` levels, which must span all bytes. The limit prevents damaged or forged bytes from
/// overflowing the stack.
fn decode_within<T: Shape + DeserializeOwned>(bytes: &[u8], depth: u32) -> Result<T, ReplayError> {
    match const { may_be_deep(T::SHAPE) } {
        true => decode_deep(bytes, depth),
        false => whole(postcard::take_from_bytes(bytes)?),
    }
}

fn decode_deep<T: DeserializeOwned>(bytes: &[u8], depth: u32) -> Result<T, ReplayError> {
    let mut deserializer = postcard::Deserializer::from_bytes(bytes);
    match deserialize_within(&mut deserializer, depth) {
        Ok(value) => whole((value, deserializer.finalize()?)),
        Err(BoundedError::TooDeep) => Err(ReplayError::TooDeep(depth)),
        Err(BoundedError::Invalid(error)) => Err(error.into()),
    }
}

/// Returns the value, or an error if bytes follow the value.
fn whole<T>((value, rest): (T, &[u8])) -> Result<T, ReplayError> {
    match rest.len() {
        0 => Ok(value),
        remainder => Err(ReplayError::Remainder(remainder)),
    }
}

/// A payload in the journal.
pub(crate) struct StoredPayload<'a> {
    pub(crate) payload: &'a [u8],
    /// The shape with which the payload was recorded.
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
    apply.payload(decode::<P>(stored.payload)?, stored.part)
}

/// Decodes a payload of a past version as its type, runs the upcasters, and applies the result to the model.
pub(super) fn replay_past<M, T: PastVersion<P, M> + Shape + DeserializeOwned, P>(
    stored: &StoredPayload<'_>,
    apply: &mut Apply<'_, M>,
) -> Result<(), ReplayError> {
    T::CHAIN.replay(decode(stored.payload)?, stored.upcasting(), &mut apply.target())
}

/// Decodes a payload of the newest version, and delivers it.
pub(super) fn deliver_newest<M, P: Payload<M>>(
    stored: &StoredPayload<'_>,
    target: &mut ReplayTarget<'_, '_, M>,
) -> Result<(), ReplayError> {
    deliver(decode::<P>(stored.payload)?, stored.upcasting(), target)
}

/// Like [`replay_past`], for any target.
pub(super) fn deliver_past<M, T: PastVersion<P, M> + Shape + DeserializeOwned, P>(
    stored: &StoredPayload<'_>,
    target: &mut ReplayTarget<'_, '_, M>,
) -> Result<(), ReplayError> {
    T::CHAIN.replay(decode(stored.payload)?, stored.upcasting(), target)
}

/// Replays a payload for whose version the program has no type: runs the upcasters on values, then the upcasters on types, and
/// applies the result to the model.
pub(super) fn replay_values<M, T: IntoEvents<M> + DeserializeOwned>(
    stored: &StoredPayload<'_>,
    apply: &mut Apply<'_, M>,
) -> Result<(), ReplayError> {
    upcast_values::<T>(stored)?.replay_into(stored.upcasting(), &mut apply.target())
}

/// Like [`replay_values`], for any target.
pub(super) fn deliver_values<M, T: IntoEvents<M> + DeserializeOwned>(
    stored: &StoredPayload<'_>,
    target: &mut ReplayTarget<'_, '_, M>,
) -> Result<(), ReplayError> {
    upcast_values::<T>(stored)?.replay_into(stored.upcasting(), target)
}

/// Runs the upcasters on values, and checks the shape of their result before it is decoded.
fn upcast_values<T: DeserializeOwned>(stored: &StoredPayload<'_>) -> Result<T, ReplayError> {
    let ValueUpcast { steps, target } = stored.values.expect("a row without a type has upcasters on values");
    let mut value = Value::decode(stored.shape, stored.payload).map_err(ReplayError::Value)?;
    for step in steps {
        value = step(value, &stored.recorded).map_err(ReplayError::Upcast)?;
    }
    // `decode_deep` limits the depth for any type, so `T` needs no `Shape` bound here
    decode_deep(&value.encode(target).map_err(ReplayError::Shape)?, MAX_DEPTH)
}
