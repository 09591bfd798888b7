//! Void frames: each one excludes one event from replay.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frame::Frame;
use super::gap::Gap;
use crate::context::Timestamp;
use crate::seq::Seq;

/// The body of a void frame: the decision that replay skips an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VoidMark {
    pub(crate) seq: Seq,
    pub(crate) time: Timestamp,
    pub(crate) reason: String,
    /// The person or program that made the decision, if recorded.
    pub(crate) by: Option<String>,
}

impl VoidMark {
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("numbers and texts can be encoded")
    }

    pub(crate) fn decode(body: &[u8]) -> Result<VoidMark, String> {
        match postcard::take_from_bytes(body) {
            Ok((mark, [])) => Ok(mark),
            _ => Err("the body of a void frame does not decode".to_owned()),
        }
    }
}

/// The void events of the part of a journal that was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Voids {
    /// The epoch in which each event became void, by the event's seq. Each opening of the image begins an epoch, and no
    /// snapshot has the same epoch as a void frame. So a snapshot with an earlier epoch was created before the event became
    /// void, and a snapshot with a later epoch was created afterwards.
    epochs: BTreeMap<Seq, u64>,
    /// The recorded gaps in which events are lost, in the order of the journal.
    gaps: Vec<Gap>,
    /// The gaps that a replay crosses, each as its last event and the epoch in which the gap was recorded.
    crossed: BTreeMap<Seq, u64>,
}

impl Voids {
    /// Adds the event that a void frame makes void.
    pub(crate) fn add(&mut self, mark: &VoidMark, frame: &Frame<'_>) {
        self.insert(mark.seq, frame.header.life.epoch);
    }

    /// Adds an event that became void in `epoch`.
    pub(crate) fn insert(&mut self, seq: Seq, epoch: u64) {
        // if an event has two void frames, the first one counts, because states that were created after this frame do not
        // include the event
        self.epochs.entry(seq).or_insert(epoch);
    }

    /// Adds the void events of another part of the journal.
    pub(crate) fn merge(&mut self, others: Voids) {
        others.epochs.into_iter().for_each(|(seq, epoch)| self.insert(seq, epoch));
    }

    /// Adds a recorded gap.
    pub(crate) fn add_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// From now on, treats the lost events after event `start` as void: a replay that begins there lacks their effect, so later
    /// outcomes and digests from before the decision do not count. Returns the gaps that such a replay crosses.
    ///
    /// Until then, a gap invalidates nothing. A state from before the decision contains the effect of the lost events, and is
    /// better than a replay without it.
    pub(crate) fn cross_gaps_after(&mut self, start: Seq) -> Vec<Gap> {
        let crossed: Vec<Gap> = self.gaps.iter().copied().filter(|gap| gap.is_crossed_from(start)).collect();
        self.crossed.clear();
        crossed.iter().for_each(|gap| self.cross(*gap));
        crossed
    }

    /// Like [`cross_gaps_after`](Voids::cross_gaps_after), for one gap that a replay has come to.
    pub(crate) fn cross(&mut self, gap: Gap) {
        self.crossed.insert(gap.last(), gap.epoch);
    }

    #[inline]
    pub(crate) fn has(&self, seq: Seq) -> bool {
        !self.epochs.is_empty() && self.epochs.contains_key(&seq)
    }

    /// Whether a state that was computed in `epoch`, and whose last event is `seq`, includes an event that became void in a
    /// later epoch, or that is lost in a gap that the replay [crosses](Voids::cross_gaps_after).
    pub(crate) fn invalidates(&self, seq: Seq, epoch: u64) -> bool {
        let is_later = |decisions: &BTreeMap<Seq, u64>| decisions.range(..=seq).any(|(_, &decided)| epoch < decided);
        is_later(&self.epochs) || !self.crossed.is_empty() && is_later(&self.crossed)
    }

    /// Whether a replay to the state after event `seq` [crosses](Voids::cross_gaps_after) a gap.
    pub(crate) fn are_crossed_before(&self, seq: Seq) -> bool {
        self.crossed.range(..=seq).next().is_some()
    }

    /// The newest epoch in which an event became void; 0 if there is no void event.
    pub(crate) fn newest_epoch(&self) -> u64 {
        self.epochs.values().copied().max().unwrap_or(0)
    }

    pub(crate) fn len(&self) -> usize {
        self.epochs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_accepts_exactly_the_encoded_bytes() {
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
        assert!(VoidMark::decode(&body).is_err(), "trailing bytes");
    }

    #[test]
    fn an_event_that_becomes_void_invalidates_only_earlier_states_that_include_it() {
        let voids = Voids { epochs: BTreeMap::from([(Seq::new(5), 3)]), ..Voids::default() };
        assert!(voids.has(Seq::new(5)) && !voids.has(Seq::new(4)));
        assert!(voids.invalidates(Seq::new(5), 2), "created before");
        assert!(!voids.invalidates(Seq::new(5), 4), "created after");
        assert!(!voids.invalidates(Seq::new(4), 2), "does not include the event");
    }

    #[test]
    fn a_gap_invalidates_earlier_outcomes_only_for_a_replay_that_crosses_it() {
        let gap = |first, next, epoch| Gap { first: Seq::new(first), next: Seq::new(next), epoch };
        let mut voids = Voids::default();
        [gap(5, 8, 3), gap(12, 13, 4), gap(20, 20, 9)].into_iter().for_each(|gap| voids.add_gap(gap));
        assert!(!voids.invalidates(Seq::new(30), 0), "no replay");
        let invalid = |voids: &Voids| {
            [(6, 2), (7, 2), (7, 3), (12, 3), (12, 4), (30, 8)]
                .map(|(seq, epoch)| voids.invalidates(Seq::new(seq), epoch))
        };
        assert_eq!(voids.cross_gaps_after(Seq::new(6)), [gap(5, 8, 3), gap(12, 13, 4)]);
        assert_eq!(invalid(&voids), [false, true, false, true, false, false]);
        assert_eq!(voids.cross_gaps_after(Seq::new(7)), [gap(12, 13, 4)]);
        assert_eq!(invalid(&voids), [false, false, false, true, false, false]);
        assert!(voids.cross_gaps_after(Seq::new(12)).is_empty(), "the state has the effect of the lost event");
    }
}
