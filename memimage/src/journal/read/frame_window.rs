//! Reads frames, or only their headers, at given offsets of a segment.

use super::last_frame::FrameMark;
use super::segments::Segments;
use crate::disk::{Access, StoredFile};
use crate::error::Error;
use crate::journal::format::frame::{
    Frame, FrameSummary, HEADER, MAX_ALIGN, TRAILER, parse, parse_header, peek_len, u32_at,
};
use crate::journal::format::protection::Checksum;
use crate::seq::SegmentId;

/// The size of one read. It fits into the processor's cache, so reading small frames costs little more than copying them.
const WINDOW: usize = 256 << 10;
/// The size of the first read of a reader that mostly finds no frame.
const SMALL_WINDOW: usize = 8 << 10;

/// A part of a segment in memory.
pub(super) struct FrameWindow {
    file: StoredFile,
    /// The length of the segment.
    len: usize,
    checksum: Checksum,
    /// The offset of the window in the segment: a multiple of the largest alignment of frames, so that frames are aligned in the
    /// window as they are in the segment.
    start: usize,
    bytes: Vec<u8>,
    /// The size of the next read.
    wanted: usize,
}

impl FrameWindow {
    /// A window of a segment, as long as the segment was when the segments were listed.
    pub(super) fn open(segments: &Segments, segment: SegmentId) -> Result<FrameWindow, Error> {
        let file = segments.file(segment, Access::Read)?;
        let len = segments.len_of(segment).expect("a segment of this journal");
        Ok(FrameWindow::over(file, len, segments, segment))
    }

    /// A window of a segment, as long as the segment is now, because a large record makes a segment longer. The first read is
    /// small, because there are mostly no more frames.
    pub(super) fn open_at_end(segments: &Segments, segment: SegmentId) -> Result<FrameWindow, Error> {
        let file = segments.file(segment, Access::Read)?;
        let len = file.len()?;
        Ok(FrameWindow { wanted: SMALL_WINDOW, ..FrameWindow::over(file, len, segments, segment) })
    }

    fn over(file: StoredFile, len: u64, segments: &Segments, segment: SegmentId) -> FrameWindow {
        let checksum = Checksum::new(&segments.identity().uuid, segment);
        FrameWindow { file, len: len as usize, checksum, start: 0, bytes: Vec::new(), wanted: WINDOW }
    }

    /// The header of the frame at this offset, if it is valid.
    pub(super) fn header(&mut self, offset: usize) -> Result<Option<FrameSummary>, Error> {
        self.load(offset, offset.saturating_add(HEADER))?;
        let summary = parse_header(&self.bytes, offset - self.start, self.checksum);
        let start = self.start;
        Ok(summary.map(|summary| FrameSummary { next_offset: summary.next_offset + start, ..summary }))
    }

    /// The mark of the frame at this offset. The window must contain its header.
    pub(super) fn mark(&self, segment: SegmentId, offset: usize) -> FrameMark {
        let header = self.bytes[offset - self.start..].first_chunk().expect("the window contains the header");
        FrameMark::new(segment, offset as u64, header)
    }

    /// The frame at this offset, if it is intact. The window must contain its header.
    pub(super) fn frame(&mut self, offset: usize) -> Result<Option<Frame<'_>>, Error> {
        let Some(len) = peek_len(&self.bytes[offset - self.start..], self.checksum) else { return Ok(None) };
        let end = offset + len;
        if end > self.start + self.bytes.len() {
            // compares the length with its copy in the trailer, so that a forged header alone does not cause a large allocation
            let mut trailer = [0; TRAILER];
            let read = self.file.read_up_to(&mut trailer, (end - TRAILER) as u64)?;
            if end > self.len || read < TRAILER || u32_at(&trailer, 0) as usize != len {
                return Ok(None);
            }
        }
        self.load(offset, end)?;
        let mut frame = parse(&self.bytes, offset - self.start, self.checksum).ok();
        if let Some(frame) = &mut frame {
            frame.offset = offset;
        }
        Ok(frame)
    }

    /// Makes the window contain the bytes from `offset` to `end`, as far as the segment has them.
    fn load(&mut self, offset: usize, end: usize) -> Result<(), Error> {
        let end = end.min(self.len);
        if offset >= self.start && end <= self.start + self.bytes.len() {
            return Ok(());
        }
        self.start = offset.min(self.len) / MAX_ALIGN * MAX_ALIGN;
        let len = (end.saturating_sub(self.start)).max(self.wanted).min(self.len - self.start);
        self.wanted = WINDOW;
        self.bytes.resize(len, 0);
        let read = self.file.read_up_to(&mut self.bytes, self.start as u64)?;
        // reading the whole segment reports a file that has become shorter
        self.bytes.truncate(read);
        Ok(())
    }
}
