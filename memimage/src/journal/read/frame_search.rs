//! Finds frames of some kinds in a journal. Of all other frames, only the headers are read and checked.

use super::frame_window::FrameWindow;
use super::scan::Scan;
use crate::error::Error;
use crate::journal::format::frame::{Frame, FrameKind, FrameSummary};
use crate::journal::format::frames::matching_frames;
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::timeline::Timeline;
#[cfg(feature = "admin")]
use crate::journal::format::void::VoidMark;
use crate::journal::format::void::Voids;
use crate::seq::{SegmentId, Seq};

impl Scan {
    /// The void events that are recorded in segment `from` and all later segments. Of the segments before the last one, this reads
    /// the headers in those with a void frame, and the first frame of a few others.
    pub(crate) fn voids(&self, from: SegmentId) -> Result<Voids, Error> {
        let mut voids = Voids::default();
        for segment in self.segments_with_voids(from)? {
            self.each_in(segment, is_void, |segment, frame| self.add_void(segment, frame, &mut voids))?;
        }
        Ok(voids)
    }

    /// All decisions that an event is void, in the order of the journal.
    #[cfg(feature = "admin")]
    pub(crate) fn void_marks(&self) -> Result<Vec<VoidMark>, Error> {
        let mut marks = Vec::new();
        for segment in self.segments_with_voids(self.segments().first())? {
            self.each_in(segment, is_void, |segment, frame| {
                self.verify(segment, frame)?;
                marks.push(self.decode_void(segment, frame)?);
                Ok(())
            })?;
        }
        Ok(marks)
    }

    /// The void events that are recorded in the segment with the event after `seq` and in all later segments.
    pub(crate) fn voids_after(&self, seq: Seq) -> Result<Voids, Error> {
        for segment in self.segments().ids().rev() {
            // mostly there is no void frame, except perhaps in the last segment: its first frame counts those before it
            match self.segments().first_frame(segment)? {
                Some(header) if header.decisions == 0 => return self.voids(segment),
                Some(_) => break,
                None => {}
            }
        }
        self.voids(self.segment_after(seq)?)
    }

    /// The segments from `from` on that may contain a void frame, in their order. The last one is always among them.
    fn segments_with_voids(&self, from: SegmentId) -> Result<Vec<SegmentId>, Error> {
        let segments: Vec<SegmentId> = self.segments_from(from).collect();
        let (mut found, mut last) = (Vec::new(), segments.len());
        while let Some(index) = last.checked_sub(1) {
            found.push(segments[index]);
            last = index;
            // only the first frame of the last segment can be torn
            let Some(header) = self.segments().first_frame(segments[index])? else { continue };
            if index > 0 && header.decisions > 0 {
                let first = self.segments().first_frame(segments[0])?.map_or(0, |header| header.decisions);
                self.find_voids(&segments[..=index], (first, header.decisions), &mut found)?;
            }
            break;
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Finds those of the segments, except the last one, that contain a void frame, by a binary search: each frame counts the void
    /// frames before it. `counts` are the numbers of void frames before the first and the last of these segments.
    fn find_voids(&self, segments: &[SegmentId], counts: (u32, u32), found: &mut Vec<SegmentId>) -> Result<(), Error> {
        let (first, last) = counts;
        match segments {
            [segment, _] if first != last => found.push(*segment),
            [_, .., _] if first != last => {
                let middle = segments.len() / 2;
                match self.segments().first_frame(segments[middle])? {
                    Some(header) => {
                        self.find_voids(&segments[..=middle], (first, header.decisions), found)?;
                        self.find_voids(&segments[middle..], (header.decisions, last), found)?;
                    }
                    // the segment is damaged, which the reader of its events reports
                    None => found.extend(&segments[..segments.len() - 1]),
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The void events in the segments that contain the events after `seq`, the gaps there, and the timeline of the state after
    /// `seq`. Gaps and digests are read up to the segment after the one with event `until`; `None` reads all of them.
    pub(crate) fn voids_and_timeline(&self, seq: Seq, until: Option<Seq>) -> Result<(Voids, Timeline), Error> {
        let (mut voids, mut timeline) = (Voids::default(), Timeline::new(seq));
        let start = Timeline::new(seq);
        let is_gap = |frame: &FrameSummary| frame.kind == Some(FrameKind::Gap);
        let wanted = |frame: &FrameSummary| is_void(frame) || is_gap(frame) || start.is_described_by(frame);
        let mut visit = |segment: SegmentId, frame: &Frame<'_>| {
            match frame.header.kind {
                FrameKind::Void => self.add_void(segment, frame, &mut voids)?,
                FrameKind::Gap => {
                    self.verify(segment, frame)?;
                    voids.add_gap(self.decode_gap(segment, frame)?);
                }
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
        };
        let from = self.segment_after(seq)?;
        let last = until.map(|until| self.segment_after(until)).transpose()?.map(SegmentId::next);
        for segment in self.segments_from(from).filter(|segment| last.is_none_or(|last| *segment <= last)) {
            self.each_in(segment, wanted, &mut visit)?;
        }
        if let Some(last) = last {
            for segment in self.segments_with_voids(last.next())? {
                self.each_in(segment, is_void, &mut visit)?;
            }
        }
        Ok((voids, timeline))
    }

    /// Passes each intact frame that `wanted` selects in a segment to `visit`. The segment is read up to the first offset without a
    /// valid header.
    fn each_in(
        &self,
        segment: SegmentId,
        wanted: impl Fn(&FrameSummary) -> bool,
        mut visit: impl FnMut(SegmentId, &Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let Some(bytes) = self.kept(segment) {
            for frame in matching_frames(&bytes, &self.segments().identity().uuid, segment, &wanted) {
                visit(segment, &frame)?;
            }
            return Ok(());
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
