//! Timelines: detects snapshots and bases of another history of the same image.
//!
//! A second timeline begins when a repair discards events, or when a program writes to a copy of the image. All timelines have
//! the UUID of the image, so a snapshot of one timeline looks like a snapshot of any other. A snapshot contains the hash of the
//! frame with its last event, and this hash depends on everything in the journal before the frame. So a comparison with the
//! hash in the journal shows whether the snapshot belongs to this timeline. Later digest frames show whether the snapshot
//! contains the state that replay computed.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::{Frame, FrameHeader, FrameKind, FrameSummary};
use super::genesis::DigestMark;
use super::void::Voids;
use crate::planted::{Bug, planted};
use crate::seq::{Life, Seq};

/// What the journal records about the state after one event.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) seq: Seq,
    /// The hash of the frame with the event; `None` if this frame was not read.
    hash: Option<u64>,
    /// The digests of this state and of later ones, each with the epoch of its frame.
    digests: Vec<(u64, DigestMark)>,
}

impl Timeline {
    pub(crate) fn new(seq: Seq) -> Timeline {
        Timeline { seq, hash: None, digests: Vec::new() }
    }

    /// Whether a frame contains event `seq`, or is a later digest frame.
    pub(crate) fn is_described_by(&self, frame: &FrameSummary) -> bool {
        match frame.kind {
            Some(FrameKind::Events) => frame.first_seq <= self.seq && self.seq < frame.next_seq,
            Some(FrameKind::Digest) => frame.first_seq > self.seq,
            _ => false,
        }
    }

    /// Records the hash of a frame of events, if the frame contains event `seq`.
    pub(crate) fn add_events(&mut self, frame: &Frame<'_>) {
        let header = &frame.header;
        if header.contains(self.seq) {
            self.hash = Some(frame.link().hash);
        }
    }

    /// Whether the frame with the event was read.
    pub(crate) fn has_event(&self) -> bool {
        self.hash.is_some()
    }

    /// Records the digest of a state, unless the state is older than the state after event `seq`.
    pub(crate) fn add_digest(&mut self, header: &FrameHeader, mark: DigestMark) {
        if mark.seq >= self.seq {
            self.digests.push((header.life.epoch, mark));
        }
    }

    /// The digests of later states of this model, in the order of the states. If a state has several digests, the last one
    /// counts.
    pub(crate) fn later_digests(&self, model: u64, voids: &Voids) -> BTreeMap<Seq, DigestMark> {
        let counts = |(epoch, mark): &&(u64, DigestMark)| {
            mark.model == model && mark.seq > self.seq && !voids.invalidates(mark.seq, *epoch)
        };
        self.digests.iter().filter(counts).map(|(_, mark)| (mark.seq, *mark)).collect()
    }

    /// The later states of this model that have a digest, but none of those that count.
    pub(crate) fn later_states_without(&self, model: u64, counting: &BTreeMap<Seq, DigestMark>) -> BTreeSet<Seq> {
        let of_model =
            self.digests.iter().map(|(_, mark)| mark).filter(|mark| mark.model == model && mark.seq > self.seq);
        of_model.map(|mark| mark.seq).filter(|seq| !counting.contains_key(seq)).collect()
    }

    /// Whether the journal records a digest of this state of this model.
    pub(crate) fn has_digest(&self, model: u64) -> bool {
        self.digests.iter().any(|(_, mark)| mark.model == model && mark.seq == self.seq)
    }

    /// A state contains `link`: the hash of the frame with the state's last event. If this frame has another hash in the
    /// journal, returns an error text, because the state then belongs to another timeline.
    pub(crate) fn link_conflict(&self, link: u64) -> Option<String> {
        let differs = self.hash.is_some_and(|hash| hash != link) && !planted(Bug::ForeignTimelineBelieved);
        differs.then(|| {
            let seq = self.seq;
            format!(
                "the file belongs to another timeline of this image: the journal has another history up to event {seq}"
            )
        })
    }

    /// If `digest` differs from the last digest that this journal records for the same state of this model, returns an error
    /// text, because the state with `digest` then belongs to another timeline. Returns `None` if the owner accepted a later
    /// state of the model, because then no earlier digest counts.
    pub(crate) fn digest_conflict(&self, model: u64, digest: u64, voids: &Voids) -> Option<String> {
        let of_model = || self.digests.iter().rev().filter(|(_, mark)| mark.model == model);
        let counts = |(epoch, mark): &&(u64, DigestMark)| mark.seq == self.seq && !voids.invalidates(self.seq, *epoch);
        let (_, last) = of_model().find(counts)?;
        let is_accepted = of_model().any(|(_, mark)| mark.seq > self.seq && mark.accepts);
        (last.digest != digest && !is_accepted).then(|| {
            let seq = self.seq;
            format!(
                "the file belongs to another timeline of this image: the journal records another digest after event {seq}"
            )
        })
    }
}

