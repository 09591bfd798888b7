//! The protocol of the served image: messages in the postcard format, each after its length in four bytes.

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// The answer to a transfer: the balance of the payer if it is too small.
pub(super) type Answer = Result<(), u64>;

const LENGTH_BYTES: usize = 4;

/// Appends a message to a buffer.
pub(super) fn encode(message: &impl Serialize, buffer: Vec<u8>) -> Result<Vec<u8>> {
    let start = buffer.len();
    let mut buffer = buffer;
    buffer.extend([0; LENGTH_BYTES]);
    let mut buffer = postcard::to_extend(message, buffer)?;
    let length = u32::try_from(buffer.len() - start - LENGTH_BYTES)?;
    buffer[start..start + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    Ok(buffer)
}

/// Takes the first message from `bytes`, unless it is incomplete.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &mut &'a [u8]) -> Result<Option<T>> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let Some((message, rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else { return Ok(None) };
    *bytes = rest;
    Ok(Some(postcard::from_bytes(message)?))
}
