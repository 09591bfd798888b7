//! The open batch: commands are appended to it under its lock, and whoever writes takes it away.

use std::sync::{Arc, Weak};

use super::ticket::{BatchStage, Leader, Ticket};
use crate::context::{Metadata, MetadataError, Origin, Timestamp};
use crate::error::Error;
use crate::journal::format::frame::{FrameKind, MAX_BODY, align_up, frame_len, start};
use crate::journal::format::record::{self, EventId};
use crate::journal::format::segment::SEGMENT_HEADER;
use crate::outcome::Outcome;
use crate::seq::{SegmentId, Seq};
use crate::sync::Mutex;

/// Bytes kept free at the end of each segment for its seal.
pub(crate) const SEAL_ROOM: u64 = 512;

/// One frame to be, and where it will stand.
pub(crate) struct Batch {
    pub(crate) kind: FrameKind,
    /// Room for what comes before the body, then the body.
    pub(crate) bytes: Vec<u8>,
    pub(crate) first_seq: Seq,
    pub(crate) count: u32,
    /// From which the time of its first record is counted.
    pub(crate) time: Timestamp,
    pub(crate) place: FramePosition,
    pub(crate) ticket: Arc<Ticket>,
}

impl Batch {
    /// The seq of the last event in it or before it.
    pub(crate) fn last_seq(&self) -> Seq {
        Seq::new(self.first_seq.get() + u64::from(self.count) - 1)
    }
}

/// A place for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FramePosition {
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
}

/// Where batches will go: a batch that fits the plan has its room on disk, so writing it cannot fail for lack of it.
#[derive(Clone, Debug)]
pub(crate) struct SpaceReservation {
    place: FramePosition,
    /// The length of the segment.
    len: u64,
    /// The segment after it, if it stands ready.
    next: Option<(SegmentId, u64)>,
    /// Bytes of the frame of shapes with which each segment begins.
    shapes: u64,
    /// Bytes of a frame before its body.
    head: usize,
    align_shift: u8,
}

impl SpaceReservation {
    /// `head` is how many bytes of each frame come before its body.
    pub(crate) fn new(
        place: FramePosition,
        len: u64,
        shapes_body: usize,
        head: usize,
        align_shift: u8,
    ) -> SpaceReservation {
        SpaceReservation { place, len, next: None, shapes: frame_len(head, shapes_body) as u64, head, align_shift }
    }

    /// The segment that is to be made next.
    pub(crate) fn wanted(&self) -> SegmentId {
        self.place.segment.next()
    }

    /// Whether a segment stands ready that holds this many bytes of frames.
    pub(crate) fn is_ready_for(&self, frames: u64) -> bool {
        self.next.is_some_and(|(_, len)| SEGMENT_HEADER as u64 + frames <= len)
    }

    /// A segment stands ready.
    pub(crate) fn offer(&mut self, segment: SegmentId, len: u64) {
        debug_assert_eq!(segment, self.place.segment.next());
        self.next = Some((segment, len));
    }

    /// The segment that stands ready is to be replaced.
    pub(crate) fn withdraw(&mut self) {
        self.next = None;
    }

    /// Bytes of frames a segment must hold for a frame of this length to fit into it.
    pub(crate) fn needed(&self, frame: u64) -> u64 {
        align_up(self.shapes, self.align_shift) + align_up(frame, self.align_shift) + SEAL_ROOM
    }

    /// Nothing more goes into the segment.
    fn leave(&mut self) {
        self.place.offset = self.len;
    }

