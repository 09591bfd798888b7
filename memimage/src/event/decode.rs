//! Decoding payloads and states.

use serde::de::DeserializeOwned;

use super::replay_error::ReplayError;

/// Decodes a payload or a state, with nothing left over.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, ReplayError> {
    let (value, rest) = postcard::take_from_bytes(payload)?;
    match rest.len() {
        0 => Ok(value),
        left => Err(ReplayError::Remainder(left)),
    }
}
