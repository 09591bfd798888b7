//! Torn write detection (the tail rule): classifies the place where reading stops as the clean end of the journal, a torn
//! write, suspect bytes, or damage.
//!
//! Evidence of synced events must be checked first, because a synced frame that reads as zeros is lost data and not a clean
//! end.

use std::ops::Range;

use super::frame::{FrameFault, HEADER};
use super::protection::Checksum;
use super::resync::{FrameSearch, SearchResult};
use super::whitening::has_zero_sector;
use super::zeros::last_nonzero;
use crate::planted::{Bug, planted};
use crate::seq::Seq;

/// Evidence that events were synced, found elsewhere than in the segment's bytes from the offset on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    /// The highest seq that the frames before the offset, `journal/durable` or the snapshots prove to be synced.
    pub(crate) durable: Seq,
    /// Whether a later segment has a non-zero byte after its header.
    pub(crate) later_segment: bool,
}

/// The classification of the offset at which reading stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The journal ends here.
    Clean,
    /// A torn write: the write of a frame was interrupted before the frame was synced. Recovery may clear these bytes.
    Torn(Range<usize>),
    /// Damage: synced data is missing or damaged.
    Corrupt(&'static str),
    /// No evidence proves that the frame was synced, but an interrupted write does not explain its bytes either.
    Suspect(&'static str),
}

/// Classifies the bytes at `offset` of a segment. Event `expected` belongs at this offset, but no valid frame starts there.
/// `segment` contains the segment's bytes, at least up to the last nonzero byte. `len` is the length of the segment. `after`
/// computes [`durable_after`] for this offset; `classify` calls `after` only if the result is needed.
pub(crate) fn classify(
    (segment, len): (&[u8], u64),
    offset: usize,
    fault: &FrameFault,
    expected: Seq,
    evidence: Evidence,
    after: impl FnOnce() -> Option<Seq>,
) -> Verdict {
    let rest = segment.get(offset..).unwrap_or_default();
    if planted(Bug::CleanBeforeEvidence) && last_nonzero(rest).is_none() {
        return Verdict::Clean;
    }
    if evidence.later_segment {
        return Verdict::Corrupt("a frame is missing or damaged, and a later segment has frames");
    }
    let last = last_nonzero(rest);
    let Some(after) = last.map_or(Some(Seq::ZERO), |_| after()) else {
        return Verdict::Corrupt("the following bytes have more incomplete frames than a crash or damage can leave");
    };
    let durable = evidence.durable.max(after);
    if durable >= expected && !planted(Bug::DamageTakenForTorn) {
        return Verdict::Corrupt("a frame that was synced is missing or damaged");
    }
    let Some(last) = last else { return Verdict::Clean };
    let torn = match fault {
        // the writer never writes a frame beyond the end of its segment
        FrameFault::Body { len: frame } if (offset + frame) as u64 > len => false,
        FrameFault::Body { len: frame } => ends_before(last, *frame) || has_zero_sector(rest, offset as u64, 0..*frame),
        FrameFault::Header => {
            ends_before(last, HEADER) || has_zero_sector(rest, offset as u64, 0..HEADER.min(rest.len()))
        }
        FrameFault::Unsupported { .. } => false,
    };
    if torn || planted(Bug::DamageTakenForTorn) {
        Verdict::Torn(offset..offset + last + 1)
    } else {
        Verdict::Suspect(
            "a frame is damaged; nothing shows that it was synced, but all its sectors were written, so this is not a torn write",
        )
    }
}

/// Whether a write of `len` bytes stopped before its last byte. The last byte of a frame or header is never zero. So the write
/// stopped early if `last`, the index of the last nonzero byte, is smaller than the index of the last byte of the write. A
/// failed or killed write can stop within a sector.
fn ends_before(last: usize, len: usize) -> bool {
    last + 1 < len
}

/// The highest seq that valid frames after `offset` record as synced. `None` if the search for these frames exceeds the limit
/// of [`FrameSearch`].
pub(crate) fn durable_after(segment: &[u8], offset: usize, checksum: Checksum) -> Option<Seq> {
    let mut search = FrameSearch::new(segment, checksum);
    let (mut durable, mut at) = (Seq::ZERO, offset);
    loop {
        match search.next(at..segment.len()) {
            SearchResult::Frame(frame) => {
                durable = durable.max(frame.header.durable_seq);
                at = frame.next_offset();
            }
            SearchResult::NotFound => return Some(durable),
            SearchResult::LimitExceeded => return None,
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
    use crate::seq::{Life, SegmentId};

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
            life: Life { epoch: 1, id: 77 },
            decisions: 0,
            time: Timestamp::default(),
            previous: Link::default(),
            bridge: None,
            align_shift: 9,
        };
        let mut buffer = Vec::new();
        let none = Protection::default();
        let protection = FrameProtection::new(&[1; 16], SegmentId::FIRST, &none);
        start(&mut buffer, HEADER);
        buffer.resize(HEADER + body, 0x5A);
        finish(&mut buffer, &header, &protection, &protection.draw().unwrap(), offset as u64, &mut Salts::new(1));
        buffer
    }

    /// A segment with one frame, which spans three sectors and contains event 5.
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
        classify((segment, segment.len() as u64), AT, &fault, Seq::new(5), evidence, after)
    }

    #[test]
    fn zeros_are_a_clean_end_unless_there_is_evidence_of_later_events() {
        let zeros = vec![0; 16 << 10];
        assert_eq!(verdict(&zeros, 4, false), Verdict::Clean);
        assert!(matches!(verdict(&zeros, 5, false), Verdict::Corrupt(_)));
        assert!(matches!(verdict(&zeros, 0, true), Verdict::Corrupt(_)));
    }

    #[test]
    fn every_subset_of_unwritten_sectors_is_torn_and_not_damage() {
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
    fn a_flipped_bit_in_a_complete_frame_is_suspect() {
        for at in [AT, AT + 56, AT + HEADER - 1, AT + 600, AT + 1280] {
            let mut segment = segment();
            segment[at] ^= 4;
            assert!(matches!(verdict(&segment, 4, false), Verdict::Suspect(_)), "{at}");
        }
    }

    /// Regression: after a failed write, an image could not be opened any more. A failed write can stop at any byte, not only
    /// at the end of a sector.
    #[test]
    fn a_frame_that_was_written_up_to_any_byte_is_torn() {
        let complete = segment();
        let len = last_nonzero(&complete[AT..]).unwrap() + 1;
        for written in 1..len {
            let mut segment = vec![0; complete.len()];
            segment[AT..AT + written].copy_from_slice(&complete[AT..AT + written]);
            assert!(matches!(verdict(&segment, 4, false), Verdict::Torn(_)), "{written}");
            assert!(matches!(verdict(&segment, 5, false), Verdict::Corrupt(_)), "{written} with evidence");
        }
    }

    /// Regression: a frame that extends beyond the segment was classified as torn if the last byte of the segment was zero.
    #[test]
    fn a_frame_that_reaches_beyond_the_segment_is_suspect() {
        let complete = segment();
        for room in HEADER + 1..1200 {
            let mut cut = complete[..AT + room].to_vec();
            cut[AT + room - 1] = 0;
            assert!(matches!(verdict(&cut, 4, false), Verdict::Suspect(_)), "{room}");
        }
    }

    #[test]
    fn a_later_frame_in_the_segment_is_evidence() {
        let mut segment = segment();
        let at = AT + 4 * SECTOR;
        let later = frame(6, 5, 10, at);
        segment[at..at + later.len()].copy_from_slice(&later);
        segment[AT..AT + SECTOR].fill(0);
        assert!(matches!(verdict(&segment, 4, false), Verdict::Corrupt(_)));
    }

    #[test]
    fn a_later_frame_without_evidence_is_torn_together_with_the_missing_one() {
        let mut segment = segment();
        let at = AT + 4 * SECTOR;
        let later = frame(6, 4, 10, at);
        segment[at..at + later.len()].copy_from_slice(&later);
        segment[AT..AT + SECTOR].fill(0);
        assert_eq!(verdict(&segment, 4, false), Verdict::Torn(AT..at + later.len()));
    }
}
