//! A running journal: the group commit, its syncer thread, and the segment made ahead.

use std::ops::DerefMut;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use parking_lot::Mutex;

use super::batch::{FramePosition, NoRoom, OpenBatch, RecordMark, SpaceReservation};
use super::commit::{BatchLimits, BatchWriter, Commit, writing};
use super::create::create;
use super::durability::Durability;
use super::preallocate::{PreallocationHost, Preallocator};
use super::segment_builder::SegmentBuilder;
use super::ticket::Ticket;
use super::writer::{WritePosition, Writer};
use crate::context::Timestamp;
use crate::error::Error;
use crate::journal::format::frame::{FrameKind, head_len};
use crate::journal::format::genesis::Genesis;
use crate::journal::format::shape_table::ShapeTable;
use crate::journal::format::whitening::Salts;
#[cfg(feature = "chain")]
use crate::keys::ChainHead;
use crate::seq::{SegmentId, Seq};

/// A journal that takes events.
pub(crate) struct Journal {
    commit: Arc<Commit<Writer>>,
    ahead: Arc<Preallocator>,
    syncer: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Makes a journal in a directory of its own and starts it. Each batch is synced.
    pub(crate) fn create(
        maker: SegmentBuilder,
        genesis: &Genesis,
        align_shift: u8,
        mut salts: Salts,
        caps: BatchLimits,
    ) -> Result<Journal, Error> {
        let shapes = ShapeTable::default().encode();
        let made = create(&maker, genesis, align_shift, &mut salts)?;
        let place = FramePosition { segment: SegmentId::FIRST, offset: made.offset };
        let plan = SpaceReservation::new(place, made.len, shapes.len(), head_len(maker.protection.form()), align_shift);
        let writer = Writer {
            uuid: maker.identity.uuid,
            epoch: maker.epoch,
            align_shift,
            salts,
            shapes,
            protection: maker.protection.clone(),
            ahead: Preallocator::new(maker),
            durable_file: made.durable_file,
            segment: place.segment,
            file: made.file,
            sealed: false,
            end: WritePosition {
                offset: made.offset,
                previous: made.previous,
                written: Seq::ZERO,
                durable: Seq::ZERO,
                time: Timestamp::default(),
            },
        };
        Journal::start(writer, plan, Durability::Synced, caps)
    }

    /// Starts the journal at its end. `plan` says where that is.
    pub(crate) fn start(
        writer: Writer,
        plan: SpaceReservation,
        durability: Durability,
        caps: BatchLimits,
    ) -> Result<Journal, Error> {
        let ahead = Arc::clone(&writer.ahead);
        let (next, time): (Seq, Timestamp) = (writer.end.written.next(), writer.end.time);
        let path = writer.file.path().to_owned();
        let commit = Commit::new(writer, durability, caps, |lead| OpenBatch::new(next, time, plan, lead));
        ahead.attach(Arc::downgrade(&commit) as Weak<dyn PreallocationHost>);
        let syncing = Arc::clone(&commit);
        let syncer = std::thread::Builder::new()
            .name("memimage-syncer".to_owned())
            .spawn(move || writing(|| syncing.run_syncer()))
            .map_err(|source| Error::io("starting a thread for", &path, source))?;
        ahead.start(None);
        Ok(Journal { commit, ahead, syncer: Mutex::new(Some(syncer)) })
    }

