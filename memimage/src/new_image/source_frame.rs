//! Decodes the frames of another image's journal, as far as a new image takes them over.

use crate::context::Timestamp;
use crate::error::Error;
use crate::event::Model;
use crate::journal::{Frame, FrameKind, Record, Scan, TimeCorrection, Voids, records};
use crate::recovery::{Dispatch, ReplayAction, unknown_event_number};
use crate::seq::{SegmentId, Seq};

/// Decodes the frames of a journal in their order, and verifies that time does not go back.
pub(crate) struct FrameDecoder<'a> {
    dispatch: &'a Dispatch,
    /// The void events of the journal.
    voids: &'a Voids,
    /// The last event to decode.
    until: Seq,
    /// The recorded time of the last event.
    time: Timestamp,
}

/// The content of a frame that a new image takes over.
pub(crate) enum SourceFrame<'a, M> {
    Time(TimeCorrection),
    Events {
        body: Vec<u8>,
        /// Each record, with the action that replays it. A void event is dropped.
        records: Vec<(Record, ReplayAction<'a, M>)>,
    },
    /// A frame that a new image does not take over.
    Other,
}

impl<'a> FrameDecoder<'a> {
    pub(crate) fn new(dispatch: &'a Dispatch, voids: &'a Voids, until: Seq) -> FrameDecoder<'a> {
        FrameDecoder { dispatch, voids, until, time: Timestamp::default() }
    }

    pub(crate) fn decode<M: Model>(
        &mut self,
        scan: &Scan,
        segment: SegmentId,
        frame: &Frame<'_>,
    ) -> Result<SourceFrame<'a, M>, Error> {
        let header = &frame.header;
        match header.kind {
            FrameKind::Time => {
                let correction = scan.decode_time(segment, frame)?;
                self.time = correction.to;
                return Ok(SourceFrame::Time(correction));
            }
            // the new journal must have every event, since an event keeps the seq of its origin
            FrameKind::Gap => {
                let gap = scan.decode_gap(segment, frame)?;
                return match gap.is_crossed_from(gap.first.before()) && gap.first <= self.until {
                    true => Err(scan.segments().lost_events(gap)),
                    false => Ok(SourceFrame::Other),
                };
            }
            FrameKind::Events => {}
            _ => return Ok(SourceFrame::Other),
        }
        let damaged = |what: String| scan.corrupt_frame(segment, frame, what);
        let body = scan.body(segment, frame)?;
        let mut decoded = Vec::new();
        for record in records(&body, header.first_seq, header.count, header.time) {
            let record = record.map_err(|fault| damaged(fault.to_string()))?;
            if record.seq > self.until {
                break;
            }
            if record.time < self.time {
                return Err(damaged(format!("event {} has an earlier time than the event before it", record.seq)));
            }
            self.time = record.time;
            let action = match self.voids.has(record.seq) {
                true => ReplayAction::Dropped,
                false => (self.dispatch.action(record.event, M::EVENTS))
                    .ok_or_else(|| damaged(unknown_event_number(record.seq, record.event)))?,
            };
            decoded.push((record, action));
        }
        Ok(SourceFrame::Events { body, records: decoded })
    }
}
