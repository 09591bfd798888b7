//! Reserves disk space: before a command is executed, there is room on disk for its record at a known position in the journal.

use crate::disk::StoredFile;
use crate::journal::format::frame::{align_up, frame_len};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::keys::Protection;
use crate::seq::SegmentId;

/// Bytes reserved at the end of each segment for its seal.
pub(crate) const SEAL_ROOM: u64 = 512;

/// The position of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FramePosition {
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
}

/// A preallocated segment: it is complete, synced, and has no frames yet.
#[derive(Debug)]
pub(crate) struct PreparedSegment {
    pub(crate) segment: SegmentId,
    /// The length of the segment in bytes.
    pub(crate) len: u64,
    /// The protection of the segment's frames, as the segment's header states.
    pub(crate) protection: Protection,
    /// The open file; `None` while the journal is at rest. No space is reserved in a segment whose file is not open, because
    /// the process may have no free handle for the file when the writer enters the segment. The file is synced before it is
    /// closed, so no later write error belongs to it.
    pub(crate) file: Option<StoredFile>,
}

impl PreparedSegment {
    /// Whether the segment has room for this many bytes of frames.
    pub(crate) fn has_room(&self, frames: u64) -> bool {
        SEGMENT_HEADER as u64 + frames <= self.len
    }

    fn is_open_with_room(&self, frames: u64) -> bool {
        self.file.is_some() && self.has_room(frames)
    }
}

/// The segment that the preallocation must provide.
#[derive(Debug)]
pub(crate) struct WantedSegment {
    pub(crate) segment: SegmentId,
    /// The number of bytes that the segment's frames need.
    pub(crate) frames: u64,
    /// The segment that is already preallocated, but is too small or not open.
    pub(crate) existing: Option<PreparedSegment>,
}

/// Reserves disk space for batches. Every segment is filled with zeros before use, so a full disk cannot make the write of a
/// batch with reserved space fail.
#[derive(Debug)]
pub(crate) struct SpaceReservation {
    position: FramePosition,
    /// The length of the segment in bytes.
    len: u64,
    /// The next segment, once it is preallocated.
    next: Option<PreparedSegment>,
    /// The segments in which space was reserved, and which the writer has not entered. The next batch takes them to the writer.
    entered: Vec<PreparedSegment>,
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
        let shapes = frame_len(head, shapes_body) as u64;
        SpaceReservation { position, len, next: None, entered: Vec::new(), shapes, head, align_shift }
    }

    /// Whether the next segment is preallocated, open, and has room for this many bytes of frames.
    pub(crate) fn is_ready_for(&self, frames: u64) -> bool {
        self.next.as_ref().is_some_and(|next| next.is_open_with_room(frames))
    }

    /// The segment to provide next, with room for this many bytes of frames; `None` if it is ready. Takes the preallocated
    /// segment that is not ready, if there is one.
    pub(crate) fn wanted(&mut self, frames: u64) -> Option<WantedSegment> {
        if self.is_ready_for(frames) {
            return None;
        }
        Some(WantedSegment { segment: self.position.segment.next(), frames, existing: self.next.take() })
    }

    /// Adds the next segment, which has been preallocated.
    pub(crate) fn offer(&mut self, prepared: PreparedSegment) {
        debug_assert_eq!(prepared.segment, self.position.segment.next());
        self.next = Some(prepared);
    }

    /// Takes the file of the preallocated segment, so that no space is reserved in this segment until its file is open again.
    pub(crate) fn take_next_file(&mut self) -> Option<StoredFile> {
        self.next.as_mut()?.file.take()
    }

    /// Takes the segments in which space was reserved since the last call.
    pub(super) fn take_entered(&mut self) -> Vec<PreparedSegment> {
        std::mem::take(&mut self.entered)
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
        let needed = self.needed(frame);
        let Some(next) = self.next.take_if(|next| next.is_open_with_room(needed)) else { return false };
        let offset = align_up(SEGMENT_HEADER as u64 + self.shapes, self.align_shift);
        self.position = FramePosition { segment: next.segment, offset };
        self.len = next.len;
        self.entered.push(next);
        true
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
