//! The replication gate: holds answers back until the log on other machines has their events, or commands while the log is too far
//! behind.
//!
//! The owner of the journal sets the gate before the first command. Without a gate, the group commit does none of this. A shipper,
//! which is a thread of another crate, reads the written frames from the files, appends them to the log, and calls
//! [`ReplicatedJournal::shipped`].
//!
//! If answers wait for the log, a batch passes the gate in three steps: [`enter_gate`](Commit::enter_gate) after its write, so that the
//! shipper can read it while it is being synced; [`acknowledge_at_gate`](Commit::acknowledge_at_gate) after its sync; and its ticket is
//! settled once the log has it, too, by whichever thread completes both. Batches leave the gate in the order of the journal.
//! After a failure or a fence, the batches in the gate get an unknown outcome: they are in the files, and perhaps in the log.
//!
//! The gate has no lock of its own: its batches are part of the commit's `state`. Tickets are settled, and tasks woken, after `state` has
//! been unlocked.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::unreplicated::LagLimit;
use super::{BatchWriter, Commit, CommitState};
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::journal::write::batch::Batch;
use crate::journal::write::ticket::Ticket;
use crate::journal::write::waking::{wake_all, writing};
use crate::planted::{Bug, planted};
use crate::seq::Seq;
use crate::sync::{AtomicBool, AtomicU64, Condvar, has_passed};

/// What waits for the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GateOptions {
    /// Whether callers get their answers only once the log has their events.
    pub(crate) answers_wait: bool,
    pub(crate) lag: LagLimit,
}

/// The part of the gate that is read without a lock.
pub(super) struct Gate {
    options: GateOptions,
    /// Notified when more events are shippable, when the log has more events, and at the end. Waits with `state`.
    changed: Condvar,
    /// The last event of the last batch that left the gate: the local disk and the log have it.
    replicated: AtomicU64,
    /// Whether the log lacks more bytes than it may.
    lacks_bytes: AtomicBool,
    started: Instant,
    /// From when on the oldest batch in the gate is too old, in microseconds since `started`; `NEVER` if there is none.
    too_old_from: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl Gate {
    /// Updates what [`Commit::is_behind`] reads, after the batches in the gate have changed.
    fn update_lag(&self, state: &CommitState) {
        let LagLimit { bytes, time, .. } = self.options.lag;
        self.lacks_bytes.store(state.unreplicated.bytes() > bytes, Ordering::Release);
        let end = state
            .unreplicated
            .since()
            .zip(time)
            .map(|(since, time)| since.duration_since(self.started).saturating_add(time));
        let micros = end.and_then(|end| u64::try_from(end.as_micros()).ok());
        self.too_old_from.store(micros.unwrap_or(NEVER), Ordering::Release);
    }

    fn is_too_old(&self) -> bool {
        let from = self.too_old_from.load(Ordering::Acquire);
        // a time that the clock cannot represent never comes
        from != NEVER && self.started.checked_add(Duration::from_micros(from)).is_some_and(has_passed)
    }

    /// Tells the shipper, and an opening that waits for the log.
    fn notify(&self, state: &mut CommitState) {
        state.unreplicated.changes += 1;
        self.changed.notify_all();
    }

    fn replicated(&self) -> Seq {
        Seq::new(self.replicated.load(Ordering::Acquire))
    }
}

/// Those who waited for batches that left the gate. No lock may be held while they are woken.
#[derive(Default)]
struct Released {
    tickets: Vec<Arc<Ticket>>,
    /// The tasks that waited for room.
    wakers: Vec<Waker>,
}

impl Released {
    fn wake(self) {
        self.tickets.iter().for_each(|ticket| ticket.settle(Ok(())));
        wake_all(self.wakers);
    }
}

/// The journal of a running image, for the shipper that carries its frames to the log.
pub(crate) trait ReplicatedJournal: Send + Sync {
    /// The last event that may be shipped: the last written one if answers wait for the log, otherwise the last one whose callers got
    /// their answers.
    fn shippable(&self) -> Seq;