    /// Whether a frame of this length fits here or, if it moves on, into the segment that stands ready.
    #[inline]
    fn reserve(&mut self, frame: u64) -> bool {
        if self.fits(frame) {
            return true;
        }
        match self.next {
            Some((segment, len)) if SEGMENT_HEADER as u64 + self.needed(frame) <= len => {
                let offset = align_up(SEGMENT_HEADER as u64 + self.shapes, self.align_shift);
                self.place = FramePosition { segment, offset };
                self.len = len;
                self.next = None;
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn fits(&self, frame: u64) -> bool {
        align_up(self.place.offset + frame, self.align_shift) + SEAL_ROOM <= self.len
    }

    /// Uses up the place for a frame that fits.
    fn take(&mut self, frame: u64) -> FramePosition {
        debug_assert!(self.fits(frame));
        let place = self.place;
        self.place.offset = align_up(place.offset + frame, self.align_shift);
        place
    }
}

/// What commands append to, one after the other.
pub(crate) struct OpenBatch {
    /// Room for what comes before a frame's body, then the records so far.
    bytes: Vec<u8>,
    count: u32,
    first_seq: Seq,
    /// The time of the event before the first.
    base: Timestamp,
    /// The time of the last event.
    time: Timestamp,
    ticket: Arc<Ticket>,
    /// The ticket of the batch before this one.
    before: Option<Arc<Ticket>>,
    plan: SpaceReservation,
    lead: Weak<dyn Leader>,
    spare: Arc<SpareBuffers>,
    ended: Option<Error>,
}

/// An open record, which can be taken back until it is accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordMark {
    start: usize,
    time: Timestamp,
}

/// There is no room for a frame of this many bytes until another segment is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom {
    pub(crate) frame: u64,
}

impl OpenBatch {
    pub(crate) fn new(next_seq: Seq, time: Timestamp, plan: SpaceReservation, lead: Weak<dyn Leader>) -> OpenBatch {
        let mut bytes = Vec::new();
        start(&mut bytes, plan.head);
        OpenBatch {
            bytes,
            count: 0,
            first_seq: next_seq,
            base: time,
            time,
            ticket: Ticket::new(lead.clone()),
            before: None,
            plan,
            lead,
            spare: Arc::default(),
            ended: None,
        }
    }

    /// The seq of the next event.
    #[inline]
    pub(crate) fn next_seq(&self) -> Seq {
        Seq::new(self.first_seq.get() + u64::from(self.count))
    }

    /// The time of the last event.
    #[inline]
    pub(crate) fn time(&self) -> Timestamp {
        self.time
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Events in the open batch.
    #[inline]
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of the open batch's body.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() - self.plan.head
    }

    pub(crate) fn plan(&mut self) -> &mut SpaceReservation {
        &mut self.plan
    }

    /// The ticket of the open batch.
    #[inline]
    pub(crate) fn ticket(&self) -> &Arc<Ticket> {
        &self.ticket
    }

    /// The ticket of the last batch that has an event and is not yet settled: all that was executed is on disk once it is.
    pub(crate) fn latest(&self) -> Option<Arc<Ticket>> {
        match self.is_empty() {
            false => Some(Arc::clone(&self.ticket)),
            true => self.before.as_ref().filter(|ticket| ticket.stage() != BatchStage::Done).map(Arc::clone),
        }
    }

    /// Lets what comes next begin another segment, if one stands ready in which a frame with this body has room. The open batch
    /// must be empty.
    pub(crate) fn leave_segment(&mut self, body: &[u8]) -> Result<(), NoRoom> {
        debug_assert!(self.is_empty());
        let frame = frame_len(self.plan.head, body.len()) as u64;
        if !self.plan.is_ready_for(self.plan.needed(frame)) {
            return Err(NoRoom { frame });
        }
        self.plan.leave();
        Ok(())
    }

    /// Why nothing more is accepted, if so.
    #[inline]
    pub(crate) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// Accepts nothing more.
    pub(crate) fn end(&mut self, why: Error) {
        self.ended = Some(why);
    }

