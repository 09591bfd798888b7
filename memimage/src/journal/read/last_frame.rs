//! Recognizes the frame that a reader read last, so that the reader notices when the journal before its position was replaced.

use crate::disk::StoredFile;
use crate::error::Error;
use crate::journal::format::frame::{Frame, HEADER};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::seq::SegmentId;

/// The place and the header of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameMark {
    segment: SegmentId,
    offset: u64,
    header: [u8; HEADER],
}

/// What became of the frame that a reader read last.
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
        FrameMark { segment, offset: frame.offset as u64, header: *frame.header_bytes() }
    }

    pub(super) fn segment(&self) -> SegmentId {
        self.segment
    }

    /// Compares the frame with the bytes in `file`, which is its segment.
    pub(super) fn find_in(&self, file: &StoredFile) -> Result<LastFrame, Error> {
        debug_assert!(self.offset >= SEGMENT_HEADER as u64);
        let mut bytes = [0; HEADER];
        let read = file.read_up_to(&mut bytes, self.offset)?;
        Ok(if read == HEADER && bytes == self.header { LastFrame::InPlace } else { LastFrame::Replaced })
    }
}
