//! A running journal: the group commit, its syncer thread, and the preallocated segment.

use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Instant;

use super::batch::{DeferredFrame, NoRoom, OpenBatch, RecordMark};
use super::commit::{BatchLimits, Commit, GateOptions, ReplicatedJournal};
use super::create::{JournalStart, create};
use super::durability::Durability;
use super::durability_watch::DurabilityWatch;
use super::preallocate::{PreallocationHost, Preallocator};
use super::segment_builder::SegmentBuilder;
use super::space_reservation::{FramePosition, SpaceReservation};
use super::ticket::Ticket;
use super::writer::{JournalWriter, Lookahead, WritePosition};
use crate::context::Timestamp;
use crate::disk::{Access, StoredFile};
use crate::error::Error;
use crate::figures::Figures;
use crate::journal::format::frame::{FrameKind, head_len};
use crate::journal::format::gap::GapMark;
use crate::journal::format::record::EventId;
use crate::journal::format::shape_table::ShapeTable;
use crate::journal::format::time_correction::TimeCorrection;
use crate::journal::format::whitening::Salts;
#[cfg(feature = "chain")]
use crate::keys::ChainHead;
use crate::process::Process;
use crate::seq::Seq;
use crate::sync::MutexGuard;

/// A journal that accepts events.
pub(crate) struct Journal {
    commit: Arc<Commit<JournalWriter>>,
    preallocator: Arc<Preallocator>,
}

impl Journal {
    /// Creates the files of a journal and starts the journal in the durability mode `Synced`.
    pub(crate) fn create(
        builder: SegmentBuilder,
        start: JournalStart<'_>,
        align_shift: u8,
        mut salts: Salts,
        limits: BatchLimits,
    ) -> Result<Journal, Error> {
        let shapes = ShapeTable::default().encode();
        let created = create(&builder, start, align_shift, &mut salts)?;
        let position = FramePosition { segment: start.segment(), offset: created.offset };
        let reservation = SpaceReservation::new(
            position,
            created.len,
            shapes.len(),
            head_len(builder.protection.key_ids()),
            align_shift,
        );
        let file = StoredFile::open(&*builder.disk, &builder.layout.segment(position.segment), Access::ReadWrite)?;
        let writer = JournalWriter {
            process: Process::current(),
            uuid: builder.identity.uuid,
            life: builder.life,
            align_shift,
            salts,
            shapes,
            protection: builder.protection.clone(),
            preallocator: Preallocator::new(builder),
            durable_file: None,
            segment: position.segment,
            file,
            lookahead: Lookahead::in_segment(created.len),
            sealed: false,
            end: WritePosition {
                offset: created.offset,
                previous: created.previous,
                decisions: 0,
                written: start.before(),
                durable: start.before(),
                time: Timestamp::default(),
            },
        };
        Ok(Journal::start(writer, reservation, 0, Durability::Synced, limits, Arc::default()))
    }

    /// Starts the journal. The first position in `reservation` is the end of the journal, and `events_hash` is the hash of the
    /// last frame with events.
    pub(crate) fn start(
        writer: JournalWriter,
        reservation: SpaceReservation,
        events_hash: u64,
        durability: Durability,
        limits: BatchLimits,
        figures: Arc<Figures>,
    ) -> Journal {
        let preallocator = Arc::clone(&writer.preallocator);
        let (next, time): (Seq, Timestamp) = (writer.end.written.next(), writer.end.time);
        let commit = Commit::new(writer, durability, limits, figures, |lead| {
            OpenBatch::new(next, time, reservation, events_hash, lead)
        });
        preallocator.attach(Arc::downgrade(&commit) as Weak<dyn PreallocationHost>);
        Journal { commit, preallocator }
    }

    /// A number that is unique among the journals of this process.
    #[inline]
    pub(crate) fn id(&self) -> usize {
        self.commit.id()
    }