    /// What tells this journal from every other in the process.
    #[inline]
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.commit).addr()
    }

    #[inline]
    pub(crate) fn open(&self) -> impl DerefMut<Target = OpenBatch> {
        self.commit.open()
    }

    /// As [`Commit::reserve`].
    #[inline]
    pub(crate) fn reserve(&self, open: &mut OpenBatch, mark: RecordMark) -> Result<RecordMark, NoRoom> {
        self.commit.reserve(open, mark)
    }

    /// As [`Commit::accepted`].
    #[inline]
    pub(crate) fn accepted(&self, open: &mut OpenBatch, linger: bool) {
        self.commit.accepted(open, linger);
    }

    /// As [`Commit::insert`].
    pub(crate) fn insert(&self, open: &mut OpenBatch, kind: FrameKind, body: &[u8]) -> Result<(), NoRoom> {
        self.commit.insert(open, kind, body)
    }

    /// Puts a frame without events into the journal, and waits until it is synced.
    pub(crate) fn record(&self, kind: FrameKind, body: &[u8]) -> Result<(), Error> {
        self.insert_synced(|open| self.insert(open, kind, body))
    }

    /// Begins the next segment, with the newest table of shapes: that there is one proves that all of the segment before it was
    /// synced, also what no event comes after. Before any event is recorded. If the segment cannot be made, the journal goes on
    /// where it is.
    pub(crate) fn begin_segment(&self, table: &ShapeTable) -> Result<(), Error> {
        let shapes = table.encode();
        self.insert_synced(|open| {
            open.leave_segment(&shapes)?;
            self.insert(open, FrameKind::Shapes, &shapes)
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
                Ok(()) => return self.sync(),
                Err(room) => self.obtain_segment(room)?,
            }
        }
    }

    /// As [`Commit::latest`].
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

    /// The last event on disk.
    pub(crate) fn durable(&self) -> Seq {
        self.commit.durable()
    }

    /// Batches written since the journal was started.
    pub(crate) fn batches(&self) -> u64 {
        self.commit.batches()
    }

    /// Bytes of batches written since the journal was started.
    #[inline]
    pub(crate) fn bytes(&self) -> u64 {
        self.commit.bytes()
    }

    /// The error with which commands are refused, if the journal is poisoned or closed.
    pub(crate) fn ended(&self) -> Option<Error> {
        self.commit.ended()
    }

    /// Syncs all that was executed, whatever the durability.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.commit.sync()
    }

    /// Ends the journal because of an error outside the group commit.
    pub(crate) fn poison(&self, cause: &Error) {
        self.commit.poison(cause);
    }

    /// Whether too many batches wait to be written.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.commit.is_full()
    }

    /// Waits until fewer batches wait to be written.
    #[inline]
    pub(crate) fn wait_for_room(&self) {
        self.commit.wait_for_room();
    }

    /// As [`wait_for_room`](Journal::wait_for_room), for a future.
    pub(crate) fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        self.commit.poll_room(context)
    }

    /// Waits until the next segment is ready and has this room, and starts making it if need be.
    pub(crate) fn obtain_segment(&self, room: NoRoom) -> Result<(), Error> {
        self.ahead.obtain(room)
    }

    /// As [`obtain_segment`](Journal::obtain_segment), for a future; `started` says whether this is its first poll.
    pub(crate) fn poll_segment(
        &self,
        room: NoRoom,
        started: &mut bool,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.ahead.poll_obtain(room, started, context)
    }

    /// Starts making the next segment with this room, without waiting. Returns the error of the last attempt, if it failed.
    pub(crate) fn request_segment(&self, room: NoRoom) -> Option<Error> {
        self.ahead.last_failure(room)
    }

    /// The newest link that was written, if the journal has a chain.
    #[cfg(feature = "chain")]
    pub(crate) fn chain_head(&self) -> Option<ChainHead> {
        let writer = self.commit.sink();
        writer.protection.chain.as_ref().map(|_| ChainHead::new(writer.end.written, writer.end.previous.mac))
    }

    /// Writes and syncs what was accepted, ends the threads, and says in `journal/durable` how far the journal is synced.
    pub(crate) fn close(&self) -> Result<(), Error> {
        let stopped = self.commit.stop();
        if let Some(syncer) = self.syncer.lock().take() {
            syncer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        let failure = self.commit.failure();
        self.ahead.close();
        stopped?;
        failure.map_or(Ok(()), Err)?;
        let mut writer = self.commit.sink();
        writer.rest()?;
        writer.durable_file.sync_data()
    }
}
