//! Decoding payloads and states.

use serde::de::DeserializeOwned;

use super::replay_error::ReplayError;

/// Decodes a payload or a state that spans all bytes.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, ReplayError> {
    let (value, rest) = postcard::take_from_bytes(payload)?;
    match rest.len() {
        0 => Ok(value),
        remainder => Err(ReplayError::Remainder(remainder)),
    }
}