    #[inline]
    pub(crate) fn open(&self) -> MutexGuard<'_, OpenBatch> {
        self.commit.open()
    }

    /// Like [`Commit::reserve`].
    #[inline]
    pub(crate) fn reserve(&self, open: &mut OpenBatch, mark: RecordMark) -> Result<RecordMark, NoRoom> {
        self.commit.reserve(open, mark)
    }

    /// Like [`Commit::ensure_syncer`].
    #[inline]
    pub(crate) fn ensure_syncer(&self, open: &mut OpenBatch) -> Result<(), Error> {
        self.commit.ensure_syncer(open)
    }

    /// Like [`Commit::accepted`].
    #[inline]
    pub(crate) fn accepted(&self, open: &mut OpenBatch, linger: bool) {
        self.commit.accepted(open, linger);
    }

    /// Like [`Commit::insert`].
    pub(crate) fn try_insert(&self, open: &mut OpenBatch, kind: FrameKind, body: &[u8]) -> Result<(), NoRoom> {
        self.commit.insert(open, kind, body)
    }

    /// After all executed events, queues a frame of this kind, which has no events and is optional. If there is no room, starts
    /// building the next segment, and queues the frame once the segment is ready. Then the frame replaces an earlier one that
    /// still waits.
    pub(crate) fn insert(&self, kind: FrameKind, body: &[u8]) {
        let mut open = self.open();
        if open.ended().is_some() {
            return;
        }
        if let Err(room) = self.try_insert(&mut open, kind, body) {
            *open.deferred() = Some(DeferredFrame { kind, body: body.to_vec(), room });
            // no lock may be held here: if no thread can be started, wakers run
            drop(open);
            self.preallocator.start(Some(room));
        }
    }

    /// Records the shape table's row for an event that is about to be used for the first time. `table` already contains this
    /// row.
    pub(crate) fn declare(&self, open: &mut OpenBatch, table: &ShapeTable, event: EventId) -> Result<(), NoRoom> {
        self.commit.insert_shapes(open, &table.encode_row(event), table.encode())
    }

    /// Records a correction of recorded time, and makes recorded time continue from the corrected time.
    pub(crate) fn correct_time(&self, open: &mut OpenBatch, correction: &TimeCorrection) -> Result<(), NoRoom> {
        self.commit.insert(open, FrameKind::Time, &correction.encode())?;
        open.set_time(correction.to);
        Ok(())
    }

    /// Records a gap: the events from that of `mark` up to the one before event `behind` are lost. A frame with all rows of the shape table
    /// comes before it.
    pub(crate) fn record_gap(
        &self,
        open: &mut OpenBatch,
        table: &ShapeTable,
        mark: &GapMark,
        behind: Seq,
    ) -> Result<(), NoRoom> {
        let rows = table.encode();
        self.commit.insert_shapes(open, &rows, rows.clone())?;
        self.commit.insert_gap(open, &mark.encode(), behind)
    }

    /// Queues the open batch, so that the last executed event is the last event of its frame.
    pub(crate) fn enqueue_open(&self, open: &mut OpenBatch) {
        self.commit.enqueue_open(open);
    }

    /// Appends a frame without events, and waits until the frame is synced.
    pub(crate) fn record(&self, kind: FrameKind, body: &[u8]) -> Result<(), Error> {
        self.insert_synced(|open| self.try_insert(open, kind, body))
    }

    /// Begins the next segment, with the newest shape table. The first frame of a segment proves that the whole previous
    /// segment was synced, including the frames after its last event. Must be called before any event is recorded. If the next
    /// segment cannot be created, the journal continues in the current one.
    pub(crate) fn begin_segment(&self, table: &ShapeTable) -> Result<(), Error> {
        let shapes = table.encode();
        self.insert_synced(|open| {
            open.leave_segment(&shapes)?;
            self.commit.insert_shapes(open, &shapes, shapes.clone())
        })
    }

    fn insert_synced(&self, insert: impl Fn(&mut OpenBatch) -> Result<(), NoRoom>) -> Result<(), Error> {
        loop {
            let inserted = {
                let mut open = self.open();
                if let Some(error) = open.ended() {
                    return Err(error.clone());
                }
                insert(&mut open)
            };
            match inserted {
                // a frame without events needs no answer from the log
                Ok(()) => return self.commit.sync_locally(),
                Err(room) => self.obtain_segment(room)?,
            }
        }
    }

    /// Like [`Commit::latest`].
    pub(crate) fn latest(&self) -> Option<Arc<Ticket>> {
        self.commit.latest()
    }

    /// The last event executed.
    #[inline]
    pub(crate) fn executed(&self) -> Seq {
        self.commit.executed()
    }

    /// The last event handed to the operating system.
    pub(crate) fn written(&self) -> Seq {
        self.commit.written()
    }

    /// The last synced event.
    pub(crate) fn durable(&self) -> Seq {
        self.commit.durable()
    }

    /// The figures of the image. Those of batches count from the start of the journal on.
    #[inline]
    pub(crate) fn figures(&self) -> &Figures {
        self.commit.figures()
    }

    /// Like [`Commit::watch`].
    pub(crate) fn watch(&self) -> &Arc<DurabilityWatch> {
        self.commit.watch()
    }

    /// Like [`Commit::follow`].
    pub(crate) fn follow(&self, is_over: impl Fn() -> bool) {
        self.commit.follow(is_over);
    }

    /// Like [`Commit::wake_watchers`].
    pub(crate) fn wake_watchers(&self) {
        self.commit.wake_watchers();
    }

    /// The number of bytes in the batches written since the journal was started.
    #[inline]
    pub(crate) fn bytes(&self) -> u64 {
        self.figures().bytes()
    }

    /// The error for new commands, if the journal is poisoned or closed.
    pub(crate) fn ended(&self) -> Option<Error> {
        self.commit.ended()
    }

    /// Syncs all executed events, whatever the durability mode.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.commit.sync()
    }

    /// Like [`Commit::sync_acknowledged`].
    pub(crate) fn sync_acknowledged(&self) -> Result<Seq, Error> {
        self.commit.sync_acknowledged()
    }

    /// Poisons the journal because of an error outside the group commit.
    pub(crate) fn poison(&self, cause: &Error) {
        self.commit.poison(cause);
    }

    /// Like [`Commit::is_full`].
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.commit.is_full()
    }

    /// Like [`Commit::wait_for_room`].
    #[inline]
    pub(crate) fn wait_for_room(&self) -> Result<(), Error> {
        self.commit.wait_for_room()
    }

    /// The variant of [`wait_for_room`](Journal::wait_for_room) that a future polls.
    pub(crate) fn poll_room(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.commit.poll_room(context)
    }

    /// Like [`Commit::busy_error`].
    pub(crate) fn busy_error(&self) -> Error {
        self.commit.busy_error()
    }

    /// Like [`Commit::replicate`]. Returns the journal for the shipper.
    pub(crate) fn replicate(&self, options: GateOptions) -> Weak<dyn ReplicatedJournal> {
        self.commit.replicate(options);
        Arc::downgrade(&self.commit) as Weak<dyn ReplicatedJournal>
    }

    /// Like [`Commit::sync_locally`].
    pub(crate) fn sync_locally(&self) -> Result<(), Error> {
        self.commit.sync_locally()
    }

    /// Like [`Commit::answers_wait_for_log`].
    pub(crate) fn answers_wait_for_log(&self) -> bool {
        self.commit.answers_wait_for_log()
    }

    /// Like [`Commit::replicated`].
    pub(crate) fn replicated(&self) -> Option<Seq> {
        self.commit.replicated()
    }

    /// Like [`Commit::wait_for_log`].
    pub(crate) fn wait_for_log(&self, seq: Seq, deadline: Instant) -> Result<bool, Error> {
        self.commit.wait_for_log(seq, deadline)
    }

    /// Waits until the next segment is preallocated, with room for a frame of `room.frame` bytes. Starts building the segment
    /// if necessary.
    pub(crate) fn obtain_segment(&self, room: NoRoom) -> Result<(), Error> {
        self.preallocator.obtain(room)
    }

    /// The variant of [`obtain_segment`](Journal::obtain_segment) that a future polls. `started` must be false at the first
    /// poll, which sets `started` to true.
    pub(crate) fn poll_segment(
        &self,
        room: NoRoom,
        started: &mut bool,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.preallocator.poll_obtain(room, started, context)
    }

    /// Starts building the next segment, with room for a frame of `room.frame` bytes, and does not wait for it. If the previous
    /// attempt to build a segment failed, returns its error.
    pub(crate) fn request_segment(&self, room: NoRoom) -> Option<Error> {
        self.preallocator.last_failure(room)
    }

    /// The newest chain link that has been written; `None` if the journal has no chain.
    #[cfg(feature = "chain")]
    pub(crate) fn chain_head(&self) -> Option<ChainHead> {
        let writer = self.commit.writer();
        writer.protection.chain.as_ref().map(|_| ChainHead::new(writer.end.written, writer.end.previous.mac))
    }

    /// Writes and syncs all accepted events, ends the journal's threads, calls `end_shipping`, and records in `journal/durable`
    /// how far the journal is synced. `end_shipping` ships the last events of a replicated journal, and ends the shipper. Its error
    /// says why the log does not have everything.
    pub(crate) fn close(&self, end_shipping: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        let deferred = {
            let mut open = self.open();
            let deferred = open.deferred().take();
            let room = deferred.as_ref().map(|frame| frame.room);
            if open.ended().is_none() {
                *open.deferred() = deferred;
            }
            room.filter(|_| open.ended().is_none())
        };
        if let Some(room) = deferred {
            // the frame is optional: without a segment, it is given up
            let _ = self.obtain_segment(room);
        }
        let stopped = self.commit.stop();
        self.commit.join();
        let failure = self.commit.failure();
        self.preallocator.close();
        let next = self.open().reservation().take_next_file();
        drop(next);
        self.commit.end_shippable();
        let shipped = end_shipping();
        let replicated = self.commit.give_up_unreplicated(shipped.err().as_ref());
        stopped?;
        failure.or_else(|| self.commit.failure()).map_or(Ok(()), Err)?;
        // without effect if callers that got no answer have ended it
        self.commit.end_watch();
        self.commit.writer().close_watermark().and(replicated)
    }
}
