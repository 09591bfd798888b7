//! Recognizes a frame that a reader has read, so that the reader notices when the journal up to there was replaced.

use xxhash_rust::xxh3::xxh3_64;

use crate::disk::StoredFile;
use crate::error::Error;
use crate::journal::format::frame::{Frame, HEADER};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::seq::SegmentId;

/// The place of a frame, and the hash of its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameMark {
    segment: SegmentId,
    offset: u64,
    /// The hash of the header. Any two headers differ: they contain a checksum, a salt, and the hash of the frame before.
    header: u64,
}

/// What became of a frame that a reader has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastFrame {
    /// The frame is where the reader found it, or the reader has read no frame yet.
    InPlace,
    /// Its segment was removed.
    Removed,
    /// Other bytes are in its place.
    Replaced,
}

impl FrameMark {
    pub(super) fn of(segment: SegmentId, frame: &Frame<'_>) -> FrameMark {
        FrameMark::new(segment, frame.offset as u64, frame.header_bytes())
    }

    pub(super) fn new(segment: SegmentId, offset: u64, header: &[u8; HEADER]) -> FrameMark {
        FrameMark { segment, offset, header: xxh3_64(header) }
    }

    pub(super) fn segment(&self) -> SegmentId {
        self.segment
    }

    /// Compares the frame with the bytes in `file`, which is its segment.
    pub(super) fn find_in(&self, file: &StoredFile) -> Result<LastFrame, Error> {
        debug_assert!(self.offset >= SEGMENT_HEADER as u64);
        let mut bytes = [0; HEADER];
        let read = file.read_up_to(&mut bytes, self.offset)?;
        Ok(if read == HEADER && xxh3_64(&bytes) == self.header { LastFrame::InPlace } else { LastFrame::Replaced })
    }
}
