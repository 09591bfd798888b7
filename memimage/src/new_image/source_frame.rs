//! Decodes the frames of another image's journal, as far as a new image takes them over.

use std::ops::ControlFlow;

use crate::context::Timestamp;
use crate::error::Error;
use crate::event::Model;
use crate::journal::{Frame, FrameKind, Gap, GapMark, Record, Scan, TimeCorrection, Voids, records};
use crate::recovery::{Dispatch, ReplayAction, unknown_event_number};
use crate::seq::{SegmentId, Seq};

/// The reason of a correction of recorded time that stands for a lost one.
const LOST_CORRECTION: &str = "recorded time goes back over frames that were damaged and given up";

/// Decodes the frames of a journal in their order, and verifies that time does not go back.
pub(crate) struct FrameDecoder {
    /// The last event to decode.
    until: Seq,
    /// Whether the new image takes over recorded gaps.
    carries_gaps: bool,
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
    /// A recorded gap in which events are lost, and the correction of recorded time that is lost with them.
    Gap(Gap, GapMark, Option<TimeCorrection>),
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
    /// A decoder of the events up to `until`. Unless `carries_gaps`, a gap in which events are lost is an error.
    pub(crate) fn new(until: Seq, carries_gaps: bool) -> FrameDecoder {
        FrameDecoder { until, carries_gaps, time: Timestamp::default() }
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
            FrameKind::Gap => {
                let (mark, gap) = scan.decode_gap_mark(segment, frame)?;
                if gap.first > self.until {
                    return Ok(SourceFrame::Other);
                }
                refuse_uncarried(scan, gap, self.carries_gaps, self.until)?;
                let correction = match gap.next > self.until {
                    true => None,
                    false => lost_correction(scan, segment, frame, self.time)?,
                };
                self.time = correction.as_ref().map_or(self.time, |correction| correction.to);
                return Ok(match gap.events() {
                    0 => correction.map_or(SourceFrame::Other, SourceFrame::Time),
                    _ => SourceFrame::Gap(gap, mark, correction),
                });
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

/// Returns an error if events are lost in the gap, and a new image with the events up to `until` does not take over the gap or would end
/// inside of it.
pub(crate) fn refuse_uncarried(scan: &Scan, gap: Gap, carries_gaps: bool, until: Seq) -> Result<(), Error> {
    match gap.events() == 0 || carries_gaps && gap.last() <= until {
        true => Ok(()),
        false => Err(scan.segments().lost_in_copy(gap)),
    }
}

/// The correction of recorded time that may be lost in an empty gap: if the first event behind the gap frame `gap` is earlier than `time`,
/// which is that of the last event before it, a correction from this time to that of the event. A journal without the gap needs one there.
pub(crate) fn lost_correction(
    scan: &Scan,
    segment: SegmentId,
    gap: &Frame<'_>,
    time: Timestamp,
) -> Result<Option<TimeCorrection>, Error> {
    let mut next = None;
    scan.read(segment, |at, frame| {
        if (at, frame.offset) <= (segment, gap.offset) {
            return Ok(ControlFlow::Continue(()));
        }
        let header = &frame.header;
        match header.kind {
            FrameKind::Events => {
                let body = scan.body(at, frame)?;
                let first = records(&body, header.first_seq, header.count, header.time).next().transpose();
                next = first.map_err(|fault| scan.corrupt_frame(at, frame, fault.to_string()))?.map(|first| first.time);
            }
            // this correction is not lost
            FrameKind::Time => {}
            _ => return Ok(ControlFlow::Continue(())),
        }
        Ok(ControlFlow::Break(()))
    })?;
    let correction = |to| TimeCorrection { to, from: time, reason: LOST_CORRECTION.to_owned() };
    Ok(next.filter(|&to| to < time).map(correction))
}
