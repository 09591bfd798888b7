//! Group commit: many commands, one write and one sync.
//!
//! There is no writer thread on the way of a command. A caller who waits for its batch *leads*, that is, it writes and
//! syncs the open batch itself, if nobody else is writing. What gathered meanwhile is handed to the one syncer thread,
//! never to another waiter; waiters sleep on the ticket of their own batch. (Handing over from waiter to waiter loses
//! wake-ups easily; one thread that takes over whatever is left cannot.)
//!
//! Locks are taken in the order model → `open` → `state`; `sink` is held with neither. `shuttle` explores the schedules
//! of this module: see `explored.rs`.

#![expect(clippy::disallowed_methods, reason = "when a batch is written is no part of the state")]

mod leader;
mod syncer;

pub(crate) use leader::{is_writing, writing};

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::batch::{Batch, NoRoom, OpenBatch, RecordMark, SpareBuffers};
use super::durability::Durability;
use super::ticket::{Leader, Ticket};
use crate::error::{Error, ErrorDetail};
use crate::journal::format::frame::FrameKind;
use crate::planted::{Bug, planted};
use crate::seq::Seq;
use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex, has_passed};

/// How long an un-awaited batch may lie in memory.
const LINGER: Duration = Duration::from_millis(1);

/// Where batches go: the journal's writer, or a stand-in for it.
pub(crate) trait BatchWriter: Send + 'static {
    /// Writes a batch at its place. May sync on the way.
    fn write(&mut self, batch: &mut Batch) -> Result<(), Error>;

    /// Syncs all that was written.
    fn sync(&mut self) -> Result<(), Error>;

    /// The highest seq that is synced.
    fn durable(&self) -> Seq;

    /// Nothing more is to be written for now.
    fn rest(&mut self) -> Result<(), Error>;
}

/// The group commit of one journal.
pub(crate) struct Commit<S> {
    open: Mutex<OpenBatch>,
    state: Mutex<CommitState>,
    /// Wakes the syncer.
    wake: Condvar,
    /// Wakes those who wait for room in the queue.
    room: Condvar,
    sink: Mutex<S>,
    spare: Arc<SpareBuffers>,
    durability: Durability,
    caps: BatchLimits,
    executed: AtomicU64,
    written: AtomicU64,
    durable: AtomicU64,
    batches: AtomicU64,
    full: AtomicBool,
    /// Nothing more is accepted: poisoned, or closed.
    ended: AtomicBool,
    bytes: AtomicU64,
}

/// Bounds on what is held in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    /// A batch of this many bytes is complete.
    pub(crate) batch_bytes: usize,
    /// No more than this many complete batches wait to be written.
    pub(crate) pending_batches: usize,
}

impl Default for BatchLimits {
    fn default() -> BatchLimits {
        BatchLimits { batch_bytes: 1 << 20, pending_batches: 8 }
    }
}

/// Who writes, and what is to be written.
#[derive(Default)]
struct CommitState {
    /// Complete batches, oldest first. If there is one, somebody is busy.
    queue: VecDeque<Batch>,
    /// Somebody is writing, or was told to.
    busy: bool,
    /// The one who is busy, or is to be, is the syncer.
    handed: bool,
    /// Somebody waits for the open batch.
    awaited: bool,
    /// When the open batch is to be written although nobody waits for it.
    linger: Option<Instant>,
    /// When what was written is to be synced.
    sync_by: Option<Instant>,
    /// Those who want all that was executed to be synced.
    sync_wanted: Vec<Arc<Ticket>>,
    room_wakers: Vec<Waker>,
    stopping: bool,
    /// Why nothing will be written any more.
    failed: Option<CommitFailure>,
}

/// Why nothing will be written any more.
#[derive(Clone)]
struct CommitFailure {
    /// For those whose commands were not recorded.
    lost: Error,
    /// For those who asked for a sync: whether all is on disk is unknown, unless all was synced before.
    unsynced: Error,
}

impl CommitState {
    /// Whether somebody waits for something to be written or synced.
    fn pressing(&self) -> bool {
        !self.queue.is_empty() || self.awaited || !self.sync_wanted.is_empty()
    }

    /// Whether something is to be done by now though nobody waits for it.
    fn due(&self) -> bool {
        self.deadline().is_some_and(has_passed)
    }

    fn deadline(&self) -> Option<Instant> {
        [self.linger, self.sync_by].into_iter().flatten().min()
    }
}

