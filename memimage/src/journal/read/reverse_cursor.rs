//! Reads the records of a journal one by one, from a given event backward. Reads only the segments that it needs.

use super::record_cursor::{StoredRecord, records_of};
use super::scan::Scan;
use crate::error::Error;
use crate::journal::format::frame::FrameKind;
use crate::journal::format::frames::{FrameReader, FrameStep};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::journal::format::void::Voids;
use crate::seq::{SegmentId, Seq};

/// A reader of the records before an event, the newest first.
#[derive(Debug)]
pub(crate) struct ReverseCursor {
    scan: Scan,
    /// The event before which the reader continues.
    before: Seq,
    /// The segment that is read next; `None` before the first segment of the journal.
    segment: Option<SegmentId>,
    /// The bytes of the current segment, and the offsets of its unread frames with events.
    bytes: Vec<u8>,
    /// The offsets of its unread gap frames are among them.
    frames: Vec<usize>,
    current: SegmentId,
    /// The unread records of the current frame.
    records: Vec<StoredRecord>,
    /// The void events whose void frames are in the current segment or a later one. A void frame comes after its event.
    voids: Voids,
}

impl ReverseCursor {
    /// A reader that begins with event `newest`, which must be durable.
    pub(crate) fn new(scan: Scan, newest: Seq) -> Result<ReverseCursor, Error> {
        let segment = scan.segment_after(newest)?;
        let voids = scan.voids(segment.next())?;
        Ok(ReverseCursor {
            scan,
            voids,
            before: newest.next(),
            segment: Some(segment),
            bytes: Vec::new(),
            frames: Vec::new(),
            current: segment,
            records: Vec::new(),
        })
    }

    pub(crate) fn scan(&self) -> &Scan {
        &self.scan
    }

    /// The void events among those that were returned.
    pub(crate) fn voids(&self) -> &Voids {
        &self.voids
    }

    /// Returns the record before the last one returned; `None` at the start of the journal.
    ///
    /// # Errors
    ///
    /// Returns an error if events are lost in a recorded gap; the reader then continues before the gap. Returns an error if the journal
    /// is damaged; after that the reader must not be used again.
    pub(crate) fn next(&mut self) -> Result<Option<StoredRecord>, Error> {
        loop {
            if let Some(stored) = self.records.pop() {
                self.before = stored.record.seq;
                return Ok(Some(stored));
            }
            if self.before <= Seq::new(1) {
                return Ok(None);
            }
            if let Some(offset) = self.frames.pop() {
                self.read_frame(offset)?;
                continue;
            }
            let Some(segment) = self.segment else { return Ok(None) };
            self.read_segment(segment)?;
            let first = self.scan.segments().first();
            self.segment = (segment > first).then(|| segment.before());
        }
    }

    /// Decodes the records of a frame that come before `self.before`.
    fn read_frame(&mut self, offset: usize) -> Result<(), Error> {
        let uuid = &self.scan.segments().identity().uuid;
        let mut reader = FrameReader::resume(&self.bytes, uuid, self.current, offset, None, offset == SEGMENT_HEADER);
        let FrameStep::Frame(frame) = reader.step() else {
            unreachable!("the frame was read before");
        };
        if frame.header.kind == FrameKind::Gap {
            let gap = self.scan.decode_gap(self.current, &frame)?;
            let has_wanted = gap.first < self.before.min(gap.next);
            self.before = self.before.min(gap.first);
            return if has_wanted { Err(self.scan.segments().lost_events(gap)) } else { Ok(()) };
        }
        let records = records_of(&self.scan, self.current, &frame)?;
        self.records = records.filter(|stored| stored.record.seq < self.before).collect();
        Ok(())
    }

    /// Reads a segment, and finds its frames with events before `self.before`.
    fn read_segment(&mut self, segment: SegmentId) -> Result<(), Error> {
        let bytes = match self.scan.take_kept(segment).map_or_else(|| self.scan.segments().read(segment), Ok) {
            Err(error) if error.is_missing() => {
                return Err(self.scan.segments().pruned_event(Seq::new(self.before.get() - 1)));
            }
            bytes => bytes?,
        };
        (self.current, self.bytes) = (segment, bytes);
        let mut reader = FrameReader::new(&self.bytes, &self.scan.segments().identity().uuid, segment, None);
        let mut next = None;
        while let FrameStep::Frame(frame) = reader.step() {
            self.scan.verify(segment, &frame)?;
            let has_wanted = frame.header.kind == FrameKind::Events && frame.header.first_seq < self.before;
            if has_wanted || frame.header.kind == FrameKind::Gap {
                self.frames.push(frame.offset);
            }
            if frame.header.kind == FrameKind::Void {
                self.voids.add(&self.scan.decode_void(segment, &frame)?, &frame);
            }
            next = Some(frame.header.next_seq());
        }
        // a segment without an intact frame can only be the last one, where a crash interrupted the first write
        if next.is_none_or(|next| next < self.before) {
            let what = format!("the events up to {} were synced, but cannot be read here", self.before.get() - 1);
            return Err(self.scan.segments().corrupt_at(segment, Some(reader.offset() as u64), next, what));
        }
        Ok(())
    }
}
