//! The systems that run in the process of their caller, each behind the trait `System`.

mod airomem;
mod bare;
mod bare_disk;
mod fjall;
mod group_commit;
mod memimage;
mod redb;
mod sqlite;

use std::path::Path;

use anyhow::Result;

pub(crate) use airomem::Airomem;
pub(crate) use bare::Bare;
pub(crate) use bare_disk::BareDisk;
pub(crate) use fjall::Fjall;
pub(crate) use group_commit::GroupCommit;
pub(crate) use memimage::Memimage;
pub(crate) use redb::Redb;
pub(crate) use sqlite::Sqlite;

use crate::ledger::Transfer;

/// A ledger that executes transfers. A durable system acknowledges a transfer, accepted or refused, once everything that the
/// answer depends on is synced.
pub(crate) trait System: Sized + Sync {
    /// A transfer that was submitted, and whose answer is not durable yet.
    type Pending<'a>
    where
        Self: 'a;

    /// How many commands a thread executes for each command whose latency is measured. Reading the clock would distort the
    /// figures of a system that needs less than a microsecond for a command.
    const SAMPLE_EVERY: u64 = 1;

    /// Creates a ledger with the opening balances in an empty directory.
    fn create(directory: &Path) -> Result<Self>;

    /// Starts a transfer.
    fn submit(&self, transfer: Transfer) -> Result<Self::Pending<'_>>;

    /// Waits until a transfer is durable, and returns whether it was accepted.
    fn wait(&self, pending: Self::Pending<'_>) -> Result<bool>;

    /// Executes a transfer durably, and returns whether it was accepted.
    fn transfer(&self, transfer: Transfer) -> Result<bool> {
        self.wait(self.submit(transfer)?)
    }

    /// Executes transfers of a single thread, which are durable once all are executed.
    fn bulk(&self, transfers: impl Iterator<Item = Transfer>) -> Result<()>;

    /// A function for one thread that reads the balance of an account.
    fn reader(&self) -> Result<impl FnMut(u32) -> Result<u64> + Send>;

    /// The balances of all accounts, in the order of the accounts.
    fn balances(&self) -> Result<Vec<u64>>;

    /// The bytes written for commands so far; `None` if nothing is written.
    fn bytes_written(&self) -> Result<Option<u64>>;

    /// Ends the system in order.
    fn close(self) -> Result<()> {
        Ok(())
    }
}

/// A system that rebuilds its state from a log of events.
pub(crate) trait Replay: System {
    /// The system that records the log.
    type Recorder: System;

    /// The input of the replay. Whatever it contains is read before the clock starts.
    type Source;

    /// Prepares the replay of the log that a [`Recorder`](Replay::Recorder) left in a directory.
    fn source(directory: &Path) -> Result<Self::Source>;

    /// Replays the log, and returns the ledger and the number of events replayed.
    fn replay(source: Self::Source) -> Result<(Self, u64)>;
}
