//! Voids: frames that say of one event that it is not to be replayed. Pure bytes; no I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frame::Frame;
use crate::context::Timestamp;
use crate::seq::Seq;

/// Says that an event does nothing on replay, by somebody's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VoidMark {
    pub(crate) seq: Seq,
    /// When that was decided.
    pub(crate) time: Timestamp,
    pub(crate) reason: String,
    /// Who decided it, if it is known.
    pub(crate) by: Option<String>,
}

impl VoidMark {
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("numbers and texts can be encoded")
    }

    pub(crate) fn decode(body: &[u8]) -> Result<VoidMark, String> {
        match postcard::take_from_bytes(body) {
            Ok((mark, [])) => Ok(mark),
            _ => Err("what it says of a void event does not decode".to_owned()),
        }
    }
}

/// The events that a journal says are void, as far as it was read for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Voids {
    /// By their seqs, with the epoch in which each became void. An epoch is one opening, so what was made in an earlier one
    /// was made before that, and nothing is made in the epoch itself.
    epochs: BTreeMap<Seq, u64>,
}

impl Voids {
    /// Adds what a frame of the kind says.
    pub(crate) fn add(&mut self, mark: &VoidMark, frame: &Frame<'_>) {
        self.insert(mark.seq, frame.header.epoch);
    }

    /// Adds an event that became void in `epoch`.
    pub(crate) fn insert(&mut self, seq: Seq, epoch: u64) {
        // said twice, the first counts: what was made after it has the event as nothing already
        self.epochs.entry(seq).or_insert(epoch);
    }

    /// Whether the event does nothing.
    #[inline]
    pub(crate) fn has(&self, seq: Seq) -> bool {
        !self.epochs.is_empty() && self.epochs.contains_key(&seq)
    }

    /// Whether a state after `seq` that was known in `epoch` rests on an event that became void since.
    pub(crate) fn invalidates(&self, seq: Seq, epoch: u64) -> bool {
        self.epochs.range(..=seq).any(|(_, &voided)| epoch < voided)
    }

    pub(crate) fn len(&self) -> usize {
        self.epochs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_nothing_else() {
        let mark = VoidMark {
            seq: Seq::new(700),
            time: Timestamp::from_micros(11),
            reason: "it overflows".to_owned(),
            by: Some("teller 3".to_owned()),
        };
        let mut body = mark.encode();
        assert_eq!(VoidMark::decode(&body), Ok(mark));
        assert!(VoidMark::decode(&body[..body.len() - 1]).is_err());
        body.push(0);
        assert!(VoidMark::decode(&body).is_err(), "bytes left over");
    }

    #[test]
    fn a_state_is_outdated_by_what_became_void_after_it_was_made() {
        let voids = Voids { epochs: BTreeMap::from([(Seq::new(5), 3)]) };
        assert!(voids.has(Seq::new(5)) && !voids.has(Seq::new(4)));
        assert!(voids.invalidates(Seq::new(5), 2), "made before");
        assert!(!voids.invalidates(Seq::new(5), 4), "made after");
        assert!(!voids.invalidates(Seq::new(4), 2), "without the event");
    }
}
