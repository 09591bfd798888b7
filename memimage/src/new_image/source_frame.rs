//! Decodes the frames of another image's journal, as far as a new image takes them over.

use crate::context::Timestamp;
use crate::error::Error;
use crate::event::Model;
use crate::journal::{Frame, FrameKind, Record, Scan, TimeCorrection, Voids, records};
use crate::recovery::{Dispatch, ReplayAction, unknown_event_number};
use crate::seq::{SegmentId, Seq};

/// Decodes the frames of a journal in their order, and verifies that time does not go back.
pub(crate) struct FrameDecoder {
    /// The last event to decode.
    until: Seq,
    /// The recorded time of the last event.
    time: Timestamp,
}

/// The content of a frame that a new image takes over. `A` is what a record stands for.
pub(crate) enum SourceFrame<A> {
    Time(TimeCorrection),
    Events {
        body: Vec<u8>,
        records: Vec<(Record, A)>,
    },
    /// A frame that a new image does not take over.
    Other,
}

/// How a program replays a record; `None` if its number is unknown. A void event is dropped.
pub(crate) fn replayed<'a, M: Model>(
    dispatch: &'a Dispatch,
    voids: &Voids,
    record: &Record,
) -> Option<ReplayAction<'a, M>> {
    match voids.has(record.seq) {
        true => Some(ReplayAction::Dropped),
        false => dispatch.action(record.event, M::EVENTS),
    }
}

impl FrameDecoder {
    pub(crate) fn new(until: Seq) -> FrameDecoder {
        FrameDecoder { until, time: Timestamp::default() }
    }

    /// Decodes a frame. `resolve` returns what a record stands for; `None` if the number of its event is unknown.
    pub(crate) fn decode<A>(
        &mut self,
        scan: &Scan,
        segment: SegmentId,
        frame: &Frame<'_>,
        resolve: impl Fn(&Record) -> Option<A>,
    ) -> Result<SourceFrame<A>, Error> {
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
            let resolved = resolve(&record).ok_or_else(|| damaged(unknown_event_number(record.seq, record.event)))?;
            decoded.push((record, resolved));
        }
        Ok(SourceFrame::Events { body, records: decoded })
    }
}
