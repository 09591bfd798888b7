//! Group commit for engines that commit one transaction at a time, as a careful program would add it to them.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow};
use parking_lot::{Condvar, Mutex};

use super::System;
use crate::ledger::Transfer;

/// A function for one thread that reads the balance of an account while the engine commits.
pub(super) type Reader = Box<dyn FnMut(u32) -> Result<u64> + Send>;

/// An engine that executes several transfers in one durable transaction.
pub(crate) trait Engine: Sized + Send {
    /// Creates a ledger with the opening balances in an empty directory.
    fn create(directory: &Path) -> Result<Self>;

    /// Executes the transfers one after the other, commits and syncs them together, and passes to `answer` whether each was
    /// accepted. The engine may call `answer` before the commit.
    fn commit(&mut self, transfers: impl Iterator<Item = Transfer>, answer: impl FnMut(bool)) -> Result<()>;

    /// Creates a reader for one thread.
    fn reader(&self) -> Result<Reader>;

    /// The balances of all accounts, in the order of the accounts.
    fn balances(&mut self) -> Result<Vec<u64>>;

    /// The bytes written for commands so far.
    fn bytes_written(&self) -> Result<u64>;
}

/// An engine with group commit by a mutex and condition variables: the first waiting thread commits everything that was
/// submitted, and the other threads sleep until their batch is durable. A thread that is alone commits without another thread.
pub(crate) struct GroupCommit<E> {
    queue: Mutex<Queue>,
    engine: Mutex<E>,
}

/// The transfers that no thread commits yet.
#[derive(Default)]
struct Queue {
    open: Arc<Batch>,
    transfers: Vec<Transfer>,
    committing: bool,
}

/// Transfers that are committed together.
#[derive(Default)]
struct Batch {
    answers: OnceLock<Result<Vec<bool>, String>>,
    changed: Condvar,
}

/// A transfer of a batch.
pub(crate) struct Submitted {
    batch: Arc<Batch>,
    index: usize,
}

impl<E: Engine> GroupCommit<E> {
    pub(super) fn new(engine: E) -> GroupCommit<E> {
        GroupCommit { queue: Mutex::default(), engine: Mutex::new(engine) }
    }

    /// Commits the open batch, or waits until another thread has committed a batch.
    fn advance(&self, batch: &Batch) {
        let mut queue = self.queue.lock();
        if batch.answers.get().is_some() {
            return;
        }
        if queue.committing {
            batch.changed.wait(&mut queue);
            return;
        }
        queue.committing = true;
        let (open, transfers) = (std::mem::take(&mut queue.open), std::mem::take(&mut queue.transfers));
        drop(queue);
        let mut answers = Vec::with_capacity(transfers.len());
        let committed = self.engine.lock().commit(transfers.into_iter(), |accepted| answers.push(accepted));
        let answers = committed.map(|()| answers).map_err(|error| format!("{error:#}"));
        open.answers.set(answers).expect("only this thread commits the batch");
        let mut queue = self.queue.lock();
        queue.committing = false;
        queue.open.changed.notify_one();
        open.changed.notify_all();
    }
}

impl<E: Engine> System for GroupCommit<E> {
    type Pending<'a>
        = Submitted
    where
        E: 'a;

    fn create(directory: &Path) -> Result<GroupCommit<E>> {
        Ok(GroupCommit::new(E::create(directory)?))
    }

    fn submit(&self, transfer: Transfer) -> Result<Submitted> {
        let mut queue = self.queue.lock();
        let index = queue.transfers.len();
        queue.transfers.push(transfer);
        Ok(Submitted { batch: queue.open.clone(), index })
    }

    fn wait(&self, Submitted { batch, index }: Submitted) -> Result<bool> {
        loop {
            match batch.answers.get() {
                Some(Ok(answers)) => return Ok(answers[index]),
                Some(Err(error)) => return Err(anyhow!("{error}")),
                None => self.advance(&batch),
            }
        }
    }

    fn bulk(&self, transfers: impl Iterator<Item = Transfer>) -> Result<()> {
        self.engine.lock().commit(transfers, |_| ())
    }

    fn reader(&self) -> Result<impl FnMut(u32) -> Result<u64> + Send> {
        self.engine.lock().reader()
    }

    fn balances(&self) -> Result<Vec<u64>> {
        self.engine.lock().balances()
    }

    fn bytes_written(&self) -> Result<Option<u64>> {
        Ok(Some(self.engine.lock().bytes_written()?))
    }
}
