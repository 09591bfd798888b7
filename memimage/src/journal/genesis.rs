//! Genesis: the frame that says what the state was before the first event.

use serde::{Deserialize, Serialize};

/// The state before the first event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Genesis {
    pub(crate) model_version: u32,
    /// The fingerprint of the model's shape.
    pub(crate) fingerprint: u64,
    /// The model's shape, for programs whose model has another.
    pub(crate) shape: Vec<u8>,
    /// The digest of the state.
    pub(crate) digest: u64,
    /// The state; `None` if it is the model's `Default`.
    pub(crate) state: Option<Vec<u8>>,
}

impl Genesis {
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("numbers and bytes can be encoded")
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Genesis, String> {
        match postcard::take_from_bytes(body) {
            Ok((genesis, [])) => Ok(genesis),
            Ok((_, rest)) => Err(format!("the state before the first event has {} bytes left over", rest.len())),
            Err(error) => Err(format!("the state before the first event does not decode: {error}")),
        }
    }
}

/// The digest of the state at one place of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DigestMark {
    /// Which model it is of: its shape and version. Another has another digest.
    pub(crate) model: u64,
    pub(crate) digest: u64,
    /// Digests before this place do not count any more: the state that replay gives was accepted.
    pub(crate) accepts: bool,
}

impl DigestMark {
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("numbers can be encoded")
    }

    pub(crate) fn decode(body: &[u8]) -> Result<DigestMark, String> {
        match postcard::take_from_bytes(body) {
            Ok((mark, [])) => Ok(mark),
            _ => Err("the digest does not decode".to_owned()),
        }
    }
}
