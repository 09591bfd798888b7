//! A position between two frames of a journal, at which reading can continue.

use crate::journal::format::frames::FrameChain;
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::seq::SegmentId;

/// The position after a frame of a journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TailPosition {
    pub(crate) segment: SegmentId,
    /// The offset of the next frame.
    pub(crate) offset: u64,
    /// What the next frame must continue; `None` if the next frame may be any intact frame.
    pub(crate) chain: Option<FrameChain>,
    /// Whether the last frame was a seal, so that the next frame is in the next segment.
    pub(crate) sealed: bool,
}

impl TailPosition {
    /// The position at the first frame of a segment, from which a reader skips the frames that it knows.
    pub(crate) fn start_of(segment: SegmentId) -> TailPosition {
        TailPosition { segment, offset: SEGMENT_HEADER as u64, chain: None, sealed: false }
    }

    /// The position after the seal of this segment.
    pub(crate) fn in_next_segment(&self) -> TailPosition {
        TailPosition { chain: self.chain, ..TailPosition::start_of(self.segment.next()) }
    }
}