    /// Waits until the number of changes is no longer `seen`, or until the timeout. Returns the number. It changes when more events are
    /// shippable, when the log has more, and when the journal ends.
    fn wait(&self, seen: u64, timeout: Duration) -> u64;

    /// Records that the log has all events up to this one.
    fn shipped(&self, seq: Seq);

    /// Changes the number for which [`wait`](ReplicatedJournal::wait) waits.
    fn wake(&self);

    /// Poisons the journal.
    fn fail(&self, cause: &Error);

    /// Whether no more events become shippable.
    fn is_closed(&self) -> bool;
}

impl<S: BatchWriter> Commit<S> {
    /// Sets the gate, before the first command. The log may lack all recovered events.
    pub(crate) fn replicate(&self, options: GateOptions) {
        let started = Instant::now();
        let gate = Gate {
            options,
            changed: Condvar::new(),
            replicated: AtomicU64::new(0),
            lacks_bytes: AtomicBool::new(false),
            started,
            too_old_from: AtomicU64::new(NEVER),
        };
        let mut state = self.state.lock();
        state.unreplicated.add_recovered(self.executed(), started);
        gate.update_lag(&state);
        assert!(self.gate.set(gate).is_ok(), "a journal is replicated to one log");
    }

    /// The gate, if answers wait for the log.
    #[inline]
    pub(super) fn gate_of_answers(&self) -> Option<&Gate> {
        self.gate.get().filter(|gate| gate.options.answers_wait)
    }

    /// Whether answers wait for the log.
    pub(crate) fn answers_wait_for_log(&self) -> bool {
        self.gate_of_answers().is_some()
    }

    /// The last event whose answer a caller may have got, if answers do not wait for a sync.
    pub(super) fn acknowledged(&self) -> Seq {
        self.gate_of_answers().map_or_else(|| self.written(), Gate::replicated)
    }

    /// The last event that the log is known to have; `None` if the journal is not replicated.
    pub(crate) fn replicated(&self) -> Option<Seq> {
        self.gate.get().map(Gate::replicated)
    }

    /// Whether the log is too far behind, so that commands wait or fail.
    pub(super) fn is_behind(&self) -> bool {
        self.gate.get().is_some_and(|gate| {
            (gate.lacks_bytes.load(Ordering::Acquire) || gate.is_too_old()) && !self.ended.load(Ordering::Acquire)
        })
    }

    /// Returns an error if the log is too far behind, and commands fail then.
    pub(super) fn refuse_lag(&self, state: &CommitState) -> Result<(), Error> {
        let Some(gate) = self.gate.get().filter(|gate| gate.options.lag.fails && self.is_behind()) else {
            return Ok(());
        };
        let age = state.unreplicated.since().map_or(Duration::ZERO, |since| since.elapsed());
        let LagLimit { bytes, time, .. } = gate.options.lag;
        let message = format!(
            "the log of the image is too far behind: it lacks {} bytes, the oldest for {age:.1?}, and may lack {bytes} bytes, for {:?}; \
             nothing was executed; help: try again later, and look at the log and at the network",
            state.unreplicated.bytes(),
            time.unwrap_or(Duration::MAX)
        );
        Err(Error::new(ErrorDetail::Replication { kind: ErrorKind::ReplicationLag, message }))
    }

    /// The error for a command that must not wait, while [`is_full`](Commit::is_full) is true.
    pub(crate) fn busy_error(&self) -> Error {
        let busy = |what| Error::new(ErrorDetail::Busy { what });
        match self.refuse_lag(&self.state.lock()) {
            Err(error) => error,
            Ok(()) if self.is_behind() => busy("the log to which the image is replicated is too far behind"),
            Ok(()) => busy("the queue of batches is full"),
        }
    }

