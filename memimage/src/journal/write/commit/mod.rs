//! Group commit: one write and one sync for many commands.
//!
//! Commands do not pass through a dedicated writer thread. A caller that waits for its batch becomes the *leader* if no thread
//! is writing: it writes and syncs the open batch itself. Work that accumulates during that write goes to the single syncer
//! thread, never to another waiting caller. Each waiting caller sleeps on the ticket of its own batch. (If one waiting caller
//! passed the lead to another, a wake-up could be lost. With a single thread that takes over all remaining work, no wake-up can
//! be lost.) If the operating system provides no thread for the syncer, the thread that would pass on the work does it itself.
//!
//! Lock order: model, then `open`, then `state`. No thread holds `open` or `state` while it holds or waits for `writer`. The
//! tests in `shuttle_tests.rs` explore the thread schedules of this module.

#![expect(clippy::disallowed_methods, reason = "the time of a write is not part of the model's state")]

mod unreplicated;
mod gate;
mod failure;
mod leader;
mod room;
mod syncer;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use self::failure::CommitFailure;
use self::gate::Gate;
pub(crate) use self::gate::{GateOptions, ReplicatedJournal};
pub(crate) use self::unreplicated::LagLimit;
use self::unreplicated::UnreplicatedBatches;
use super::batch::{Batch, NoRoom, OpenBatch, RecordMark, SpareBuffers};
use super::durability::Durability;
use super::durability_watch::DurabilityWatch;
use super::ticket::{Leader, Ticket};
use super::waking::writing;
use crate::error::{Error, ErrorDetail};
use crate::figures::Figures;
use crate::journal::format::frame::FrameKind;
use crate::seq::Seq;
use crate::sync::{AtomicBool, AtomicU64, Condvar, JoinHandle, Mutex, MutexGuard, has_passed};

/// The longest time for which a batch stays unwritten in memory if no caller waits for the batch.
const LINGER: Duration = Duration::from_millis(1);

/// Writes batches to the journal. The shuttle tests replace the journal's writer with an in-memory writer.
pub(crate) trait BatchWriter: Send + 'static {
    /// Writes a batch at its position. If the batch begins a new segment, syncs the previous segment first.
    fn write(&mut self, batch: &mut Batch) -> Result<(), Error>;

    /// Syncs everything written so far.
    fn sync(&mut self) -> Result<(), Error>;

    /// The last synced event.
    fn durable(&self) -> Seq;

    /// Records in `journal/durable` how far the journal is synced. Called by the group commit when no work is pending. Closes
    /// the file unless `keep_open` is true.
    fn write_watermark(&mut self, keep_open: bool) -> Result<(), Error>;

    /// Closes the files that the writer does not need until the next write.
    fn rest(&mut self);

    /// The directory of the image.
    fn root(&self) -> &Path;
}

/// The group commit of one journal.
pub(crate) struct Commit<S> {
    this: Weak<Commit<S>>,
    /// The directory of the image.
    root: PathBuf,
    open: Mutex<OpenBatch>,
    state: Mutex<CommitState>,
    /// Wakes the syncer.
    wake: Condvar,
    /// Wakes the callers that wait for room in the queue.
    room: Condvar,
    writer: Mutex<S>,
    spare: Arc<SpareBuffers>,
    durability: Durability,
    limits: BatchLimits,
    /// The last executed event.
    executed: AtomicU64,
    /// The last event handed to the operating system.
    written: AtomicU64,
    /// Whether frames were written, possibly without events, since the last sync.
    unsynced: AtomicBool,
    /// Whether the queue is full, that is, contains `pending_batches` batches.
    full: AtomicBool,
    /// Whether the journal is poisoned or closed, and therefore accepts no commands.
    ended: AtomicBool,
    figures: Arc<Figures>,
    /// How far the journal is synced, and who waits for more.
    watch: Arc<DurabilityWatch>,
    /// The gate between the local disk and the callers, if the journal is replicated. Set before the first command.
    gate: OnceLock<Gate>,
    /// Whether the syncer runs. Becomes false only while both `open` and `state` are locked.
    has_syncer: AtomicBool,
}

