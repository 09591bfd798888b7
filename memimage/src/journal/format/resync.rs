//! Searches a segment for the next valid frame after an offset at which no valid frame starts.

use std::ops::Range;

use super::frame::{Frame, FrameFault, parse, peek_len};
use super::protection::Checksum;

/// Limits how many bytes a search may check in invalid frames whose headers are valid: in total, this many times the length of
/// the segment. In a damaged segment, a search checks each byte about once, because frames do not overlap. In a forged segment,
/// a header can begin every few bytes, and each header can claim the whole rest of the segment as its frame. Without the limit,
/// a search would check all these frames.
const LIMIT_FACTOR: u64 = 16;

#[derive(Debug)]
pub(crate) struct FrameSearch<'a> {
    segment: &'a [u8],
    checksum: Checksum,
    /// The number of bytes of invalid frames that the search may still check.
    remaining: u64,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a search has one result at a time, and most are frames")]
pub(crate) enum SearchResult<'a> {
    /// The first valid frame.
    Frame(Frame<'a>),
    /// There is no valid frame.
    NotFound,
    /// The segment contains more invalid frames with valid headers than damage can leave.
    LimitExceeded,
}

impl<'a> FrameSearch<'a> {
    pub(crate) fn new(segment: &'a [u8], checksum: Checksum) -> FrameSearch<'a> {
        FrameSearch { segment, checksum, remaining: (segment.len() as u64).saturating_mul(LIMIT_FACTOR) }
    }

    /// Finds the first valid frame that begins within this range of bytes.
    pub(crate) fn next(&mut self, within: Range<usize>) -> SearchResult<'a> {
        for at in (within.start.next_multiple_of(8)..within.end.min(self.segment.len())).step_by(8) {
            match parse(self.segment, at, self.checksum) {
                Ok(frame) => return SearchResult::Frame(frame),
                Err(FrameFault::Header) => {}
                Err(FrameFault::Body { .. } | FrameFault::Unsupported { .. }) => {
                    let len = peek_len(&self.segment[at..], self.checksum).unwrap_or(0).min(self.segment.len() - at);
                    match self.remaining.checked_sub(len as u64) {
                        Some(left) => self.remaining = left,
                        None => return SearchResult::LimitExceeded,
                    }
                }
            }
        }
        SearchResult::NotFound
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{FrameHeader, FrameKind, HEADER, TRAILER, finish, start};
    use super::super::protection::{CHECKSUM_AT, FrameProtection, Link};
    use super::super::whitening::Salts;
    use super::*;
    use crate::context::Timestamp;
    use crate::keys::Protection;
    use crate::seq::{Life, SegmentId, Seq};

    const FRAMES: usize = 500;

    fn checksum() -> Checksum {
        Checksum::new(&[1; 16], SegmentId::FIRST)
    }

    /// A segment full of frames, and the offset of each frame.
    fn segment() -> (Vec<u8>, Vec<usize>) {
        let (none, mut segment, mut starts) = (Protection::default(), Vec::new(), Vec::new());
        let protection = FrameProtection::new(&[1; 16], SegmentId::FIRST, &none);
        for seq in 1..=FRAMES as u64 {
            let header = FrameHeader {
                kind: FrameKind::Events,
                first_seq: Seq::new(seq),
                count: 1,
                durable_seq: Seq::new(seq - 1),
                life: Life { epoch: 1, id: 77 },
                decisions: 0,
                time: Timestamp::default(),
                previous: Link::default(),
                bridge: None,
                align_shift: 3,
            };
            let mut frame = Vec::new();
            start(&mut frame, HEADER);
            frame.resize(HEADER + 96, 0x5A);
            finish(
                &mut frame,
                &header,
                &protection,
                &protection.draw().unwrap(),
                segment.len() as u64,
                &mut Salts::new(1),
            );
            starts.push(segment.len());
            segment.extend(frame);
            segment.resize(segment.len().next_multiple_of(8), 0);
        }
        (segment, starts)
    }

    #[test]
    fn the_search_finds_the_last_frame_after_any_number_of_damaged_frames() {
        let (mut segment, starts) = segment();
        starts[..FRAMES - 1].iter().for_each(|start| segment[start + HEADER] ^= 1);
        let found = FrameSearch::new(&segment, checksum()).next(0..segment.len());
        assert!(matches!(found, SearchResult::Frame(frame) if frame.offset == starts[FRAMES - 1]), "{found:?}");
        segment[starts[FRAMES - 1] + HEADER] ^= 1;
        let found = FrameSearch::new(&segment, checksum()).next(0..segment.len());
        assert!(matches!(found, SearchResult::NotFound), "{found:?}");
    }

    /// Regression: the search read every invalid frame that claimed the rest of the segment, which would have taken hours in a
    /// segment of 64 MiB.
    #[test]
    fn the_search_gives_up_if_every_frame_claims_the_rest_of_the_segment() {
        let (mut segment, starts) = segment();
        for &start in &starts[..FRAMES - 1] {
            let body = segment.len() - start - HEADER - TRAILER;
            segment[start + 56..start + 60].copy_from_slice(&(body as u32).to_le_bytes());
            let crc = checksum().of(&segment[start..start + CHECKSUM_AT]);
            segment[start + CHECKSUM_AT..start + HEADER].copy_from_slice(&crc.to_le_bytes());
        }
        let found = FrameSearch::new(&segment, checksum()).next(0..segment.len());
        assert!(matches!(found, SearchResult::LimitExceeded), "{found:?}");
    }
}