    /// Puts a written batch into the gate, whose callers wait for the log, and tells the shipper.
    ///
    /// # Errors
    ///
    /// Fails if the journal has failed since the batch was taken, because then nobody would settle its ticket.
    pub(super) fn enter_gate(&self, gate: &Gate, batch: &Batch) -> Result<(), Error> {
        let mut state = self.state.lock();
        if let Some(failure) = &state.failed {
            return Err(failure.lost.cause());
        }
        let (last, ticket) = (batch.last_seq(), Arc::clone(&batch.ticket));
        state.unreplicated.add_awaited(last, batch.bytes.len(), ticket, Instant::now());
        state.unreplicated.shippable = last;
        gate.update_lag(&state);
        gate.notify(&mut state);
        drop(state);
        batch.ticket.set_written();
        Ok(())
    }

    /// Records that the local disk has a batch, as safely as the durability mode requires, and events up to `durable` synced. Settles
    /// the tickets that now may be settled. Returns whether more events are durable than before; then the caller must wake those who wait for them.
    pub(super) fn acknowledge_at_gate(&self, gate: &Gate, batch: &Batch, durable: Seq) -> bool {
        let mut state = self.state.lock();
        if !gate.options.answers_wait {
            state.unreplicated.shippable = if self.syncs() { durable } else { batch.last_seq() };
            let (last, bytes) = (batch.last_seq(), batch.bytes.len());
            // after a failure, nothing waits for the log
            if state.failed.is_none() {
                state.unreplicated.add_answered(last, bytes, gate.options.lag, Instant::now());
            }
            gate.update_lag(&state);
            gate.notify(&mut state);
            drop(state);
            let is_news = self.watch.advance(durable);
            batch.ticket.settle(Ok(()));
            return is_news;
        }
        if state.failed.is_some() {
            // the failure has settled the ticket
            return false;
        }
        state.unreplicated.acknowledge_newest();
        state.unreplicated.durable = durable;
        let released = self.release(gate, &mut state);
        let shown = durable.min(gate.replicated());
        drop(state);
        if planted(Bug::AnswerBeforeRemote) {
            batch.ticket.settle(Ok(()));
        }
        let is_news = self.watch.advance(shown);
        released.wake();
        is_news
    }

    /// Records that the events up to `durable` are synced. Returns whether more events are durable than before, for those who wait.
    pub(super) fn advance_durable(&self, durable: Seq) -> bool {
        let Some(gate) = self.gate_of_answers() else { return self.watch.advance(durable) };
        let shown = {
            let mut state = self.state.lock();
            state.unreplicated.durable = durable;
            durable.min(gate.replicated())
        };
        self.watch.advance(shown)
    }

    /// Removes the batches from the gate that the local disk and the log have, and wakes the threads that wait for room or for the log.
    /// The caller settles the tickets and wakes the tasks after it has unlocked the state.
    fn release(&self, gate: &Gate, state: &mut CommitState) -> Released {
        let mut released = Released::default();
        let before = gate.replicated();
        while let Some(batch) = state.unreplicated.pop_replicated() {
            gate.replicated.store(batch.last.get(), Ordering::Release);
            released.tickets.extend(batch.ticket);
        }
        gate.update_lag(state);
        if gate.replicated() > before || !released.tickets.is_empty() {
            gate.changed.notify_all();
        }
        if !self.lacks_room(state) {
            self.room.notify_all();
            released.wakers = std::mem::take(&mut state.room_wakers);
        }
        released
    }

    /// Removes all batches from the gate, because the journal has failed or is closed, and tells the shipper. Returns the tickets of the
    /// callers that wait. The caller has locked the state, and settles the tickets after it has unlocked it.
    pub(super) fn end_gate(&self, state: &mut CommitState) -> Vec<Arc<Ticket>> {
        let Some(gate) = self.gate.get() else { return Vec::new() };
        let tickets = state.unreplicated.drain();
        state.unreplicated.is_closed = true;
        gate.update_lag(state);
        gate.notify(state);
        tickets
    }

    /// Wakes the commands that wait because the log is behind, since the journal refuses all further commands.
    pub(super) fn release_room(&self) {
        if self.gate.get().is_none() {
            return;
        }
        let wakers = {
            let mut state = self.state.lock();
            self.room.notify_all();
            std::mem::take(&mut state.room_wakers)
        };
        writing(self.id(), || wake_all(wakers));
    }

