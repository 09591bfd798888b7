//! An image of the ledger.

use std::path::{Path, PathBuf};

use anyhow::Result;
use memimage::{CommandError, Durability, Execute, Image, Options, Pending, SnapshotPolicy};

use super::{Replay, System};
use crate::ledger::{Ledger, Transfer};

/// An image in `Durability::Synced`, without snapshots during the measurement.
pub(crate) struct Memimage {
    image: Image<Ledger>,
}

fn options() -> Options<Ledger> {
    Image::<Ledger>::options().durability(Durability::Synced).snapshots(SnapshotPolicy::Manual)
}

fn path(directory: &Path) -> PathBuf {
    directory.join("ledger.image")
}

/// Whether a transfer was accepted.
fn answer(result: Result<(), CommandError<u64>>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(CommandError::Refused(_)) => Ok(false),
        Err(CommandError::Image(error)) => Err(error.into()),
    }
}

impl System for Memimage {
    type Pending<'a> = Pending<(), CommandError<u64>>;

    fn create(directory: &Path) -> Result<Memimage> {
        Ok(Memimage { image: options().open(path(directory))? })
    }

    fn submit(&self, transfer: Transfer) -> Result<Self::Pending<'_>> {
        Ok(self.image.submit(transfer)?)
    }

    fn wait(&self, pending: Self::Pending<'_>) -> Result<bool> {
        answer(pending.wait())
    }

    fn transfer(&self, transfer: Transfer) -> Result<bool> {
        answer(self.image.execute(transfer))
    }

    fn bulk(&self, transfers: impl Iterator<Item = Transfer>) -> Result<()> {
        self.image.submit_all(transfers).wait().into_iter().try_for_each(|transfer| answer(transfer).map(|_| ()))
    }

    fn reader(&self) -> Result<impl FnMut(u32) -> Result<u64> + Send> {
        Ok(|account| Ok(self.image.query(|ledger| ledger.balance(account))?))
    }

    fn balances(&self) -> Result<Vec<u64>> {
        Ok(self.image.query(Ledger::balances)?)
    }

    /// The batches of the journal. The preallocation of segments, which writes each of their bytes once, is not included.
    fn bytes_written(&self) -> Result<Option<u64>> {
        Ok(Some(self.image.admin().stats().bytes))
    }

    fn close(self) -> Result<()> {
        Ok(Image::close(self.image)?)
    }
}

impl Replay for Memimage {
    type Recorder = Memimage;
    type Source = PathBuf;

    fn source(directory: &Path) -> Result<PathBuf> {
        Ok(path(directory))
    }

    fn replay(path: PathBuf) -> Result<(Memimage, u64)> {
        let image = options().create(false).open(path)?;
        let replayed = image.admin().stats().recovery.replayed;
        Ok((Memimage { image }, replayed))
    }
}
