//! Reserves disk space: before a command is executed, there is room on disk for its record at a known position in the journal.

use crate::journal::format::frame::{align_up, frame_len};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::seq::SegmentId;

/// Bytes reserved at the end of each segment for its seal.
pub(crate) const SEAL_ROOM: u64 = 512;

/// The position of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FramePosition {
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
}

/// Reserves disk space for batches. Every segment is filled with zeros before use, so a full disk cannot make the write of a
/// batch with reserved space fail.
#[derive(Clone, Debug)]
pub(crate) struct SpaceReservation {
    position: FramePosition,
    /// The length of the segment in bytes.
    len: u64,
    /// The next segment and its length, once it is preallocated.
    next: Option<(SegmentId, u64)>,
    /// The number of bytes in the shapes frame that begins each segment.
    pub(super) shapes: u64,
    /// The number of bytes before the body of each frame.
    pub(super) head: usize,
    align_shift: u8,
}

impl SpaceReservation {
    /// Reserves space from `position` on, in a segment of `len` bytes. `head` is the number of bytes before the body of
    /// each frame.
    pub(crate) fn new(
        position: FramePosition,
        len: u64,
        shapes_body: usize,
        head: usize,
        align_shift: u8,
    ) -> SpaceReservation {
        SpaceReservation { position, len, next: None, shapes: frame_len(head, shapes_body) as u64, head, align_shift }
    }

    /// The segment to preallocate next.
    pub(crate) fn next_segment(&self) -> SegmentId {
        self.position.segment.next()
    }

    /// Whether the next segment is preallocated and has room for this many bytes of frames.
    pub(crate) fn is_ready_for(&self, frames: u64) -> bool {
        self.next.is_some_and(|(_, len)| SEGMENT_HEADER as u64 + frames <= len)
    }

    /// Adds the next segment, which has been preallocated.
    pub(crate) fn offer(&mut self, segment: SegmentId, len: u64) {
        debug_assert_eq!(segment, self.position.segment.next());
        self.next = Some((segment, len));
    }

    /// Removes the preallocated segment, because a larger one replaces it.
    pub(crate) fn withdraw(&mut self) {
        self.next = None;
    }

    /// The number of bytes that a segment needs for a shapes frame, a frame of this length and a seal.
    pub(crate) fn needed(&self, frame: u64) -> u64 {
        align_up(self.shapes, self.align_shift) + align_up(frame, self.align_shift) + SEAL_ROOM
    }

    /// Makes the next frame start in the next segment.
    pub(super) fn skip_to_next_segment(&mut self) {
        self.position.offset = self.len;
    }

    /// Reserves space for a frame of this length in the current or the preallocated segment. Returns false if neither segment
    /// has room.
    #[inline]
    pub(super) fn reserve(&mut self, frame: u64) -> bool {
        if self.fits(frame) {
            return true;
        }
        match self.next {
            Some((segment, len)) if SEGMENT_HEADER as u64 + self.needed(frame) <= len => {
                let offset = align_up(SEGMENT_HEADER as u64 + self.shapes, self.align_shift);
                self.position = FramePosition { segment, offset };
                self.len = len;
                self.next = None;
                true
            }
            _ => false,
        }
    }

    #[inline]
    pub(super) fn fits(&self, frame: u64) -> bool {
        align_up(self.position.offset + frame, self.align_shift) + SEAL_ROOM <= self.len
    }

    /// Returns the position of a frame that fits, and advances past the frame.
    pub(super) fn take(&mut self, frame: u64) -> FramePosition {
        debug_assert!(self.fits(frame));
        let position = self.position;
        self.position.offset = align_up(position.offset + frame, self.align_shift);
        position
    }
}