/// If one of `lives` has the same epoch as `life` but another id, returns an error text, because a file that was written in
/// `life` then belongs to another timeline.
pub(crate) fn life_conflict(mut lives: impl Iterator<Item = Life>, life: Life) -> Option<String> {
    let conflicts = lives.any(|other| other.epoch == life.epoch && other.id != life.id);
    conflicts.then(|| {
        let epoch = life.epoch;
        format!("the file belongs to another timeline of this image: another owner wrote it in epoch {epoch}")
    })
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
            life: Life { epoch, id: 0 },
            decisions: 0,
            time: Timestamp::default(),
            previous: Link::default(),
            bridge: None,
            align_shift: 9,
        }
    }

    /// The timeline of event 10. `here` lists the digests of the state after event 10, each with the epoch of its frame and
    /// with its model, as (epoch, model, digest). `later` lists the models that have a digest of the state after event 11, each
    /// with a flag: whether the owner accepted the state.
    fn timeline(here: &[(u64, u64, u64)], later: &[(u64, bool)]) -> Timeline {
        let mut timeline = Timeline::new(Seq::new(10));
        for &(epoch, model, digest) in here {
            let mark = DigestMark { seq: Seq::new(10), model, digest, accepts: false };
            timeline.add_digest(&header(FrameKind::Digest, 15, 0, epoch), mark);
        }
        for &(model, accepts) in later {
            let mark = DigestMark { seq: Seq::new(11), model, digest: 5, accepts };
            timeline.add_digest(&header(FrameKind::Digest, 15, 0, 9), mark);
        }
        timeline
    }

    #[test]
    fn a_state_conflicts_if_the_journal_has_another_frame_with_its_last_event() {
        let mut timeline = Timeline::new(Seq::new(10));
        assert_eq!(timeline.link_conflict(5), None, "no frame has event 10");
        timeline.hash = Some(4);
        assert_eq!([3, 4, 5].map(|link| timeline.link_conflict(link).is_some()), [true, false, true]);
    }

    #[test]
    fn only_the_last_digest_of_the_model_counts() {
        let none = Voids::default();
        let timeline = timeline(&[(1, 7, 100), (2, 7, 200), (2, 8, 300)], &[(7, false)]);
        assert!(timeline.digest_conflict(7, 100, &none).is_some() && timeline.digest_conflict(7, 200, &none).is_none());
        assert!(timeline.digest_conflict(8, 200, &none).is_some() && timeline.digest_conflict(8, 300, &none).is_none());
        assert_eq!(timeline.digest_conflict(9, 1, &none), None, "no digest of this model");
    }

    #[test]
    fn a_digest_from_before_an_event_became_void_does_not_count() {
        let timeline = timeline(&[(1, 7, 100), (4, 7, 200)], &[]);
        for (voided, epoch, digest) in [(10, 3, 200), (10, 2, 200), (11, 5, 200)] {
            let mut voids = Voids::default();
            voids.insert(Seq::new(voided), epoch);
            assert!(
                timeline.digest_conflict(7, digest + 1, &voids).is_some()
                    && timeline.digest_conflict(7, digest, &voids).is_none()
            );
        }
        let mut voids = Voids::default();
        voids.insert(Seq::new(10), 5);
        assert_eq!(timeline.digest_conflict(7, 1, &voids), None, "no digest counts");
    }

    #[test]
    fn a_digest_before_an_accepted_state_of_the_model_does_not_count() {
        let none = Voids::default();
        assert_eq!(timeline(&[(1, 7, 100)], &[(7, true)]).digest_conflict(7, 1, &none), None);
        assert!(timeline(&[(1, 7, 100)], &[(8, true), (7, false)]).digest_conflict(7, 1, &none).is_some());
    }

    #[test]
    fn the_last_digest_of_each_later_state_counts() {
        let mut timeline = timeline(&[(1, 7, 100)], &[(7, false), (8, true)]);
        for (seq, epoch, digest) in [(9, 3, 1), (13, 3, 2), (12, 3, 3), (12, 4, 4), (14, 2, 5)] {
            let mark = DigestMark { seq: Seq::new(seq), model: 7, digest, accepts: false };
            timeline.add_digest(&header(FrameKind::Digest, 20, 0, epoch), mark);
        }
        let mut voids = Voids::default();
        voids.insert(Seq::new(14), 3);
        let later: Vec<_> =
            timeline.later_digests(7, &voids).values().map(|mark| (mark.seq.get(), mark.digest)).collect();
        assert_eq!(later, [(11, 5), (12, 4), (13, 2)]);
        let counting = timeline.later_digests(7, &voids);
        assert_eq!(timeline.later_states_without(7, &counting), BTreeSet::from([Seq::new(14)]));
    }
}
