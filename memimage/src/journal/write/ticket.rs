//! A ticket: what those hold who wait for a batch.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use crate::error::Error;
use crate::sync::{AtomicU8, Condvar, Mutex};

/// Who can bring a batch to disk for the one who holds its ticket.
pub(crate) trait Leader: Send + Sync {
    /// Returns once the ticket is settled, having written the batch if nobody else was writing.
    fn wait(&self, ticket: &Ticket);

    /// Sees to it that the batch is written soon, by another thread.
    fn request(&self, ticket: &Ticket);
}

/// The fate of one batch, shared by all who wait for it.
pub(crate) struct Ticket {
    stage: AtomicU8,
    waiters: Mutex<Waiters>,
    settled: Condvar,
    lead: Weak<dyn Leader>,
}

#[derive(Default)]
struct Waiters {
    wakers: Vec<Waker>,
    error: Option<Error>,
}

/// How far a batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BatchStage {
    /// Commands are still added to it.
    Open = 0,
    /// It is in the queue or being written.
    Sealed = 1,
    /// It is as durable as the image's durability says.
    Done = 2,
    /// It will never be.
    Failed = 3,
}

impl Ticket {
    pub(crate) fn new(lead: Weak<dyn Leader>) -> Arc<Ticket> {
        Arc::new(Ticket {
            stage: AtomicU8::new(BatchStage::Open as u8),
            waiters: Mutex::new(Waiters::default()),
            settled: Condvar::new(),
            lead,
        })
    }

    pub(crate) fn stage(&self) -> BatchStage {
        match self.stage.load(Ordering::Acquire) {
            0 => BatchStage::Open,
            1 => BatchStage::Sealed,
            2 => BatchStage::Done,
            _ => BatchStage::Failed,
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.stage(), BatchStage::Done | BatchStage::Failed)
    }

    pub(crate) fn seal(&self) {
        self.stage.store(BatchStage::Sealed as u8, Ordering::Release);
    }

    /// Tells all who wait, once: what was told first stands.
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
        self.stage.store(stage as u8, Ordering::Release);
        self.settled.notify_all();
        let wakers = std::mem::take(&mut waiters.wakers);
        drop(waiters);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// What became of the batch, if it is settled.
    pub(crate) fn result(&self) -> Option<Result<(), Error>> {
        match self.stage() {
            BatchStage::Open | BatchStage::Sealed => None,
            BatchStage::Done => Some(Ok(())),
            BatchStage::Failed => {
                Some(Err(self.waiters.lock().error.clone().expect("a failed ticket keeps its error")))
            }
        }
    }

    /// Sleeps until the ticket is settled; somebody else must be at work on it.
    pub(crate) fn park(&self) {
        let mut waiters = self.waiters.lock();
        while !self.is_settled() {
            self.settled.wait(&mut waiters);
        }
    }

    /// The [id](super::Journal::id) of the journal whose batch it is.
    pub(crate) fn journal(&self) -> usize {
        self.lead.as_ptr().addr()
    }

    /// Waits for the batch, and writes it if nobody does.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        if !self.is_settled() {
            match self.lead.upgrade() {
                Some(lead) => lead.wait(self),
                // the image is gone, and it settles everything before it goes
                None => self.park(),
            }
        }
        self.result().expect("a ticket is settled once it was waited for")
    }

    /// Asks for the batch; `waker` is woken once it is settled.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<Result<(), Error>> {
        {
            let mut waiters = self.waiters.lock();
            if !self.is_settled() {
                match waiters.wakers.iter_mut().find(|known| known.will_wake(waker)) {
                    Some(known) => known.clone_from(waker),
                    None => waiters.wakers.push(waker.clone()),
                }
            }
        }
        match self.result() {
            Some(result) => Poll::Ready(result),
            None => {
                if let Some(lead) = self.lead.upgrade() {
                    lead.request(self);
                }
                Poll::Pending
            }
        }
    }
}
