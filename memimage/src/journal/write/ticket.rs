//! Tickets: each caller waits on the ticket of its batch, and the ticket wakes the caller. (`commit` wakes callers that wait
//! for room in the queue, and `preallocate` wakes callers that wait for a segment.)

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use super::waking::wake_all;
use crate::error::Error;
use crate::sync::{AtomicU64, Mutex, WaitWord};

/// Writes batches on behalf of the callers that hold their tickets.
pub(crate) trait Leader: Send + Sync {
    /// Waits until the ticket is settled. Writes the batch on the calling thread if no thread is writing.
    fn wait(&self, ticket: &Ticket);

    /// Makes another thread write the batch soon, without waiting.
    fn request(&self, ticket: &Ticket);
}

/// The outcome of one batch, shared by all callers that wait for it.
pub(crate) struct Ticket {
    /// A [`BatchStage`].
    stage: WaitWord,
    waiters: Mutex<Waiters>,
    leader: Weak<dyn Leader>,
    /// The hash of the batch's frame; 0 until the frame is written.
    hash: AtomicU64,
}

#[derive(Default)]
struct Waiters {
    wakers: Vec<Waker>,
    error: Option<Error>,
}

/// The progress of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BatchStage {
    /// Commands append records to the batch.
    Open = 0,
    /// The batch is in the queue or is being written.
    Sealed = 1,
    /// The batch was handed to the operating system, and waits for the log to which the journal is replicated.
    Written = 2,
    /// The batch is as durable as the image's options require.
    Done = 3,
    /// The batch will not become durable.
    Failed = 4,
}

impl Ticket {
    pub(crate) fn new(leader: Weak<dyn Leader>) -> Arc<Ticket> {
        Arc::new(Ticket {
            stage: WaitWord::new(BatchStage::Open as u32),
            waiters: Mutex::new(Waiters::default()),
            leader,
            hash: AtomicU64::new(0),
        })
    }

    pub(crate) fn stage(&self) -> BatchStage {
        match self.stage.load() {
            0 => BatchStage::Open,
            1 => BatchStage::Sealed,
            2 => BatchStage::Written,
            3 => BatchStage::Done,
            _ => BatchStage::Failed,
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.stage(), BatchStage::Done | BatchStage::Failed)
    }

    /// The hash of the batch's frame; 0 until the batch is written.
    pub(crate) fn hash(&self) -> u64 {
        self.hash.load(Ordering::Acquire)
    }

    pub(crate) fn set_hash(&self, hash: u64) {
        self.hash.store(hash, Ordering::Release);
    }

    pub(crate) fn seal(&self) {
        self.stage.store(BatchStage::Sealed as u32);
    }

    /// Records that the batch is written, and now waits for the log. Has no effect on a settled ticket.
    pub(crate) fn set_written(&self) {
        let _waiters = self.waiters.lock();
        if !self.is_settled() {
            self.stage.store(BatchStage::Written as u32);
        }
    }

    /// Sets the outcome and wakes all waiting callers. The first outcome is final; later calls have no effect.
    pub(crate) fn settle(&self, result: Result<(), Error>) {
        let mut waiters = self.waiters.lock();
        if self.is_settled() {
            return;
        }
        let stage = match result {
            Ok(()) => BatchStage::Done,
            Err(error) => {
                waiters.error = Some(error);
                BatchStage::Failed
            }
        };
        self.stage.store(stage as u32);
        let wakers = std::mem::take(&mut waiters.wakers);
        drop(waiters);
        self.stage.wake_all();
        wake_all(wakers);
    }

    /// The outcome, if the ticket is settled.
    pub(crate) fn result(&self) -> Option<Result<(), Error>> {
        match self.stage() {
            BatchStage::Open | BatchStage::Sealed | BatchStage::Written => None,
            BatchStage::Done => Some(Ok(())),
            BatchStage::Failed => {
                Some(Err(self.waiters.lock().error.clone().expect("a failed ticket keeps its error")))
            }
        }
    }

    /// Sleeps until the ticket is settled. `park` does not request a write, so another thread must be about to settle the
    /// ticket.
    pub(crate) fn park(&self) {
        loop {
            let stage = self.stage.load();
            if stage >= BatchStage::Done as u32 {
                return;
            }
            self.stage.wait(stage);
        }
    }

    /// The id of the batch's journal; see [`Journal::id`](super::running::Journal::id).
    pub(crate) fn journal(&self) -> usize {
        self.leader.as_ptr().addr()
    }

    /// Waits for the batch, and writes it if no thread is writing.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        if !self.is_settled() {
            match self.leader.upgrade() {
                Some(leader) => leader.wait(self),
                // the journal is being dropped, and a journal settles all its tickets before it is dropped
                None => self.park(),
            }
        }
        self.result().expect("waiting settles the ticket")
    }

    /// Requests a write of the batch. Wakes `waker` once the ticket is settled.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<Result<(), Error>> {
        // clones and drops the waker without holding the lock, because both operations run code of an executor
        let waker = waker.clone();
        let mut unused = None;
        {
            let mut waiters = self.waiters.lock();
            if self.is_settled() || waiters.wakers.iter().any(|known| known.will_wake(&waker)) {
                unused = Some(waker);
            } else {
                waiters.wakers.push(waker);
            }
        }
        drop(unused);
        match self.result() {
            Some(result) => Poll::Ready(result),
            None => {
                if let Some(leader) = self.leader.upgrade() {
                    leader.request(self);
                }
                Poll::Pending
            }
        }
    }
}
