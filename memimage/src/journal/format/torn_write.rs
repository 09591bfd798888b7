//! The tail rule: whether the place where reading stops is the journal's clean end, a write that a crash cut short, or
//! damage. Pure bytes → verdict; no I/O.
//!
//! The rule's order is what makes it right: evidence is asked before anything else, for a synced frame that reads as
//! zeros is lost data, not a clean end.

use std::ops::Range;

use super::frame::{FrameFault, HEADER};
use super::protection::Checksum;
use super::resync::{FrameSearch, SearchResult};
use super::whitening::has_zero_sector;
use super::zeros::last_used;
use crate::planted::{Bug, planted};
use crate::seq::Seq;

/// What is known of the journal besides the bytes at the place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    /// The highest seq that anything says was synced: a frame of this segment, `journal/durable`, a snapshot.
    pub(crate) durable: Seq,
    /// Whether a later segment has frames.
    pub(crate) later_segment: bool,
}

/// What the place is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The journal ends here.
    Clean,
    /// A frame was being written here and was never acknowledged; these bytes may be cleared.
    Torn(Range<usize>),
    /// Acknowledged data is missing here.
    Corrupt(&'static str),
    /// The bytes are neither: not acknowledged as far as is known, but no cut-short write either.
    Suspect(&'static str),
}

/// Judges the place at `offset` of a segment where no frame was found and the event `expecting` belongs. `segment` has its
/// bytes up to the last that is used, of `len` in all; `after` gives [`durable_after`] the place, if it is asked.
pub(crate) fn judge(
    (segment, len): (&[u8], u64),
    offset: usize,
    fault: &FrameFault,
    expecting: Seq,
    evidence: Evidence,
    after: impl FnOnce() -> Option<Seq>,
) -> Verdict {
    let rest = segment.get(offset..).unwrap_or_default();
    if planted(Bug::CleanBeforeEvidence) && last_used(rest).is_none() {
        return Verdict::Clean;
    }
    if evidence.later_segment {
        return Verdict::Corrupt("a frame is missing or damaged, and a later segment has frames");
    }
    let last = last_used(rest);
    let Some(after) = last.map_or(Some(Seq::ZERO), |_| after()) else {
        return Verdict::Corrupt("more frames begin here, of which none is whole, than damage or a crash leaves");
    };
    let durable = evidence.durable.max(after);
    if durable >= expecting && !planted(Bug::DamageTakenForTorn) {
        return Verdict::Corrupt("a frame is missing or damaged that is known to have been synced");
    }
    let Some(last) = last else { return Verdict::Clean };
    let torn = match fault {
        // no frame is written beyond its segment's end
        FrameFault::Body { len: frame } if (offset + frame) as u64 > len => false,
        FrameFault::Body { len: frame } => ends_before(last, *frame) || has_zero_sector(rest, offset as u64, 0..*frame),
        FrameFault::Header => {
            ends_before(last, HEADER) || has_zero_sector(rest, offset as u64, 0..HEADER.min(rest.len()))
        }
        FrameFault::Unsupported { .. } => false,
    };
    match torn || planted(Bug::DamageTakenForTorn) {
        true => Verdict::Torn(offset..offset + last + 1),
        false => Verdict::Suspect(
            "a frame was never acknowledged as far as is known, but all its sectors were written, so this is no write that a \
             crash cut short",
        ),
    }
}

/// Whether the last of these `len` bytes, which is never zero, was not written, and nothing after it, `last` being the last
/// byte that is not zero: a write that failed or was killed halfway, which may stop within a sector.
fn ends_before(last: usize, len: usize) -> bool {
    last + 1 < len
}

/// The highest seq that good frames after a place where none is say was synced; `None` if there is too much to look at.
pub(crate) fn durable_after(segment: &[u8], offset: usize, checksum: Checksum) -> Option<Seq> {
    let mut search = FrameSearch::new(segment, checksum);
    let (mut durable, mut at) = (Seq::ZERO, offset);
    loop {
        match search.next(at..segment.len()) {
            SearchResult::Frame(frame) => {
                durable = durable.max(frame.header.durable_seq);
                at = frame.next_offset();
            }
            SearchResult::Nothing => return Some(durable),
            SearchResult::TooMuch => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{FrameHeader, FrameKind, finish, parse, start};
    use super::super::protection::{FrameProtection, Link};
    use super::super::whitening::{SECTOR, Salts};
    use super::*;
    use crate::context::Timestamp;
    use crate::keys::Protection;
    use crate::seq::SegmentId;

    const AT: usize = 4096;

    fn checksum() -> Checksum {
        Checksum::new(&[1; 16], SegmentId::FIRST)
    }

    fn frame(first: u64, durable: u64, body: usize, offset: usize) -> Vec<u8> {
        let header = FrameHeader {
            kind: FrameKind::Events,
            first_seq: Seq::new(first),
            count: 1,
            durable_seq: Seq::new(durable),
            epoch: 1,
            time: Timestamp::default(),
            previous: Link::default(),
            align_shift: 9,
        };
        let mut buffer = Vec::new();
        let none = Protection::default();
        let cover = FrameProtection::new(&[1; 16], SegmentId::FIRST, &none);
        start(&mut buffer, HEADER);
        buffer.resize(HEADER + body, 0x5A);
        finish(&mut buffer, &header, &cover, &cover.draw().unwrap(), offset as u64, &mut Salts::new(1));
        buffer
    }

    /// A segment with one frame of three sectors, which holds event 5.
    fn segment() -> Vec<u8> {
        let mut segment = vec![0; 16 << 10];
        let frame = frame(5, 4, 1200, AT);
        segment[AT..AT + frame.len()].copy_from_slice(&frame);
        segment
    }

    fn verdict(segment: &[u8], durable: u64, later_segment: bool) -> Verdict {
        let fault = parse(segment, AT, checksum()).expect_err("a damaged frame");
        let evidence = Evidence { durable: Seq::new(durable), later_segment };
        let after = || durable_after(segment, AT, checksum());
        judge((segment, segment.len() as u64), AT, &fault, Seq::new(5), evidence, after)
    }

    #[test]
    fn zeros_to_the_end_are_the_end_unless_there_is_evidence_of_more() {
        let zeros = vec![0; 16 << 10];
        assert_eq!(verdict(&zeros, 4, false), Verdict::Clean);
        assert!(matches!(verdict(&zeros, 5, false), Verdict::Corrupt(_)));
        assert!(matches!(verdict(&zeros, 0, true), Verdict::Corrupt(_)));
    }

    #[test]
    fn every_subset_of_unwritten_sectors_is_torn_and_none_is_damage() {
        for missing in 1..8 {
            let mut segment = segment();
            for sector in 0..3 {
                if missing & (1 << sector) != 0 {
                    segment[AT + sector * SECTOR..][..SECTOR].fill(0);
                }
            }
            let expected = if missing == 7 { Verdict::Clean } else { verdict(&segment, 4, false) };
            assert_eq!(verdict(&segment, 4, false), expected, "{missing:03b}");
            assert!(matches!(expected, Verdict::Clean | Verdict::Torn(_)), "{missing:03b}: {expected:?}");
            assert!(matches!(verdict(&segment, 5, false), Verdict::Corrupt(_)), "{missing:03b} with evidence");
        }
    }

    #[test]
    fn a_flipped_bit_in_a_whole_frame_is_suspect() {
        for at in [AT, AT + 56, AT + 79, AT + 600, AT + 1280] {
            let mut segment = segment();
            segment[at] ^= 4;
            assert!(matches!(verdict(&segment, 4, false), Verdict::Suspect(_)), "{at}");
        }
    }

    /// A write that failed halfway once left an image that refused to open: it stops at any byte, not at a sector's end.
    #[test]
    fn a_frame_that_was_written_up_to_any_byte_is_torn() {
        let whole = segment();
        let len = last_used(&whole[AT..]).unwrap() + 1;
        for written in 1..len {
            let mut segment = vec![0; whole.len()];
            segment[AT..AT + written].copy_from_slice(&whole[AT..AT + written]);
            assert!(matches!(verdict(&segment, 4, false), Verdict::Torn(_)), "{written}");
            assert!(matches!(verdict(&segment, 5, false), Verdict::Corrupt(_)), "{written} with evidence");
        }
    }

    /// One that was copied to where it has no room was taken for torn if the byte at which the segment ends was a zero.
    #[test]
    fn a_frame_that_reaches_beyond_the_segment_is_suspect() {
        let whole = segment();
        for room in 81..1200 {
            let mut cut = whole[..AT + room].to_vec();
            cut[AT + room - 1] = 0;
            assert!(matches!(verdict(&cut, 4, false), Verdict::Suspect(_)), "{room}");
        }
    }

    #[test]
    fn a_later_frame_of_the_segment_is_evidence() {
        let mut segment = segment();
        let at = AT + 4 * SECTOR;
        let later = frame(6, 5, 10, at);
        segment[at..at + later.len()].copy_from_slice(&later);
        segment[AT..AT + SECTOR].fill(0);
        assert!(matches!(verdict(&segment, 4, false), Verdict::Corrupt(_)));
    }

    #[test]
    fn a_later_frame_that_was_built_before_the_missing_one_was_synced_is_torn_with_it() {
        let mut segment = segment();
        let at = AT + 4 * SECTOR;
        let later = frame(6, 4, 10, at);
        segment[at..at + later.len()].copy_from_slice(&later);
        segment[AT..AT + SECTOR].fill(0);
        assert_eq!(verdict(&segment, 4, false), Verdict::Torn(AT..at + later.len()));
    }
}
