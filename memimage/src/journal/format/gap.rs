//! Gap frames: each one stands in the place of damaged frames that an owner has given up.

use serde::{Deserialize, Serialize};

use super::frame::FrameHeader;
use crate::context::Timestamp;
use crate::seq::Seq;

/// The body of a gap frame: the decision to go on without the frames that were here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GapMark {
    /// The first lost event. If the lost frames had no events, this is the next event after the gap.
    pub(crate) first: Seq,
    /// The epoch of the decision. States and digests of earlier epochs contain the effect of the lost events.
    pub(crate) epoch: u64,
    pub(crate) time: Timestamp,
    pub(crate) reason: String,
    /// The person or program that made the decision, if recorded.
    pub(crate) by: Option<String>,
}

impl GapMark {
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("numbers and texts can be encoded")
    }

    /// Decodes the body of the gap frame with this header.
    pub(crate) fn decode(body: &[u8], header: &FrameHeader) -> Result<GapMark, String> {
        let Ok((mark, [])) = postcard::take_from_bytes::<GapMark>(body) else {
            return Err("the body of a gap frame does not decode".to_owned());
        };
        if mark.first > header.first_seq {
            let (first, next) = (mark.first, header.first_seq);
            return Err(format!("the gap begins with event {first}, but event {next} already follows it"));
        }
        if mark.epoch < header.life.epoch {
            let (epoch, before) = (mark.epoch, header.life.epoch);
            return Err(format!("the gap was recorded in epoch {epoch}, but frames of epoch {before} precede it"));
        }
        Ok(mark)
    }
}

/// A recorded gap in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The first lost event.
    pub(crate) first: Seq,
    /// The event after the gap.
    pub(crate) next: Seq,
    /// The epoch in which an owner gave up the lost events.
    pub(crate) epoch: u64,
}

impl Gap {
    pub(crate) fn new(mark: &GapMark, header: &FrameHeader) -> Gap {
        Gap { first: mark.first, next: header.first_seq, epoch: mark.epoch }
    }

    /// Returns an error text if the gap does not begin with event `expected`, which must follow the frame before the gap frame.
    pub(crate) fn misplaced(&self, expected: Seq) -> Option<String> {
        let first = self.first;
        (first != expected).then(|| format!("the gap begins with event {first}, but event {expected} must follow here"))
    }

    /// The number of lost events.
    pub(crate) fn events(&self) -> u64 {
        self.next.get() - self.first.get()
    }

    /// The last lost event. If no event was lost, this is the event before the gap.
    pub(crate) fn last(&self) -> Seq {
        Seq::new(self.next.get() - 1)
    }

    /// Whether a replay that begins with the state after event `start` lacks an event that is lost here.
    pub(crate) fn is_crossed_from(&self, start: Seq) -> bool {
        self.first.max(start.next()) < self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::format::frame::FrameKind;
    use crate::journal::format::protection::Link;
    use crate::seq::Life;

    fn mark() -> GapMark {
        GapMark {
            first: Seq::new(700),
            epoch: 4,
            time: Timestamp::from_micros(11),
            reason: "wrong checksum".to_owned(),
            by: Some("teller 3".to_owned()),
        }
    }

    fn header(epoch: u64) -> FrameHeader {
        FrameHeader {
            kind: FrameKind::Gap,
            first_seq: Seq::new(703),
            count: 0,
            durable_seq: Seq::ZERO,
            life: Life { epoch, id: 0 },
            decisions: 0,
            time: Timestamp::default(),
            previous: Link::default(),
            bridge: Some(Link::default()),
            align_shift: 9,
        }
    }

    #[test]
    fn decode_accepts_exactly_the_encoded_bytes() {
        let mut body = mark().encode();
        assert_eq!(GapMark::decode(&body, &header(4)), Ok(mark()));
        assert!(GapMark::decode(&body, &header(5)).unwrap_err().contains("recorded in epoch 4"));
        assert!(GapMark::decode(&body[..body.len() - 1], &header(4)).is_err());
        let later = GapMark { first: Seq::new(704), ..mark() };
        assert!(GapMark::decode(&later.encode(), &header(4)).unwrap_err().contains("event 703 already follows"));
        body.push(0);
        assert!(GapMark::decode(&body, &header(4)).is_err(), "trailing bytes");
    }

    #[test]
    fn a_gap_that_does_not_begin_with_the_next_event_is_misplaced() {
        let gap = Gap::new(&mark(), &header(4));
        assert_eq!(gap.misplaced(Seq::new(700)), None);
        assert!(gap.misplaced(Seq::new(699)).unwrap().contains("event 699 must follow"));
    }

    #[test]
    fn a_replay_crosses_a_gap_if_it_begins_before_the_last_lost_event() {
        let gap = Gap::new(&mark(), &header(4));
        assert_eq!(
            [0, 699, 701, 702, 703].map(|start| gap.is_crossed_from(Seq::new(start))),
            [true, true, true, false, false]
        );
        let empty = Gap { next: Seq::new(700), ..gap };
        assert!(!empty.is_crossed_from(Seq::ZERO), "no event is lost");
    }
}
