//! The leader: whoever writes the next batch, a caller who waits for it or the syncer.

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Instant;

use super::{BatchWriter, Commit};
use crate::journal::write::batch::{Batch, OpenBatch};
use crate::journal::write::durability::Durability;
use crate::journal::write::ticket::{BatchStage, Leader, Ticket};
use crate::planted::{Bug, planted};

thread_local! {
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is writing a batch, of whatever journal, or telling those who waited for it.
pub(crate) fn is_writing() -> bool {
    WRITING.try_with(Cell::get).unwrap_or(false)
}

/// Runs `write`, in which [`is_writing`] is true.
pub(crate) fn writing<T>(write: impl FnOnce() -> T) -> T {
    let before = WRITING.replace(true);
    let result = write();
    WRITING.set(before);
    result
}

impl<S: BatchWriter> Leader for Commit<S> {
    fn wait(&self, ticket: &Ticket) {
        while !ticket.is_settled() {
            let mut state = self.state.lock();
            if ticket.is_settled() {
                return;
            }
            if state.busy || state.failed.is_some() {
                if ticket.stage() == BatchStage::Open {
                    state.awaited = true;
                }
                drop(state);
                ticket.park();
            } else {
                state.busy = true;
                drop(state);
                writing(|| {
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
        if !state.busy {
            self.hand_over(&mut state);
        }
    }
}

impl<S: BatchWriter> Commit<S> {
    /// The oldest batch that is not written: the queue's, or else the open one.
    fn next_batch(&self) -> Option<Batch> {
        let mut wakers = Vec::new();
        let batch = self.pop(&mut wakers).or_else(|| {
            let mut open = self.open.lock();
            // a batch that was complete meanwhile is older than the open one
            self.pop(&mut wakers).or_else(|| self.seal(&mut open))
        });
        // with no lock held, since a waker may run anything
        wakers.into_iter().for_each(Waker::wake);
        batch
    }

    /// Takes the oldest of the queue, and the wakers of those for whom that makes room.
    fn pop(&self, wakers: &mut Vec<Waker>) -> Option<Batch> {
        let mut state = self.state.lock();
        let batch = state.queue.pop_front()?;
        let full = state.queue.len() >= self.caps.pending_batches;
        if !full && self.full.swap(false, Ordering::AcqRel) {
            self.room.notify_all();
            wakers.append(&mut state.room_wakers);
        }
        Some(batch)
    }

    /// Takes the open batch; what waits for it waits for the one who does.
    fn seal(&self, open: &mut OpenBatch) -> Option<Batch> {
        let mut state = self.state.lock();
        state.awaited = false;
        state.linger = None;
        // poisoned meanwhile, its callers were told that it was not recorded
        if state.failed.is_some() { None } else { open.seal() }
    }

    /// Writes the next batch, if there is one. Only who is busy may.
    pub(super) fn write_next(&self) -> bool {
        let Some(mut batch) = self.next_batch() else { return true };
        let last = batch.last_seq();
        let result = {
            let mut sink = self.sink.lock();
            let result = sink.write(&mut batch).and_then(|()| match self.syncs() && !planted(Bug::AnswerBeforeSync) {
                true => sink.sync(),
                false => Ok(()),
            });
            result.map(|()| sink.durable())
        };
        match result {
            Ok(durable) => {
                self.written.store(last.get(), Ordering::Release);
                self.durable.fetch_max(durable.get(), Ordering::AcqRel);
                self.batches.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(batch.bytes.len() as u64, Ordering::Relaxed);
                batch.ticket.settle(Ok(()));
                if let Durability::Interval(interval) = self.durability {
                    let mut state = self.state.lock();
                    // an interval without end is never over
                    state.sync_by = state.sync_by.or_else(|| Instant::now().checked_add(interval));
                }
                self.spare.put(batch.bytes);
                true
            }
            Err(error) => {
                self.fail(&error, Some(&batch.ticket));
                false
            }
        }
    }

    /// The leader's end: what gathered meanwhile goes to the syncer.
    fn step_down(&self) {
        let idle = !self.state.lock().pressing();
        if idle {
            self.rest();
        }
        let mut state = self.state.lock();
        if state.failed.is_some() {
            state.busy = false;
            self.wake.notify_all();
        } else if state.pressing() || state.due() || state.stopping {
            self.hand_over(&mut state);
        } else {
            state.busy = false;
            if state.deadline().is_some() {
                self.wake.notify_one();
            }
        }
    }
}
