//! The open batch: commands append records to it under its lock, and the next thread that writes to the journal seals and takes
//! the batch. A batch becomes one frame: `format::record` encodes its records, and `format::frame` encodes the frame.

use std::sync::{Arc, Weak};

use super::space_reservation::{FramePosition, PreparedSegment, SpaceReservation};
use super::ticket::{BatchStage, Leader, Ticket};
use crate::context::{Metadata, Origin, Timestamp};
use crate::error::Error;
use crate::journal::format::frame::{FrameKind, MAX_BODY, frame_len, start};
use crate::journal::format::protection::BRIDGE;
use crate::journal::format::record::{self, EventId};
use crate::outcome::Outcome;
use crate::seq::Seq;
use crate::sync::Mutex;

/// A sealed batch: the content of one frame, and its position in the journal.
pub(crate) struct Batch {
    pub(crate) kind: FrameKind,
    /// Space for the frame header, then the body.
    pub(crate) bytes: Vec<u8>,
    pub(crate) first_seq: Seq,
    pub(crate) count: u32,
    /// The event after a gap, if the batch is a gap frame: the events from `first_seq` up to it are lost.
    pub(crate) behind: Option<Seq>,
    /// The recorded time to which the first record adds its time delta.
    pub(crate) time: Timestamp,
    pub(crate) position: FramePosition,
    pub(crate) ticket: Arc<Ticket>,
    /// `Some` if the batch is a frame of shapes: the whole shape table, encoded. Later segments begin with this table.
    pub(crate) table: Option<Vec<u8>>,
    /// The segments between the previous batch's segment and the end of this batch's segment, in order.
    pub(crate) entered: Vec<PreparedSegment>,
}

impl Batch {
    /// The last event in the batch; for a gap frame, the last lost event; for another batch without events, the last event before the
    /// batch.
    pub(crate) fn last_seq(&self) -> Seq {
        self.behind.unwrap_or(Seq::new(self.first_seq.get() + u64::from(self.count))).before()
    }
}

/// The batch to which commands append their records, one after the other.
pub(crate) struct OpenBatch {
    /// Space for the frame header, then the records so far.
    bytes: Vec<u8>,
    count: u32,
    first_seq: Seq,
    /// The recorded time to which the first record of this batch adds its time delta.
    base_time: Timestamp,
    /// The recorded time of the last event.
    time: Timestamp,
    ticket: Arc<Ticket>,
    /// The ticket of the previous batch.
    previous: Option<Arc<Ticket>>,
    last_events: LastEvents,
    reservation: SpaceReservation,
    leader: Weak<dyn Leader>,
    spare_buffers: Arc<SpareBuffers>,
    /// The frame that is queued once the next segment is ready.
    deferred: Option<DeferredFrame>,
    ended: Option<Error>,
}

/// A frame without events for which there was no room.
pub(crate) struct DeferredFrame {
    pub(crate) kind: FrameKind,
    pub(crate) body: Vec<u8>,
    pub(crate) room: NoRoom,
}

/// The start of an open record. Until the record is accepted, it can be removed from the batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordMark {
    start: usize,
    time: Timestamp,
}

/// Identifies the last frame with events.
#[derive(Clone)]
pub(crate) enum LastEvents {
    /// The journal has written no frame with events since it was opened. The value is the hash of the last frame with events
    /// that recovery read.
    Recovered(u64),
    Batch(Arc<Ticket>),
}

impl LastEvents {
    /// The hash of the last frame with events. The value is 0 until that frame is written.
    pub(crate) fn hash(&self) -> u64 {
        match self {
            LastEvents::Recovered(hash) => *hash,
            LastEvents::Batch(ticket) => ticket.hash(),
        }
    }
}

/// A frame of this many bytes does not fit until another segment is preallocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom {
    pub(crate) frame: u64,
}

impl OpenBatch {
    pub(crate) fn new(
        next_seq: Seq,
        time: Timestamp,
        reservation: SpaceReservation,
        events_hash: u64,
        leader: Weak<dyn Leader>,
    ) -> OpenBatch {
        let mut bytes = Vec::new();
        start(&mut bytes, reservation.head);
        OpenBatch {
            bytes,
            count: 0,
            first_seq: next_seq,
            base_time: time,
            time,
            ticket: Ticket::new(leader.clone()),
            previous: None,
            last_events: LastEvents::Recovered(events_hash),
            reservation,
            leader,
            spare_buffers: Arc::default(),
            deferred: None,
            ended: None,
        }
    }

