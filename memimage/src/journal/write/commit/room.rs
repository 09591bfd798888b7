//! Waiting for room: in the queue of complete batches, and in the lag of the log to which the journal is replicated.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::{BatchWriter, Commit, CommitState};
use crate::error::Error;

impl<S: BatchWriter> Commit<S> {
    /// Whether commands must wait: the queue of complete batches is full, or the log is too far behind.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire) || (self.gate.get().is_some() && self.is_behind())
    }

    /// Whether commands must wait.
    pub(super) fn lacks_room(&self, state: &CommitState) -> bool {
        state.queue.len() >= self.limits.pending_batches || self.is_behind()
    }

    /// Waits while commands must wait.
    ///
    /// # Errors
    ///
    /// Fails if the log is too far behind, and commands fail then.
    #[inline]
    pub(crate) fn wait_for_room(&self) -> Result<(), Error> {
        if self.is_full() { self.wait_while_full() } else { Ok(()) }
    }

    fn wait_while_full(&self) -> Result<(), Error> {
        let mut state = self.state.lock();
        while state.failed.is_none() && self.lacks_room(&state) {
            self.refuse_lag(&state)?;
            if state.busy || state.queue.is_empty() {
                self.room.wait(&mut state);
            } else {
                self.hand_over(state);
                state = self.state.lock();
            }
        }
        Ok(())
    }

    /// The variant of [`wait_for_room`](Commit::wait_for_room) that a future polls.
    pub(crate) fn poll_room(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if !self.is_full() {
            return Poll::Ready(Ok(()));
        }
        self.hand_over(self.state.lock());
        // clones and drops the waker without holding the lock, because both operations run code of an executor
        let mut waker = Some(context.waker().clone());
        let mut state = self.state.lock();
        if state.failed.is_some() || !self.lacks_room(&state) {
            return Poll::Ready(Ok(()));
        }
        self.refuse_lag(&state)?;
        if !state.room_wakers.iter().any(|known| known.will_wake(context.waker())) {
            state.room_wakers.extend(waker.take());
        }
        drop(state);
        Poll::Pending
    }
}
