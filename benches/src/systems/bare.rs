//! The plain struct in memory: the limit for a system that keeps nothing on disk.

use std::path::Path;

use anyhow::Result;
use parking_lot::Mutex;

use super::bare_disk::{self, BareDisk, LogReader};
use super::{GroupCommit, Replay, System};
use crate::ledger::{Ledger, Transfer};

/// A struct behind a mutex, without a log. Its replay decodes and applies events that are in memory already, and verifies no
/// checksum.
pub(crate) struct Bare {
    ledger: Mutex<Ledger>,
}

impl System for Bare {
    type Pending<'a> = bool;

    const SAMPLE_EVERY: u64 = 64;

    fn create(_: &Path) -> Result<Bare> {
        Ok(Bare { ledger: Mutex::default() })
    }

    fn submit(&self, transfer: Transfer) -> Result<bool> {
        Ok(self.ledger.lock().apply(transfer))
    }

    fn wait(&self, accepted: bool) -> Result<bool> {
        Ok(accepted)
    }

    fn bulk(&self, transfers: impl Iterator<Item = Transfer>) -> Result<()> {
        let mut ledger = self.ledger.lock();
        for transfer in transfers {
            ledger.apply(transfer);
        }
        Ok(())
    }

    fn reader(&self) -> Result<impl FnMut(u32) -> Result<u64> + Send> {
        Ok(|account| Ok(self.ledger.lock().balance(account)))
    }

    fn balances(&self) -> Result<Vec<u64>> {
        Ok(self.ledger.lock().balances())
    }

    fn bytes_written(&self) -> Result<Option<u64>> {
        Ok(None)
    }
}

impl Replay for Bare {
    type Recorder = GroupCommit<BareDisk>;
    type Source = Vec<u8>;

    fn source(directory: &Path) -> Result<Vec<u8>> {
        let mut reader = LogReader::open(&bare_disk::path(directory))?;
        let mut log = Vec::new();
        while let Some(events) = reader.next_frame()? {
            log.extend_from_slice(events);
        }
        Ok(log)
    }

    fn replay(events: Vec<u8>) -> Result<(Bare, u64)> {
        let mut ledger = Ledger::default();
        let replayed = bare_disk::replay(&events, &mut ledger)?;
        Ok((Bare { ledger: Mutex::new(ledger) }, replayed))
    }
}
