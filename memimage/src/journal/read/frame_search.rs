//! Finds frames of some kinds in a journal. Of all other frames, only the headers are read and checked.

use super::scan::Scan;
use super::segments::Segments;
use crate::disk::{Access, StoredFile};
use crate::error::Error;
use crate::journal::format::frame::{
    Frame, FrameKind, FrameSummary, HEADER, MAX_ALIGN, TRAILER, parse, parse_header, peek_len, u32_at,
};
use crate::journal::format::frames::matching_frames;
use crate::journal::format::protection::Checksum;
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::timeline::Timeline;
use crate::journal::format::void::Voids;
use crate::seq::{SegmentId, Seq};

/// The size of one read. It fits into the processor's cache, so reading small frames costs little more than copying them.
const WINDOW: usize = 256 << 10;

impl Scan {
    /// The void events that are recorded in segment `from` and all later segments. This function reads only the headers of
    /// other frames, so it is much cheaper than a replay.
    pub(crate) fn voids(&self, from: SegmentId) -> Result<Voids, Error> {
        let mut voids = Voids::default();
        self.each(from, is_void, |segment, frame| self.add_void(segment, frame, &mut voids))?;
        Ok(voids)
    }

    /// The void events in the segments that contain the events after `seq`, and the timeline of the state after `seq`.
    pub(crate) fn voids_and_timeline(&self, seq: Seq) -> Result<(Voids, Timeline), Error> {
        let (mut voids, mut timeline) = (Voids::default(), Timeline::new(seq));
        let start = Timeline::new(seq);
        let wanted = |frame: &FrameSummary| is_void(frame) || start.is_described_by(frame);
        self.each(self.segment_after(seq)?, wanted, |segment, frame| {
            match frame.header.kind {
                FrameKind::Void => self.add_void(segment, frame, &mut voids)?,
                // a frame that does not verify with the keys is skipped here; the replay of its events reports the frame
                _ if self.verify(segment, frame).is_err() => {}
                FrameKind::Events => timeline.add_events(frame),
                _ => {
                    if let Ok(mark) = self.decode_digest(segment, frame) {
                        timeline.add_digest(&frame.header, mark);
                    }
                }
            }
            Ok(())
        })?;
        Ok((voids, timeline))
    }

    /// Passes each intact frame that `wanted` selects, in segment `from` and all later segments, to `visit`. A segment is read
    /// up to the first offset without a valid header.
    fn each(
        &self,
        from: SegmentId,
        wanted: impl Fn(&FrameSummary) -> bool,
        mut visit: impl FnMut(SegmentId, &Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for segment in self.segments_from(from) {
            if let Some(bytes) = self.kept(segment) {
                for frame in matching_frames(&bytes, &self.segments().identity().uuid, segment, &wanted) {
                    visit(segment, &frame)?;
                }
                continue;
            }
            let mut window = FrameWindow::open(self.segments(), segment)?;
            let mut at = SEGMENT_HEADER;
            while let Some(summary) = window.header(at)? {
                let offset = std::mem::replace(&mut at, summary.next_offset);
                if wanted(&summary)
                    && let Some(frame) = window.frame(offset)?
                {
                    visit(segment, &frame)?;
                }
            }
        }
        Ok(())
    }

    fn add_void(&self, segment: SegmentId, frame: &Frame<'_>, voids: &mut Voids) -> Result<(), Error> {
        self.verify(segment, frame)?;
        voids.add(&self.decode_void(segment, frame)?, frame);
        Ok(())
    }
}

fn is_void(frame: &FrameSummary) -> bool {
    frame.kind == Some(FrameKind::Void)
}

/// A part of a segment in memory.
struct FrameWindow {
    file: StoredFile,
    /// The length of the segment.
    len: usize,
    checksum: Checksum,
    /// The offset of the window in the segment: a multiple of the largest alignment of frames, so that frames are aligned in the
    /// window as they are in the segment.
    start: usize,
    bytes: Vec<u8>,
}

impl FrameWindow {
    fn open(segments: &Segments, segment: SegmentId) -> Result<FrameWindow, Error> {
        let file = segments.file(segment, Access::Read)?;
        let len = segments.len_of(segment).expect("a segment of this journal") as usize;
        let checksum = Checksum::new(&segments.identity().uuid, segment);
        Ok(FrameWindow { file, len, checksum, start: 0, bytes: Vec::new() })
    }

    /// The header of the frame at this offset, if it is valid.
    fn header(&mut self, offset: usize) -> Result<Option<FrameSummary>, Error> {
        self.load(offset, offset.saturating_add(HEADER))?;
        let summary = parse_header(&self.bytes, offset - self.start, self.checksum);
        let start = self.start;
        Ok(summary.map(|summary| FrameSummary { next_offset: summary.next_offset + start, ..summary }))
    }

    /// The frame at this offset, if it is intact. The window must contain its header.
    fn frame(&mut self, offset: usize) -> Result<Option<Frame<'_>>, Error> {
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
        let len = (end.saturating_sub(self.start)).max(WINDOW).min(self.len - self.start);
        self.bytes.resize(len, 0);
        let read = self.file.read_up_to(&mut self.bytes, self.start as u64)?;
        // reading the whole segment reports a file that has become shorter
        self.bytes.truncate(read);
        Ok(())
    }
}
