//! Finds frames of some kinds in a journal. Of all other frames, only the headers are read and checked.

use super::frame_window::FrameWindow;
use super::scan::Scan;
use crate::error::Error;
use crate::journal::format::frame::{Frame, FrameKind, FrameSummary};
use crate::journal::format::frames::matching_frames;
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::timeline::Timeline;
use crate::journal::format::void::Voids;
use crate::seq::{SegmentId, Seq};

impl Scan {
    /// The void events that are recorded in segment `from` and all later segments. This function reads only the headers of
    /// other frames, so it is much cheaper than a replay.
    pub(crate) fn voids(&self, from: SegmentId) -> Result<Voids, Error> {
        let mut voids = Voids::default();
        self.each(from, is_void, |segment, frame| self.add_void(segment, frame, &mut voids))?;
        Ok(voids)
    }

    /// The void events that are recorded in the segment with the event after `seq` and in all later segments. Reads only the last
    /// segment, if the journal has no void event at all.
    pub(crate) fn voids_after(&self, seq: Seq) -> Result<Voids, Error> {
        for segment in self.segments().ids().rev() {
            // a void frame ends its segment, so the first frame of the last segment counts all void frames, except one that was
            // written after it in this segment, if the next segment could not be created
            match self.segments().first_frame(segment)? {
                Some(header) if header.decisions == 0 => return self.voids(segment),
                Some(_) => break,
                None => {}
            }
        }
        self.voids(self.segment_after(seq)?)
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