    /// Starts a record of an event, with its origin if that is another. Its payload is appended to [`bytes`](OpenBatch::bytes).
    #[inline]
    pub(crate) fn begin(
        &mut self,
        event: EventId,
        time: Timestamp,
        metadata: &Metadata,
        origin: Option<Origin>,
    ) -> Result<RecordMark, MetadataError> {
        let mark = RecordMark { start: self.bytes.len(), time };
        let delta = time.as_micros() - self.time.as_micros();
        record::begin(&mut self.bytes, event, delta, metadata, origin).inspect_err(|_| self.take_back(mark))?;
        Ok(mark)
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Bytes of the open record.
    #[inline]
    pub(crate) fn record_len(&self, mark: RecordMark) -> usize {
        self.bytes.len() - mark.start
    }

    /// Takes the open record back.
    pub(crate) fn take_back(&mut self, mark: RecordMark) {
        self.bytes.truncate(mark.start);
    }

    /// Completes the open record and makes sure of its room on disk. If the record cannot be part of the open batch, that
    /// is handed to `complete`, and the record begins another.
    pub(crate) fn reserve(&mut self, mark: RecordMark, complete: impl FnOnce(Batch)) -> Result<RecordMark, NoRoom> {
        record::end(&mut self.bytes, mark.start);
        let frame = frame_len(self.plan.head, self.size()) as u64;
        if self.plan.fits(frame) && frame <= MAX_BODY as u64 {
            return Ok(mark);
        }
        let record = self.bytes.split_off(mark.start);
        if let Some(batch) = self.seal() {
            complete(batch);
        }
        let frame = frame_len(self.plan.head, record.len()) as u64;
        if !self.plan.reserve(frame) {
            return Err(NoRoom { frame });
        }
        let mark = RecordMark { start: self.bytes.len(), ..mark };
        self.bytes.extend_from_slice(&record);
        Ok(mark)
    }

    /// The reserved record's command was executed.
    #[inline]
    pub(crate) fn accept(&mut self, mark: RecordMark, outcome: Outcome) {
        if outcome == Outcome::Rejected {
            record::mark_rejected(&mut self.bytes, mark.start);
        }
        self.time = mark.time;
        self.count += 1;
    }

    /// Takes the open batch away, if there is anything in it. Once the journal has ended nobody may write it any more: those
    /// who waited for it were told that it is lost.
    pub(crate) fn seal(&mut self) -> Option<Batch> {
        if self.is_empty() || self.ended.is_some() {
            return None;
        }
        let mut bytes = self.spare.get();
        start(&mut bytes, self.plan.head);
        let bytes = std::mem::replace(&mut self.bytes, bytes);
        let next_seq = self.next_seq();
        let batch = self.batch(FrameKind::Events, bytes, self.count);
        self.count = 0;
        self.first_seq = next_seq;
        self.base = self.time;
        Some(batch)
    }

    /// A batch of another kind for this place in the journal. The open batch must be empty.
    pub(crate) fn insert(&mut self, kind: FrameKind, body: &[u8]) -> Result<Batch, NoRoom> {
        debug_assert!(self.is_empty());
        let frame = frame_len(self.plan.head, body.len()) as u64;
        if !self.plan.reserve(frame) {
            return Err(NoRoom { frame });
        }
        let mut bytes = Vec::new();
        start(&mut bytes, self.plan.head);
        bytes.extend_from_slice(body);
        let batch = self.batch(kind, bytes, 0);
        if kind == FrameKind::Shapes {
            // segments entered from here on begin with these
            self.plan.shapes = frame;
        }
        Ok(batch)
    }

    fn batch(&mut self, kind: FrameKind, bytes: Vec<u8>, count: u32) -> Batch {
        let ticket = std::mem::replace(&mut self.ticket, Ticket::new(self.lead.clone()));
        ticket.seal();
        self.before = Some(Arc::clone(&ticket));
        let place = self.plan.take(frame_len(self.plan.head, bytes.len() - self.plan.head) as u64);
        Batch { kind, bytes, first_seq: self.first_seq, count, time: self.base, place, ticket }
    }

    /// Where the buffers of written batches are left for others.
    pub(crate) fn spare(&self) -> Arc<SpareBuffers> {
        Arc::clone(&self.spare)
    }
}

/// Buffers of written batches: fresh memory for each batch would cost more than filling it.
#[derive(Default)]
pub(crate) struct SpareBuffers {
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl SpareBuffers {
    const KEPT: usize = 4;
    /// A single large record shall not be paid for ever.
    const LARGEST: usize = 8 << 20;

    pub(crate) fn put(&self, buffer: Vec<u8>) {
        if buffer.capacity() > SpareBuffers::LARGEST {
            return;
        }
        let mut buffers = self.buffers.lock();
        if buffers.len() < SpareBuffers::KEPT {
            buffers.push(buffer);
        }
    }

    fn get(&self) -> Vec<u8> {
        self.buffers.lock().pop().unwrap_or_default()
    }
}