    /// Waits until the log has all events up to `seq`, or until the deadline. Returns whether the log has them.
    ///
    /// # Errors
    ///
    /// Fails if the journal is poisoned.
    pub(crate) fn wait_for_log(&self, seq: Seq, deadline: Instant) -> Result<bool, Error> {
        let Some(gate) = self.gate.get() else { return Ok(true) };
        let mut state = self.state.lock();
        loop {
            if let Some(failure) = &state.failed {
                return Err(failure.lost.clone());
            }
            if gate.replicated() >= seq || has_passed(deadline) {
                return Ok(gate.replicated() >= seq);
            }
            gate.changed.wait_until(&mut state, deadline);
        }
    }

    /// Tells the shipper that all events are written, and no more will come. Called after [`join`](Commit::join).
    pub(crate) fn end_shippable(&self) {
        if let Some(gate) = self.gate.get() {
            let mut state = self.state.lock();
            state.unreplicated.is_closed = true;
            gate.notify(&mut state);
        }
    }

    /// Gives up the events that the log does not have, after the shipper has ended. `cause` says why it does not have them.
    ///
    /// # Errors
    ///
    /// Fails if there are such events. If callers wait for them, these get an error that says that the outcome is unknown.
    pub(crate) fn give_up_unreplicated(&self, cause: Option<&Error>) -> Result<(), Error> {
        let Some(gate) = self.gate.get() else { return Ok(()) };
        let mut state = self.state.lock();
        let Some(last) = state.unreplicated.last().filter(|_| state.failed.is_none()) else { return Ok(()) };
        let tickets = self.end_gate(&mut state);
        drop(state);
        let first = gate.replicated().next();
        let events = if first == last { format!("event {first} is") } else { format!("events {first} to {last} are") };
        let unanswered = if tickets.is_empty() { "" } else { ", and callers got no answer" };
        let why = cause.map_or_else(|| "its log did not get them in time".to_owned(), ToString::to_string);
        let message = format!(
            "the image was closed; {events} on the local disk only{unanswered}: {why}; help: open the directory as the owner again to \
             ship them"
        );
        let cause = Error::new(ErrorDetail::Replication { kind: ErrorKind::Replication, message });
        if tickets.is_empty() {
            return Err(cause);
        }
        let unknown = Error::new(ErrorDetail::Poisoned { cause: cause.clone(), unknown: true });
        writing(self.id(), || {
            tickets.iter().for_each(|ticket| ticket.settle(Err(unknown.clone())));
            self.watch.end(Err(unknown));
        });
        Err(cause)
    }
}

impl<S: BatchWriter> ReplicatedJournal for Commit<S> {
    fn shippable(&self) -> Seq {
        self.state.lock().unreplicated.shippable
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let Some(gate) = self.gate.get() else { return seen };
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.state.lock();
        while state.unreplicated.changes == seen && !deadline.is_some_and(has_passed) {
            match deadline {
                Some(deadline) => {
                    gate.changed.wait_until(&mut state, deadline);
                }
                None => gate.changed.wait(&mut state),
            }
        }
        state.unreplicated.changes
    }

    fn wake(&self) {
        if let Some(gate) = self.gate.get() {
            self.state.lock().unreplicated.changes += 1;
            gate.changed.notify_all();
        }
    }

    fn shipped(&self, seq: Seq) {
        let Some(gate) = self.gate.get() else { return };
        let (released, durable) = {
            let mut state = self.state.lock();
            // a failure has emptied the gate
            state.unreplicated.set_shipped(seq);
            (self.release(gate, &mut state), state.unreplicated.durable)
        };
        // wakers and subscribers must not wait for this journal: this thread is the one that they would wait for
        writing(self.id(), || {
            let is_news = gate.options.answers_wait && self.watch.advance(durable.min(gate.replicated()));
            released.wake();
            if is_news {
                self.watch.wake_waiting();
            }
        });
    }

    fn fail(&self, cause: &Error) {
        self.poison(cause);
    }

    fn is_closed(&self) -> bool {
        self.state.lock().unreplicated.is_closed
    }
}
