//! Looking for good frames where none is known to begin. Pure bytes; no I/O.

use std::ops::Range;

use super::frame::{Frame, FrameFault, parse, peek};
use super::protection::Checksum;

/// How often over the segment's own length beginnings of frames are read that turn out to be none. What is damaged is read
/// about once: frames do not overlap. Somebody can put a beginning at each few bytes, each of which claims all the rest.
const PATIENCE: u64 = 16;

/// Looks for frames in the bytes of a segment.
#[derive(Debug)]
pub(crate) struct FrameSearch<'a> {
    segment: &'a [u8],
    checksum: Checksum,
    /// So many bytes may still be read in vain.
    patience: u64,
}

/// What a search comes to.
#[derive(Debug)]
pub(crate) enum SearchResult<'a> {
    /// The first good frame.
    Frame(Frame<'a>),
    Nothing,
    /// There are more beginnings of frames that are none than any damage leaves.
    TooMuch,
}

impl<'a> FrameSearch<'a> {
    pub(crate) fn new(segment: &'a [u8], checksum: Checksum) -> FrameSearch<'a> {
        FrameSearch { segment, checksum, patience: (segment.len() as u64).saturating_mul(PATIENCE) }
    }

    /// The first good frame that begins within these bytes.
    pub(crate) fn next(&mut self, within: Range<usize>) -> SearchResult<'a> {
        for at in (within.start.next_multiple_of(8)..within.end.min(self.segment.len())).step_by(8) {
            match parse(self.segment, at, self.checksum) {
                Ok(frame) => return SearchResult::Frame(frame),
                Err(FrameFault::Header) => {}
                Err(FrameFault::Body { .. } | FrameFault::Unsupported { .. }) => {
                    let len = peek(&self.segment[at..], self.checksum).unwrap_or(0).min(self.segment.len() - at);
                    match self.patience.checked_sub(len as u64) {
                        Some(left) => self.patience = left,
                        None => return SearchResult::TooMuch,
                    }
                }
            }
        }
        SearchResult::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{FrameHeader, FrameKind, HEADER, finish, start};
    use super::super::protection::{FrameProtection, Link};
    use super::super::whitening::Salts;
    use super::*;
    use crate::context::Timestamp;
    use crate::keys::Protection;
    use crate::seq::{SegmentId, Seq};

    const FRAMES: usize = 500;

    fn checksum() -> Checksum {
        Checksum::new(&[1; 16], SegmentId::FIRST)
    }

    /// Frames one after the other, and where each begins.
    fn segment() -> (Vec<u8>, Vec<usize>) {
        let (none, mut segment, mut starts) = (Protection::default(), Vec::new(), Vec::new());
        let cover = FrameProtection::new(&[1; 16], SegmentId::FIRST, &none);
        for seq in 1..=FRAMES as u64 {
            let header = FrameHeader {
                kind: FrameKind::Events,
                first_seq: Seq::new(seq),
                count: 1,
                durable_seq: Seq::new(seq - 1),
                epoch: 1,
                time: Timestamp::default(),
                previous: Link::default(),
                align_shift: 3,
            };
            let mut frame = Vec::new();
            start(&mut frame, HEADER);
            frame.resize(HEADER + 96, 0x5A);
            finish(&mut frame, &header, &cover, &cover.draw().unwrap(), segment.len() as u64, &mut Salts::new(1));
            starts.push(segment.len());
            segment.extend(frame);
            segment.resize(segment.len().next_multiple_of(8), 0);
        }
        (segment, starts)
    }

    #[test]
    fn the_last_frame_is_found_behind_any_number_of_damaged_ones() {
        let (mut segment, starts) = segment();
        starts[..FRAMES - 1].iter().for_each(|start| segment[start + HEADER] ^= 1);
        let found = FrameSearch::new(&segment, checksum()).next(0..segment.len());
        assert!(matches!(found, SearchResult::Frame(frame) if frame.offset == starts[FRAMES - 1]), "{found:?}");
        segment[starts[FRAMES - 1] + HEADER] ^= 1;
        let found = FrameSearch::new(&segment, checksum()).next(0..segment.len());
        assert!(matches!(found, SearchResult::Nothing), "{found:?}");
    }

    /// Each was read to the end of the segment, and one of 64 MiB would have taken hours.
    #[test]
    fn frames_that_all_claim_the_rest_of_the_segment_are_given_up() {
        let (mut segment, starts) = segment();
        for &start in &starts[..FRAMES - 1] {
            let body = segment.len() - start - HEADER - 8;
            segment[start + 56..start + 60].copy_from_slice(&(body as u32).to_le_bytes());
            let crc = checksum().of(&segment[start..start + 76]);
            segment[start + 76..start + 80].copy_from_slice(&crc.to_le_bytes());
        }
        let found = FrameSearch::new(&segment, checksum()).next(0..segment.len());
        assert!(matches!(found, SearchResult::TooMuch), "{found:?}");
    }
}
