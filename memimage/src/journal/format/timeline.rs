//! Lines: the histories that one image has, if events were given up or it was copied. Pure; no I/O.
//!
//! All of them have the image's UUID, so a snapshot of one looks like a snapshot of any other. What stands in the journal at the
//! place where a snapshot was made tells them apart, as far as it tells anything.

use super::frame::{FrameHeader, FrameKind, Skimmed};
use super::genesis::DigestMark;
use super::void::Voids;
use crate::seq::Seq;

/// What a journal tells of the state after one event.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) seq: Seq,
    /// The epoch in which the event was written, if its frame is at hand.
    written: Option<u64>,
    /// The digests of that state, each with the epoch of its frame.
    marks: Vec<(u64, DigestMark)>,
    /// The models of which a later state was accepted as replay gave it.
    accepted: Vec<u64>,
}

impl Timeline {
    pub(crate) fn new(seq: Seq) -> Timeline {
        Timeline { seq, written: None, marks: Vec::new(), accepted: Vec::new() }
    }

    /// Whether a frame tells anything of it.
    pub(crate) fn is_told_by(&self, frame: &Skimmed) -> bool {
        match frame.kind {
            Some(FrameKind::Events) => frame.first_seq <= self.seq && self.seq < frame.next_seq,
            Some(FrameKind::Digest) => frame.first_seq > self.seq,
            _ => false,
        }
    }

    /// Adds what a frame of events tells.
    pub(crate) fn events(&mut self, header: &FrameHeader) {
        if header.first_seq <= self.seq && self.seq < header.next_seq() {
            self.written = Some(header.epoch);
        }
    }

    /// Adds what a digest tells.
    pub(crate) fn digest(&mut self, header: &FrameHeader, mark: DigestMark) {
        if header.first_seq == self.seq.next() {
            self.marks.push((header.epoch, mark));
        } else if header.first_seq > self.seq && mark.accepts && !self.accepted.contains(&mark.model) {
            self.accepted.push(mark.model);
        }
    }

    /// Why a state that was made in `epoch` is not of this line: its last event was written later. Each opening and each repair
    /// begins an epoch, and a frame keeps its own wherever it is copied to; so of its own line none is later than it.
    pub(crate) fn excludes(&self, epoch: u64) -> Option<String> {
        let later = self.written.is_some_and(|written| written > epoch);
        later.then(|| {
            let seq = self.seq;
            format!("it is of another line of this image: the journal's event {seq} was written after it was made")
        })
    }

    /// Why a state of this model with this digest is not of this line: the last digest that the journal has of it is another.
    /// Nothing is said if a later state was accepted, since then none of the digests before that need count.
    pub(crate) fn contradicts(&self, model: u64, digest: u64, voids: &Voids) -> Option<String> {
        let counts = |(epoch, mark): &&(u64, DigestMark)| mark.model == model && !voids.invalidates(self.seq, *epoch);
        let (_, last) = self.marks.iter().rev().find(counts)?;
        let differs = last.digest != digest && !self.accepted.contains(&model);
        differs.then(|| {
            let seq = self.seq;
            format!(
                "it is of another line of this image: the journal has another digest of the state after event {seq}"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Timestamp;
    use crate::journal::format::protection::Link;

    fn header(kind: FrameKind, first: u64, count: u32, epoch: u64) -> FrameHeader {
        FrameHeader {
            kind,
            first_seq: Seq::new(first),
            count,
            durable_seq: Seq::ZERO,
            epoch,
            time: Timestamp::default(),
            previous: Link::default(),
            align_shift: 9,
        }
    }

    /// After event 10, with the digests of these models there, each in its epoch, and those of a later place.
    fn line(here: &[(u64, u64, u64)], later: &[(u64, bool)]) -> Timeline {
        let mut line = Timeline::new(Seq::new(10));
        for &(epoch, model, digest) in here {
            line.digest(&header(FrameKind::Digest, 11, 0, epoch), DigestMark { model, digest, accepts: false });
        }
        for &(model, accepts) in later {
            line.digest(&header(FrameKind::Digest, 12, 0, 9), DigestMark { model, digest: 5, accepts });
        }
        line
    }

    #[test]
    fn a_state_is_excluded_if_its_last_event_is_of_a_later_epoch() {
        let mut line = Timeline::new(Seq::new(10));
        for (first, count, epoch) in [(8, 2, 3), (11, 4, 9)] {
            line.events(&header(FrameKind::Events, first, count, epoch));
            assert_eq!(line.excludes(0), None, "nothing tells of event 10");
        }
        line.events(&header(FrameKind::Events, 9, 2, 4));
        assert_eq!([3, 4, 5].map(|epoch| line.excludes(epoch).is_some()), [true, false, false]);
    }

    #[test]
    fn the_last_digest_of_the_model_counts() {
        let none = Voids::default();
        let line = line(&[(1, 7, 100), (2, 7, 200), (2, 8, 300)], &[(7, false)]);
        assert!(line.contradicts(7, 100, &none).is_some() && line.contradicts(7, 200, &none).is_none());
        assert!(line.contradicts(8, 200, &none).is_some() && line.contradicts(8, 300, &none).is_none());
        assert_eq!(line.contradicts(9, 1, &none), None, "nothing tells of this model");
    }

    #[test]
    fn a_digest_from_before_an_event_became_void_does_not_count() {
        let line = line(&[(1, 7, 100), (4, 7, 200)], &[]);
        for (voided, epoch, digest) in [(10, 3, 200), (10, 2, 200), (11, 5, 200)] {
            let mut voids = Voids::default();
            voids.insert(Seq::new(voided), epoch);
            assert!(line.contradicts(7, digest + 1, &voids).is_some() && line.contradicts(7, digest, &voids).is_none());
        }
        let mut voids = Voids::default();
        voids.insert(Seq::new(10), 5);
        assert_eq!(line.contradicts(7, 1, &voids), None, "none is left");
    }

    #[test]
    fn nothing_is_said_if_a_later_state_of_the_model_was_accepted() {
        let none = Voids::default();
        assert_eq!(line(&[(1, 7, 100)], &[(7, true)]).contradicts(7, 1, &none), None);
        assert!(line(&[(1, 7, 100)], &[(8, true), (7, false)]).contradicts(7, 1, &none).is_some());
    }
}
