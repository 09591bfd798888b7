//! The leader: the thread that writes the next batch. The leader is either a caller that waits for the batch, or the syncer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::{BatchWriter, Commit, CommitState};
use crate::journal::write::batch::{Batch, OpenBatch};
use crate::journal::write::durability::Durability;
use crate::journal::write::ticket::{BatchStage, Leader, Ticket};
use crate::journal::write::waking::{wake_all, writing};
use crate::planted::{Bug, planted};
use crate::sync::has_passed;

/// If two leaders write within this time, the image is busy.
const BUSY: Duration = Duration::from_millis(100);

/// A guard that poisons the journal if the leader panics. The guard is dropped only while a panic unwinds.
struct Lead<'a, S: BatchWriter>(&'a Commit<S>);

impl<S: BatchWriter> Drop for Lead<'_, S> {
    fn drop(&mut self) {
        self.0.fail_after_panic("of the thread that wrote a batch", true);
    }
}

impl<S: BatchWriter> Leader for Commit<S> {
    fn wait(&self, ticket: &Ticket) {
        while !ticket.is_settled() {
            let mut state = self.state.lock();
            if ticket.is_settled() {
                return;
            }
            let stage = ticket.stage();
            if state.busy || state.failed.is_some() || stage == BatchStage::Written {
                if stage == BatchStage::Open {
                    state.awaited = true;
                }
                drop(state);
                ticket.park();
            } else {
                state.busy = true;
                drop(state);
                self.lead(|| {
                    self.write_next();
                    self.step_down();
                });
            }
        }
    }

    fn request(&self, ticket: &Ticket) {
        let mut state = self.state.lock();
        if ticket.is_settled() || state.failed.is_some() {
            return;
        }
        if ticket.stage() == BatchStage::Open {
            state.awaited = true;
        }
        self.hand_over(state);
    }
}

impl<S: BatchWriter> Commit<S> {
    /// Takes the oldest unwritten batch: the first batch in the queue, or the open batch if the queue is empty.
    fn next_batch(&self) -> Option<Batch> {
        let mut wakers = Vec::new();
        let batch = self.pop(&mut wakers).or_else(|| {
            let mut open = self.open.lock();
            // a batch that was queued while this thread waited for the lock is older than the open batch
            self.pop(&mut wakers).or_else(|| self.seal(&mut open))
        });
        // no lock may be held here, because a waker may run arbitrary code
        wake_all(wakers);
        batch
    }

    /// Takes the oldest batch from the queue. If the queue then has room again, notifies the threads that wait for room, and
    /// adds the wakers of the waiting tasks to `wakers`.
    fn pop(&self, wakers: &mut Vec<Waker>) -> Option<Batch> {
        let mut state = self.state.lock();
        let batch = state.queue.pop_front()?;
        state.writing = Some(Arc::clone(&batch.ticket));
        let full = state.queue.len() >= self.limits.pending_batches;
        if !full && self.full.swap(false, Ordering::AcqRel) {
            self.room.notify_all();
            wakers.append(&mut state.room_wakers);
        }
        Some(batch)
    }

    /// Seals and takes the open batch. After this call, no caller waits for an open batch, because the calling thread writes
    /// the sealed batch.
    fn seal(&self, open: &mut OpenBatch) -> Option<Batch> {
        let mut state = self.state.lock();
        state.awaited = false;
        state.linger = None;
        // after a failure, the callers of this batch have received an error that says that the batch was not recorded
        let batch = if state.failed.is_some() { None } else { open.seal() }?;
        state.writing = Some(Arc::clone(&batch.ticket));
        Some(batch)
    }

    /// Writes the next batch, if there is one. Only the thread for which `busy` is set may call this function. Returns whether
    /// the journal can still write.
    pub(super) fn write_next(&self) -> bool {
        let Some(mut batch) = self.next_batch() else { return true };
        let last = batch.last_seq();
        let result = {
            let mut writer = self.writer.lock();
            self.unsynced.store(true, Ordering::Release);
            let mut written = writer.write(&mut batch);
            if let Some(gate) = self.gate_of_answers().filter(|_| written.is_ok()) {
                // the state must not be locked together with the writer, and no other thread writes meanwhile
                drop(writer);
                written = self.enter_gate(gate, &batch);
                writer = self.writer.lock();
            }
            let result = written.and_then(|()| {
                let syncs = self.syncs() && !planted(Bug::AnswerBeforeSync);
                syncs.then(|| Self::timed_sync(&mut writer)).transpose()
            });
            if self.syncs() && result.is_ok() {
                self.unsynced.store(false, Ordering::Release);
            }
            result.map(|sync| (writer.durable(), sync))
        };
        match result {
            Ok((durable, sync)) => {
                self.written.store(last.get(), Ordering::Release);
                let (events, bytes) = (batch.count, batch.bytes.len());
                let is_news = match self.gate.get() {
                    None => {
                        let is_news = self.watch.advance(durable);
                        self.figures.count_batch(events, bytes, sync);
                        batch.ticket.settle(Ok(()));
                        is_news
                    }
                    Some(gate) => {
                        self.figures.count_batch(events, bytes, sync);
                        self.acknowledge_at_gate(gate, &batch, durable)
                    }
                };
                if let Durability::Interval(interval) = self.durability {
                    let mut state = self.state.lock();
                    // an interval whose end the clock cannot represent never ends
                    state.sync_by = state.sync_by.or_else(|| Instant::now().checked_add(interval));
                }
                self.spare.put(batch.bytes);
                if is_news {
                    self.watch.wake_waiting();
                }
                self.figures.report_batch(events, bytes, sync);
                true
            }
            Err(error) => {
                self.fail(&error, Some(&batch.ticket));
                false
            }
        }
    }

    /// Runs `write` on this thread, for which `busy` is set. If `write` panics, poisons the journal.
    pub(super) fn lead(&self, write: impl FnOnce()) {
        let lead = Lead(self);
        writing(self.id(), write);
        std::mem::forget(lead);
    }

    /// Ends this thread's role as the leader. Work that accumulated while this thread was the leader goes to the syncer.
    fn step_down(&self) {
        let mut state = self.state.lock();
        if !state.has_work() {
            let keep_open = state.failed.is_none() && self.keeps_watermark_open(&mut state);
            drop(state);
            self.write_watermark(keep_open);
            state = self.state.lock();
        }
        let needs_syncer = state.has_work() || state.deadline().is_some();
        if state.failed.is_none() && needs_syncer && self.start_syncer(&mut state).is_err() {
            drop(state);
            self.write_without_syncer();
            return;
        }
        if state.failed.is_none() && (state.has_work() || state.is_due()) {
            state.by_syncer = true;
            self.wake.notify_one();
            return;
        }
        state.busy = false;
        if state.failed.is_some() || state.stopping {
            self.wake.notify_all();
        } else if state.deadline().is_some() {
            self.wake.notify_one();
        }
    }

    /// Whether a leader leaves `journal/durable` open. To open and close the file for each batch costs a busy image some
    /// microseconds a batch. But an open file needs the syncer, which closes it when the image comes to rest.
    fn keeps_watermark_open(&self, state: &mut CommitState) -> bool {
        let is_busy = state.busy_until.is_some_and(|until| !has_passed(until));
        state.busy_until = Some(Instant::now() + BUSY);
        // after a stop, nobody would wait for the end of another syncer
        state.syncer.is_some() || is_busy && !state.stopping && self.start_syncer(state).is_ok()
    }
}