    #[inline]
    pub(crate) fn next_seq(&self) -> Seq {
        Seq::new(self.first_seq.get() + u64::from(self.count))
    }

    /// The recorded time of the last event.
    #[inline]
    pub(crate) fn time(&self) -> Timestamp {
        self.time
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    #[inline]
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The number of bytes in the open batch's body.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() - self.reservation.head
    }

    pub(crate) fn reservation(&mut self) -> &mut SpaceReservation {
        &mut self.reservation
    }

    #[inline]
    pub(crate) fn ticket(&self) -> &Arc<Ticket> {
        &self.ticket
    }

    /// The ticket of the newest batch; `None` if that batch is already as durable as the image's durability mode requires. Once
    /// this ticket is settled without an error, all executed events are recorded.
    pub(crate) fn latest(&self) -> Option<Arc<Ticket>> {
        if !self.is_empty() {
            return Some(Arc::clone(&self.ticket));
        }
        self.previous.as_ref().filter(|ticket| ticket.stage() != BatchStage::Done).map(Arc::clone)
    }

    /// The last sealed frame with events.
    pub(crate) fn last_events(&self) -> LastEvents {
        self.last_events.clone()
    }

    /// Moves the position of the next frame into the next segment, if a preallocated segment has room for a frame with this
    /// body. The open batch must be empty.
    pub(crate) fn leave_segment(&mut self, body: &[u8]) -> Result<(), NoRoom> {
        debug_assert!(self.is_empty());
        let frame = frame_len(self.reservation.head, body.len()) as u64;
        if !self.reservation.is_ready_for(self.reservation.needed(frame)) {
            return Err(NoRoom { frame });
        }
        self.reservation.skip_to_next_segment();
        Ok(())
    }

    /// The frame that is queued once the next segment is ready.
    pub(crate) fn deferred(&mut self) -> &mut Option<DeferredFrame> {
        &mut self.deferred
    }

    /// The error for new commands, if the journal is poisoned or closed.
    #[inline]
    pub(crate) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// Refuses all further commands with this error.
    pub(crate) fn end(&mut self, error: Error) {
        self.ended = Some(error);
    }

