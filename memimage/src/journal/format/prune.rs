//! The body of a prune frame: which segments the pruning removes, and which base replaces them.

use serde::{Deserialize, Serialize};

use crate::seq::{SegmentId, Seq};

/// The body of a prune frame. The pruner writes the frame before it removes any segment. Once the journal contains this frame,
/// segments before `first` may be missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PruneMark {
    /// The seq of the last event in the base.
    pub(crate) base: Seq,
    /// The number of the first segment that pruning keeps.
    pub(crate) first: u64,
    pub(crate) model_version: u32,
    /// The fingerprint of the model's shape.
    pub(crate) fingerprint: u64,
    /// The model's shape, so that the base can be read without the program. The genesis frame also contains the model's shape,
    /// but pruning may remove the genesis frame.
    pub(crate) shape: Vec<u8>,
    /// The digest of the state in the base.
    pub(crate) digest: u64,
}

impl PruneMark {
    pub(crate) fn first(&self) -> SegmentId {
        SegmentId::new(self.first)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("numbers can be encoded")
    }

    pub(crate) fn decode(body: &[u8]) -> Result<PruneMark, String> {
        match postcard::take_from_bytes(body) {
            Ok((mark, [])) => Ok(mark),
            _ => Err("the body of a prune frame does not decode".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_accepts_exactly_the_encoded_bytes() {
        let mark = PruneMark {
            base: Seq::new(700),
            first: 3,
            model_version: 2,
            fingerprint: 5,
            shape: vec![7; 11],
            digest: u64::MAX,
        };
        let mut body = mark.encode();
        assert_eq!(PruneMark::decode(&body), Ok(mark));
        assert!(PruneMark::decode(&body[..body.len() - 1]).is_err());
        body.push(0);
        assert!(PruneMark::decode(&body).is_err(), "trailing bytes");
    }
}
