//! Finds the last event that was recorded at or before a time.

use super::frame_window::FrameWindow;
use super::record_cursor::records_of;
use super::scan::Scan;
use crate::context::Timestamp;
use crate::error::Error;
use crate::journal::format::frame::FrameKind;
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::seq::{SegmentId, Seq};

impl Scan {
    /// The last event, in the order of the journal, that was recorded at or before `time`, among the events up to `durable`.
    /// `None` if the journal has no such event.
    ///
    /// An event after a time correction can be earlier than the events before it, so a binary search could miss it. Of the segments
    /// after the event, only the headers of frames are read.
    pub(crate) fn last_event_until(&self, time: Timestamp, durable: Seq) -> Result<Option<Seq>, Error> {
        for segment in self.segments().ids().rev().filter(|&segment| segment <= self.active()) {
            if let Some(seq) = self.last_event_in(segment, time, durable)? {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }

    fn last_event_in(&self, segment: SegmentId, time: Timestamp, durable: Seq) -> Result<Option<Seq>, Error> {
        let mut window = FrameWindow::open(self.segments(), segment)?;
        let (mut at, mut frames) = (SEGMENT_HEADER, Vec::new());
        while let Some(summary) = window.header(at)? {
            let offset = std::mem::replace(&mut at, summary.next_offset);
            let is_early = summary.time <= time && summary.first_seq <= durable;
            if summary.kind == Some(FrameKind::Events) && is_early {
                frames.push(offset);
            }
        }
        for offset in frames.into_iter().rev() {
            // the header is loaded again, because the window may have moved on
            window.header(offset)?;
            let Some(frame) = window.frame(offset)? else { continue };
            self.verify(segment, &frame)?;
            let last = records_of(self, segment, &frame)?
                .rev()
                .find(|stored| stored.record.time <= time && stored.record.seq <= durable);
            if let Some(stored) = last {
                return Ok(Some(stored.record.seq));
            }
        }
        Ok(None)
    }
}