    /// Starts the record of an event. `origin` is `None` if the event is its own origin, which is the normal case. The caller
    /// appends the payload to [`bytes`](OpenBatch::bytes).
    #[inline]
    pub(crate) fn begin(
        &mut self,
        event: EventId,
        time: Timestamp,
        metadata: &Metadata,
        origin: Option<Origin>,
    ) -> RecordMark {
        let mark = RecordMark { start: self.bytes.len(), time };
        let delta = time.as_micros() - self.time.as_micros();
        record::begin(&mut self.bytes, event, delta, metadata, origin);
        mark
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The number of bytes in the open record.
    #[inline]
    pub(crate) fn record_len(&self, mark: RecordMark) -> usize {
        self.bytes.len() - mark.start
    }

    /// Removes the open record.
    pub(crate) fn discard_record(&mut self, mark: RecordMark) {
        self.bytes.truncate(mark.start);
    }

    /// Completes the open record and reserves disk space for it. If the record does not fit into the open batch, seals this
    /// batch, passes it to `complete`, and begins a new batch with the record.
    pub(crate) fn reserve(&mut self, mark: RecordMark, complete: impl FnOnce(Batch)) -> Result<RecordMark, NoRoom> {
        record::end(&mut self.bytes, mark.start);
        let frame = frame_len(self.reservation.head, self.size()) as u64;
        if self.reservation.fits(frame) && frame <= MAX_BODY as u64 {
            return Ok(mark);
        }
        let record = self.bytes.split_off(mark.start);
        if let Some(batch) = self.seal() {
            complete(batch);
        }
        let frame = frame_len(self.reservation.head, record.len()) as u64;
        if !self.reservation.reserve(frame) {
            return Err(NoRoom { frame });
        }
        let mark = RecordMark { start: self.bytes.len(), ..mark };
        self.bytes.extend_from_slice(&record);
        Ok(mark)
    }

    /// Adds the open record to the batch. Disk space for the record is reserved, and its command has been executed.
    #[inline]
    pub(crate) fn accept(&mut self, mark: RecordMark, outcome: Outcome) {
        if outcome == Outcome::Rejected {
            record::mark_rejected(&mut self.bytes, mark.start);
        }
        self.time = mark.time;
        self.count += 1;
    }

    /// Seals and takes the open batch. Returns `None` if the batch is empty, or if the journal was closed or has failed. In the
    /// last two cases, if the batch has events, their callers have already received an error that reports the events as lost.
    pub(crate) fn seal(&mut self) -> Option<Batch> {
        if self.is_empty() || self.ended.is_some() {
            return None;
        }
        let mut bytes = self.spare_buffers.get();
        start(&mut bytes, self.reservation.head);
        let bytes = std::mem::replace(&mut self.bytes, bytes);
        let next_seq = self.next_seq();
        let batch = self.batch(FrameKind::Events, bytes, self.count, None);
        self.last_events = LastEvents::Batch(Arc::clone(&batch.ticket));
        self.count = 0;
        self.first_seq = next_seq;
        self.base_time = self.time;
        Some(batch)
    }

    /// Creates a batch of this kind, without events, at the current position. The open batch must be empty.
    pub(crate) fn insert(&mut self, kind: FrameKind, body: &[u8]) -> Result<Batch, NoRoom> {
        self.insert_with(self.reservation.head, kind, body, None)
    }

    /// Creates a gap frame with this body. The next event is `behind`; those before it are lost. The open batch must be empty.
    pub(crate) fn insert_gap(&mut self, body: &[u8], behind: Seq) -> Result<Batch, NoRoom> {
        let batch = self.insert_with(self.reservation.head + BRIDGE, FrameKind::Gap, body, Some(behind))?;
        self.first_seq = behind;
        Ok(batch)
    }

    /// Creates a batch without events, whose frame has a head of this length.
    fn insert_with(&mut self, head: usize, kind: FrameKind, body: &[u8], behind: Option<Seq>) -> Result<Batch, NoRoom> {
        debug_assert!(self.is_empty());
        let frame = frame_len(head, body.len()) as u64;
        if !self.reservation.reserve(frame) {
            return Err(NoRoom { frame });
        }
        let mut bytes = Vec::new();
        start(&mut bytes, head);
        bytes.extend_from_slice(body);
        Ok(self.batch(kind, bytes, 0, behind))
    }

    /// Creates a frame of shapes with these rows. Later segments begin with the whole `table`. The open batch must be empty.
    pub(crate) fn insert_shapes(&mut self, rows: &[u8], table: Vec<u8>) -> Result<Batch, NoRoom> {
        let batch = self.insert(FrameKind::Shapes, rows)?;
        self.reservation.shapes = frame_len(self.reservation.head, table.len()) as u64;
        Ok(Batch { table: Some(table), ..batch })
    }

    fn batch(&mut self, kind: FrameKind, bytes: Vec<u8>, count: u32, behind: Option<Seq>) -> Batch {
        let ticket = std::mem::replace(&mut self.ticket, Ticket::new(self.leader.clone()));
        ticket.seal();
        self.previous = Some(Arc::clone(&ticket));
        let position =
            self.reservation.take(frame_len(self.reservation.head, bytes.len() - self.reservation.head) as u64);
        let entered = self.reservation.take_entered();
        let (first_seq, time) = (self.first_seq, self.base_time);
        Batch { kind, bytes, first_seq, count, behind, time, position, ticket, table: None, entered }
    }

    /// Makes recorded time continue from `time`. The open batch must be empty.
    pub(crate) fn set_time(&mut self, time: Timestamp) {
        debug_assert!(self.is_empty());
        (self.time, self.base_time) = (time, time);
    }

    /// The pool for the buffers of written batches.
    pub(crate) fn spare_buffers(&self) -> Arc<SpareBuffers> {
        Arc::clone(&self.spare_buffers)
    }
}

/// The buffers of written batches, for reuse: allocating a buffer for each batch would cost more than filling the buffer.
#[derive(Default)]
pub(crate) struct SpareBuffers {
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl SpareBuffers {
    const MAX_BUFFERS: usize = 4;
    /// The capacity above which a buffer is freed, so that one large record does not occupy memory for ever.
    const MAX_CAPACITY: usize = 8 << 20;

    pub(crate) fn put(&self, buffer: Vec<u8>) {
        if buffer.capacity() > SpareBuffers::MAX_CAPACITY {
            return;
        }
        let mut buffers = self.buffers.lock();
        if buffers.len() < SpareBuffers::MAX_BUFFERS {
            buffers.push(buffer);
        }
    }

    fn get(&self) -> Vec<u8> {
        self.buffers.lock().pop().unwrap_or_default()
    }
}
