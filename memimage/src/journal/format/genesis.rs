//! The bodies of a genesis frame, which contains the state before the first event, and of a digest frame.

use serde::{Deserialize, Serialize};

use crate::seq::Seq;

/// The body of a genesis frame: the state before the first event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Genesis {
    pub(crate) model_version: u32,
    /// The fingerprint of the model's shape.
    pub(crate) fingerprint: u64,
    /// The model's shape, for programs whose model has another shape.
    pub(crate) shape: Vec<u8>,
    pub(crate) digest: u64,
    /// The encoded state; `None` if the state is the model's `Default`.
    pub(crate) state: Option<Vec<u8>>,
    /// The encoded `Default` of the model, if the image starts in that state and the encoding is not too large. A program whose
    /// model has changed compares this value with its own `Default`.
    #[serde(skip)]
    pub(crate) default: Option<Vec<u8>>,
}

impl Genesis {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let default = self.default.as_ref().map(postcard::to_stdvec).transpose();
        let encoded = postcard::to_stdvec(self).and_then(|body| Ok([body, default?.unwrap_or_default()].concat()));
        encoded.expect("numbers and bytes can be encoded")
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Genesis, String> {
        let undecodable = |error| format!("the state before the first event does not decode: {error}");
        let (genesis, rest): (Genesis, _) = postcard::take_from_bytes(body).map_err(undecodable)?;
        if rest.is_empty() {
            return Ok(genesis);
        }
        let (default, rest): (Vec<u8>, _) = postcard::take_from_bytes(rest).map_err(undecodable)?;
        match rest.len() {
            0 => Ok(Genesis { default: Some(default), ..genesis }),
            trailing => Err(format!("{trailing} bytes follow the state before the first event")),
        }
    }
}

/// The body of a digest frame: the digest of the state after an event. A replay has verified this digest. In the journal, other
/// events may stand between this event and the digest frame, because commands continue while the replay runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DigestMark {
    /// The last event that the state includes.
    pub(crate) seq: Seq,
    /// The number of the model, from [`model_of`](DigestMark::model_of). Even after the same events, the digests of two models
    /// differ.
    pub(crate) model: u64,
    pub(crate) digest: u64,
    /// Whether the owner accepted the state that replay computed. If the owner accepted the state, digests in earlier frames do
    /// not count.
    pub(crate) accepts: bool,
}

impl DigestMark {
    /// The number of a model, computed from its fingerprint and its version. The version counts because a new version may give
    /// another meaning to the same shape.
    pub(crate) fn model_of(version: u32, fingerprint: u64) -> u64 {
        let versions = u64::from(version).wrapping_sub(1);
        fingerprint.wrapping_add(versions.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let DigestMark { seq, model, digest, accepts } = *self;
        postcard::to_stdvec(&(model, digest, accepts, seq)).expect("numbers can be encoded")
    }

    /// Decodes the body of a digest frame. `next` is the first event after the frame.
    pub(crate) fn decode(body: &[u8], next: Seq) -> Result<DigestMark, String> {
        let Ok(((model, digest, accepts, seq), [])) = postcard::take_from_bytes(body) else {
            return Err("the digest does not decode".to_owned());
        };
        match seq < next {
            true => Ok(DigestMark { seq, model, digest, accepts }),
            false => {
                Err(format!("the digest is that of the state after event {seq}, but this event comes after the digest"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_names_an_event_before_it() {
        let mark = DigestMark { seq: Seq::new(300), model: u64::MAX, digest: 7, accepts: true };
        let body = mark.encode();
        assert_eq!(DigestMark::decode(&body, Seq::new(301)), Ok(mark));
        assert_eq!(DigestMark::decode(&body, Seq::new(900)), Ok(mark));
        assert!(DigestMark::decode(&body, Seq::new(300)).is_err(), "a later event");
        assert!(DigestMark::decode(&body[..body.len() - 1], Seq::new(301)).is_err());
        assert!(DigestMark::decode(&[&body[..], &[0]].concat(), Seq::new(301)).is_err(), "trailing bytes");
    }
}