impl<S: BatchWriter> Commit<S> {
    /// A group commit into `sink`; `open` makes the open batch.
    pub(crate) fn new(
        sink: S,
        durability: Durability,
        caps: BatchLimits,
        open: impl FnOnce(Weak<dyn Leader>) -> OpenBatch,
    ) -> Arc<Commit<S>> {
        Arc::new_cyclic(|commit: &Weak<Commit<S>>| {
            let open = open(commit.clone());
            let last = open.next_seq().get() - 1;
            let durable = sink.durable().get();
            Commit {
                state: Mutex::new(CommitState::default()),
                wake: Condvar::new(),
                room: Condvar::new(),
                spare: open.spare(),
                open: Mutex::new(open),
                sink: Mutex::new(sink),
                durability,
                caps,
                executed: AtomicU64::new(last),
                written: AtomicU64::new(last),
                durable: AtomicU64::new(durable),
                batches: AtomicU64::new(0),
                full: AtomicBool::new(false),
                ended: AtomicBool::new(false),
                bytes: AtomicU64::new(0),
            }
        })
    }

    /// The open batch; a command holds it from its check to its outcome.
    #[inline]
    pub(crate) fn open(&self) -> impl std::ops::DerefMut<Target = OpenBatch> {
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

    /// The last event on disk.
    pub(crate) fn durable(&self) -> Seq {
        Seq::new(self.durable.load(Ordering::Acquire))
    }

    /// Batches written since the image was opened.
    pub(crate) fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    /// Bytes of batches written since the image was opened.
    #[inline]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Why nothing more is accepted, if so.
    pub(crate) fn ended(&self) -> Option<Error> {
        self.ended.load(Ordering::Acquire).then(|| self.open.lock().ended().cloned())?
    }

    /// What must be on disk before anything computed from the newest state may be told; `None` if it is.
    pub(crate) fn latest(&self) -> Option<Arc<Ticket>> {
        let acknowledged = if self.syncs() { &self.durable } else { &self.written };
        if acknowledged.load(Ordering::Acquire) == self.executed.load(Ordering::Acquire) {
            return None;
        }
        self.open.lock().latest()
    }

    /// Whether an answer waits for a sync.
    fn syncs(&self) -> bool {
        self.durability == Durability::Synced
    }

    /// Makes sure of the open record's room, sending the open batch off if the record cannot be part of it.
    #[inline]
    pub(crate) fn reserve(&self, open: &mut OpenBatch, mark: RecordMark) -> Result<RecordMark, NoRoom> {
        open.reserve(mark, |batch| self.enqueue(batch))
    }

    /// A command was executed and its record accepted. `linger` if its caller may not wait for it.
    #[inline]
    pub(crate) fn accepted(&self, open: &mut OpenBatch, linger: bool) {
        self.executed.store(open.next_seq().get() - 1, Ordering::Release);
        if open.size() >= self.caps.batch_bytes {
            self.send_off(open);
        } else if linger && open.count() == 1 {
            let mut state = self.state.lock();
            if state.linger.is_none() {
                state.linger = Some(Instant::now() + LINGER);
                self.wake.notify_one();
            }
        }
    }

    /// Sends the open batch off without waiting for it.
    pub(crate) fn send_off(&self, open: &mut OpenBatch) {
        if let Some(batch) = open.seal() {
            self.enqueue(batch);
        }
    }

    /// Records a frame of another kind after all that was executed.
    pub(crate) fn insert(&self, open: &mut OpenBatch, kind: FrameKind, body: &[u8]) -> Result<(), NoRoom> {
        self.send_off(open);
        self.enqueue(open.insert(kind, body)?);
        Ok(())
    }

    fn enqueue(&self, batch: Batch) {
        let mut state = self.state.lock();
        if let Some(failure) = &state.failed {
            batch.ticket.settle(Err(failure.lost.clone()));
            return;
        }
        state.queue.push_back(batch);
        self.full.store(state.queue.len() >= self.caps.pending_batches, Ordering::Release);
        // whoever waited for the open batch waits for the queue now
        state.awaited = false;
        state.linger = None;
        if !state.busy {
            self.hand_over(&mut state);
        }
    }

    fn hand_over(&self, state: &mut CommitState) {
        state.busy = true;
        state.handed = true;
        self.wake.notify_one();
    }

    /// Whether too many batches wait to be written.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Waits until fewer batches wait to be written.
    #[inline]
    pub(crate) fn wait_for_room(&self) {
        if self.is_full() {
            let mut state = self.state.lock();
            while state.queue.len() >= self.caps.pending_batches && state.failed.is_none() {
                self.room.wait(&mut state);
            }
        }
    }

    /// As [`wait_for_room`](Commit::wait_for_room), for a future.
    pub(crate) fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_full() {
            let mut state = self.state.lock();
            if state.queue.len() >= self.caps.pending_batches && state.failed.is_none() {
                if !state.room_wakers.iter().any(|known| known.will_wake(context.waker())) {
                    state.room_wakers.push(context.waker().clone());
                }
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Syncs all that was executed, whatever the durability.
    ///
    /// After [`stop`](Commit::stop) nobody is left to sync, and nothing to be synced.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let ticket = Ticket::new(Weak::<Commit<S>>::new());
        {
            let mut state = self.state.lock();
            if let Some(failure) = &state.failed {
                return Err(failure.unsynced.clone());
            }
            if state.stopping {
                return Err(Error::new(ErrorDetail::Closed));
            }
            if self.syncs() {
                drop(state);
                let latest = self.open.lock().latest();
                return latest.map_or(Ok(()), |ticket| ticket.wait());
            }
            state.sync_wanted.push(Arc::clone(&ticket));
            if !state.busy {
                self.hand_over(&mut state);
            }
        }
        ticket.park();
        ticket.result().expect("a parked ticket is settled")
    }

    /// A write failed: nothing more is accepted, and everybody who waits is told.
    fn fail(&self, cause: &Error, written: Option<&Arc<Ticket>>) {
        let lost = Error::new(ErrorDetail::Poisoned { cause: cause.clone(), unknown: false });
        let unknown = Error::new(ErrorDetail::Poisoned { cause: cause.clone(), unknown: true });
        tracing::error!(error = %cause, "a write failed: the image is poisoned until it is reopened");
        // told in the order of the journal, and with no lock held: a waker may run anything
        let mut fates: Vec<(Arc<Ticket>, Error)> =
            written.map(|ticket| (Arc::clone(ticket), unknown.clone())).into_iter().collect();
        let wakers = {
            let mut open = self.open.lock();
            open.end(lost.clone());
            self.ended.store(true, Ordering::Release);
            let mut state = self.state.lock();
            // who is busy once all is durable only comes to rest
            let all_durable = self.durable() == self.executed();
            let in_doubt = written.is_some() || !all_durable && (state.busy || self.durable() < self.written());
            let unsynced = if in_doubt { unknown.clone() } else { lost.clone() };
            state.failed = Some(CommitFailure { lost: lost.clone(), unsynced: unsynced.clone() });
            fates.extend(state.queue.drain(..).map(|batch| (batch.ticket, lost.clone())));
            fates.push((Arc::clone(open.ticket()), lost));
            fates.extend(state.sync_wanted.drain(..).map(|ticket| (ticket, unsynced.clone())));
            self.full.store(false, Ordering::Release);
            self.room.notify_all();
            self.wake.notify_all();
            std::mem::take(&mut state.room_wakers)
        };
        fates.truncate(if planted(Bug::WaitersNotNotified) { 1 } else { fates.len() });
        fates.into_iter().for_each(|(ticket, error)| ticket.settle(Err(error)));
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Poisons the image for a reason outside the group commit.
    pub(crate) fn poison(&self, cause: &Error) {
        self.fail(cause, None);
    }

    fn rest(&self) -> bool {
        if self.state.lock().failed.is_some() {
            return false;
        }
        let result = self.sink.lock().rest();
        result.inspect_err(|error| self.fail(error, None)).is_ok()
    }

    /// Accepts nothing more, writes and syncs what was accepted, and ends the syncer.
    pub(crate) fn stop(&self) -> Result<(), Error> {
        {
            let mut open = self.open.lock();
            self.send_off(&mut open);
            if open.ended().is_none() {
                open.end(Error::new(ErrorDetail::Closed));
                self.ended.store(true, Ordering::Release);
            }
        }
        let result = self.sync();
        let mut state = self.state.lock();
        state.stopping = true;
        self.wake.notify_all();
        result
    }

    /// Why not all that was accepted was written and synced, if so. To be asked once the syncer has ended: before that, a
    /// write that failed may not have been told yet.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.state.lock().failed.as_ref().map(|failure| failure.unsynced.clone())
    }

    /// The sink, once nobody else writes.
    pub(crate) fn sink(&self) -> impl std::ops::DerefMut<Target = S> {
        self.sink.lock()
    }
}