/// Bounds on the batches in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    /// A batch is complete as soon as its records have this number of bytes.
    pub(crate) batch_bytes: usize,
    /// The maximum number of complete batches that wait to be written.
    pub(crate) pending_batches: usize,
}

impl BatchLimits {
    pub(crate) const DEFAULT: BatchLimits = BatchLimits { batch_bytes: 1 << 20, pending_batches: 8 };
}

impl Default for BatchLimits {
    fn default() -> BatchLimits {
        BatchLimits::DEFAULT
    }
}

/// The pending work, and which thread does it.
#[derive(Default)]
struct CommitState {
    /// The complete batches, oldest first. If the queue is not empty, `busy` is true.
    queue: VecDeque<Batch>,
    /// Whether a thread is writing, or the syncer has been asked to write.
    busy: bool,
    /// Whether the syncer is the writing thread, or has been asked to write.
    by_syncer: bool,
    /// Whether a caller waits for the open batch.
    awaited: bool,
    /// The time at which the syncer writes the open batch even if no caller waits for it.
    linger: Option<Instant>,
    /// The time of the next interval sync.
    sync_by: Option<Instant>,
    /// The ticket of the last batch that a thread began to write. The ticket is settled, unless this thread is still writing
    /// the batch or panicked while it wrote the batch.
    writing: Option<Arc<Ticket>>,
    /// The tickets of callers that asked for a sync of all executed events.
    sync_wanted: Vec<Arc<Ticket>>,
    /// The tickets of callers whose requested sync is in progress.
    syncing: Vec<Arc<Ticket>>,
    room_wakers: Vec<Waker>,
    /// The thread of the syncer, while it runs.
    syncer: Option<JoinHandle<()>>,
    /// The time until which the next leader keeps `journal/durable` open, because a leader has just written to it.
    busy_until: Option<Instant>,
    stopping: bool,
    /// The written batches that the log does not have. Empty if the journal is not replicated.
    unreplicated: UnreplicatedBatches,
    /// `Some` once the journal can write nothing more, because it is poisoned.
    failed: Option<CommitFailure>,
}

impl CommitState {
    /// Whether a batch is queued, or a caller waits for the open batch or for a sync.
    fn has_work(&self) -> bool {
        !self.queue.is_empty() || self.awaited || !self.sync_wanted.is_empty()
    }

    /// Whether a deadline has passed, so that a batch must be written or synced even if no caller waits for it.
    fn is_due(&self) -> bool {
        self.deadline().is_some_and(has_passed)
    }

    fn deadline(&self) -> Option<Instant> {
        [self.linger, self.sync_by].into_iter().flatten().min()
    }
}

impl<S: BatchWriter> Commit<S> {
    /// Creates a group commit that writes to `writer`. The function `open` creates the open batch.
    pub(crate) fn new(
        writer: S,
        durability: Durability,
        limits: BatchLimits,
        figures: Arc<Figures>,
        open: impl FnOnce(Weak<dyn Leader>) -> OpenBatch,
    ) -> Arc<Commit<S>> {
        Arc::new_cyclic(|commit: &Weak<Commit<S>>| {
            let open = open(commit.clone());
            let last = open.next_seq().get() - 1;
            let durable = writer.durable();
            Commit {
                this: commit.clone(),
                root: writer.root().to_owned(),
                state: Mutex::new(CommitState::default()),
                wake: Condvar::new(),
                room: Condvar::new(),
                spare: open.spare_buffers(),
                open: Mutex::new(open),
                writer: Mutex::new(writer),
                durability,
                limits,
                executed: AtomicU64::new(last),
                written: AtomicU64::new(last),
                unsynced: AtomicBool::new(false),
                full: AtomicBool::new(false),
                ended: AtomicBool::new(false),
                figures,
                watch: Arc::new(DurabilityWatch::new(durable)),
                gate: OnceLock::new(),
                has_syncer: AtomicBool::new(false),
            }
        })
    }

