//! Waiting for room in the queue of complete batches.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::{BatchWriter, Commit};

impl<S: BatchWriter> Commit<S> {
    /// Whether the queue of complete batches is full.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Waits while the queue of complete batches is full.
    #[inline]
    pub(crate) fn wait_for_room(&self) {
        if self.is_full() {
            let mut state = self.state.lock();
            while state.queue.len() >= self.limits.pending_batches && state.failed.is_none() {
                if state.busy {
                    self.room.wait(&mut state);
                } else {
                    self.hand_over(state);
                    state = self.state.lock();
                }
            }
        }
    }

    /// The variant of [`wait_for_room`](Commit::wait_for_room) that a future polls.
    pub(crate) fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_full() {
            return Poll::Ready(());
        }
        self.hand_over(self.state.lock());
        // clones and drops the waker without holding the lock, because both operations run code of an executor
        let mut waker = Some(context.waker().clone());
        let mut state = self.state.lock();
        if state.queue.len() < self.limits.pending_batches || state.failed.is_some() {
            return Poll::Ready(());
        }
        if !state.room_wakers.iter().any(|known| known.will_wake(context.waker())) {
            state.room_wakers.extend(waker.take());
        }
        drop(state);
        Poll::Pending
    }
}