    /// Locks the open batch. A command holds this lock from its check until its outcome is known.
    #[inline]
    pub(crate) fn open(&self) -> MutexGuard<'_, OpenBatch> {
        self.open.lock()
    }

    /// The last event executed.
    #[inline]
    pub(crate) fn executed(&self) -> Seq {
        Seq::new(self.executed.load(Ordering::Acquire))
    }

    /// The last event handed to the operating system.
    pub(crate) fn written(&self) -> Seq {
        Seq::new(self.written.load(Ordering::Acquire))
    }

    /// The last synced event.
    pub(crate) fn durable(&self) -> Seq {
        self.watch.durable()
    }

    /// The threads and tasks that wait for more durable events.
    pub(crate) fn watch(&self) -> &Arc<DurabilityWatch> {
        &self.watch
    }

    /// Waits until `is_over` returns true. Asks again whenever more events are durable, and after
    /// [`wake_watchers`](Commit::wake_watchers).
    pub(crate) fn follow(&self, is_over: impl Fn() -> bool) {
        self.watch.wait(is_over, None);
    }

    pub(crate) fn wake_watchers(&self) {
        self.watch.wake_threads();
    }

    /// Tells the waiters that the journal was closed, and that all its events are durable.
    pub(crate) fn end_watch(&self) {
        // a waker must not wait for this journal, which the calling thread is closing
        writing(self.id(), || self.watch.end(Ok(())));
    }

    #[inline]
    pub(crate) fn figures(&self) -> &Figures {
        &self.figures
    }

    /// The error for new commands, if the journal is poisoned or closed.
    pub(crate) fn ended(&self) -> Option<Error> {
        self.ended.load(Ordering::Acquire).then(|| self.open.lock().ended().cloned())?
    }

    /// A result that was computed from the newest state may leave the process once this ticket is settled. `None` if all
    /// executed events are already as durable as the durability mode requires.
    pub(crate) fn latest(&self) -> Option<Arc<Ticket>> {
        let acknowledged = if self.syncs() { self.durable() } else { self.acknowledged() };
        if acknowledged == self.executed() {
            return None;
        }
        self.open.lock().latest()
    }

    /// Whether the syncer runs.
    #[cfg(all(shuttle, test))]
    pub(crate) fn has_syncer(&self) -> bool {
        self.has_syncer.load(Ordering::Relaxed)
    }

    /// Whether callers receive their answer only after a sync.
    fn syncs(&self) -> bool {
        self.durability == Durability::Synced
    }

    /// Reserves disk space for the open record. If the record does not fit into the open batch, first queues the batch, without
    /// the record.
    #[inline]
    pub(crate) fn reserve(&self, open: &mut OpenBatch, mark: RecordMark) -> Result<RecordMark, NoRoom> {
        open.reserve(mark, |batch| self.enqueue(batch))
    }

    /// Counts the event of an accepted record as executed, and queues the batch if it is complete. If `linger` is true, the
    /// syncer writes the batch at a deadline even if no caller waits; the caller has called
    /// [`ensure_syncer`](Commit::ensure_syncer).
    #[inline]
    pub(crate) fn accepted(&self, open: &mut OpenBatch, linger: bool) {
        self.executed.store(open.next_seq().get() - 1, Ordering::Release);
        if open.size() >= self.limits.batch_bytes {
            self.enqueue_open(open);
        } else if linger && open.count() == 1 {
            let mut state = self.state.lock();
            if state.linger.is_none() {
                state.linger = Some(Instant::now() + LINGER);
                self.wake.notify_one();
            }
        }
    }

    /// Seals the open batch and queues it.
    pub(crate) fn enqueue_open(&self, open: &mut OpenBatch) {
        if let Some(batch) = open.seal() {
            self.enqueue(batch);
        }
    }

    /// After all executed events, queues a frame of this kind, which has no events.
    pub(crate) fn insert(&self, open: &mut OpenBatch, kind: FrameKind, body: &[u8]) -> Result<(), NoRoom> {
        self.enqueue_open(open);
        self.enqueue(open.insert(kind, body)?);
        Ok(())
    }

    /// Queues a frame of shapes with these rows, after all executed events. Later segments begin with the whole `table`.
    pub(crate) fn insert_shapes(&self, open: &mut OpenBatch, rows: &[u8], table: Vec<u8>) -> Result<(), NoRoom> {
        self.enqueue_open(open);
        self.enqueue(open.insert_shapes(rows, table)?);
        Ok(())
    }

    /// Queues a gap frame with this body, after all executed events. The next event is `behind`.
    pub(crate) fn insert_gap(&self, open: &mut OpenBatch, body: &[u8], behind: Seq) -> Result<(), NoRoom> {
        self.enqueue_open(open);
        self.enqueue(open.insert_gap(body, behind)?);
        self.executed.store(behind.before().get(), Ordering::Release);
        Ok(())
    }

    fn enqueue(&self, batch: Batch) {
        let mut state = self.state.lock();
        if let Some(failure) = &state.failed {
            batch.ticket.settle(Err(failure.lost.clone()));
            return;
        }
        state.queue.push_back(batch);
        self.full.store(state.queue.len() >= self.limits.pending_batches, Ordering::Release);
        // the callers that waited for the open batch now wait for a batch in the queue
        state.awaited = false;
        state.linger = None;
        if !state.busy {
            // Without a thread, the queue has no writer until a caller waits for a batch or for room in the queue. The batches
            // of callers that do not wait have a syncer.
            self.hand_to_syncer(&mut state);
        }
    }

    /// Syncs all executed events, whatever the durability mode. If callers wait for the log, waits until it has them too.
    ///
    /// # Errors
    ///
    /// Fails if the journal is poisoned. After [`stop`](Commit::stop), fails with [`ErrorDetail::Closed`], because no syncer is
    /// left; `stop` has synced all events.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.sync_locally()?;
        if self.gate_of_answers().is_none() {
            return Ok(());
        }
        let latest = self.open.lock().latest();
        latest.map_or(Ok(()), |ticket| ticket.wait())
    }

    /// Like [`sync`](Commit::sync), but does not wait for the log.
    pub(crate) fn sync_locally(&self) -> Result<(), Error> {
        let ticket = Ticket::new(Weak::<Commit<S>>::new());
        {
            let mut state = self.state.lock();
            if let Some(failure) = &state.failed {
                return Err(failure.unsynced.clone());
            }
            if state.stopping {
                return Err(Error::new(ErrorDetail::Closed));
            }
            if self.syncs() && self.gate_of_answers().is_none() {
                drop(state);
                let latest = self.open.lock().latest();
                return latest.map_or(Ok(()), |ticket| ticket.wait());
            }
            state.sync_wanted.push(Arc::clone(&ticket));
            self.hand_over(state);
        }
        ticket.park();
        ticket.result().expect("a parked ticket is settled")
    }

    /// Makes sure that every event is durable whose answer a caller may have got, and returns the last durable event.
    pub(crate) fn sync_acknowledged(&self) -> Result<Seq, Error> {
        if !self.syncs() && self.acknowledged() > self.durable() {
            self.sync()?;
        }
        Ok(self.durable())
    }

    /// The number by which a ticket identifies its journal.
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Records in `journal/durable` how far the journal is synced. Returns whether the journal can still write.
    fn write_watermark(&self, keep_open: bool) -> bool {
        if self.state.lock().failed.is_some() {
            return false;
        }
        let result = self.writer.lock().write_watermark(keep_open);
        result.inspect_err(|error| self.fail(error, None)).is_ok()
    }

    /// Refuses all further commands, writes and syncs all accepted events, and makes the syncer end.
    pub(crate) fn stop(&self) -> Result<(), Error> {
        {
            let mut open = self.open.lock();
            self.enqueue_open(&mut open);
            if open.ended().is_none() {
                open.end(Error::new(ErrorDetail::Closed));
                self.ended.store(true, Ordering::Release);
            }
        }
        self.release_room();
        // the log gets the rest after this call
        let result = self.sync_locally();
        let mut state = self.state.lock();
        state.stopping = true;
        self.wake.notify_all();
        result
    }

    /// The error that poisoned the journal, if any. The result is final only after [`join`](Commit::join): until then, the
    /// failure of a write is perhaps not recorded yet.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.state.lock().failed.as_ref().map(|failure| failure.unsynced.clone())
    }

    /// Syncs everything written so far, and returns how long the sync took.
    fn timed_sync(writer: &mut S) -> Result<Duration, Error> {
        let started = Instant::now();
        writer.sync().map(|()| started.elapsed())
    }

    /// Locks the writer. If another thread is writing, first waits until that write has ended.
    pub(crate) fn writer(&self) -> impl std::ops::DerefMut<Target = S> {
        self.writer.lock()
    }
}
