//! The `airomem` crate.

use std::io::Read;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use airomem::{JournalFlushPolicy, Serializer, Store, StoreOptions, Tx};
use anyhow::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};

use super::group_commit::{Engine, Reader};
use super::{GroupCommit, Replay};
use crate::ledger::{Ledger, Transfer};
use crate::measure::process;

/// A store with postcard instead of the crate's JSON, without snapshots. The store syncs when it is told to
/// (`JournalFlushPolicy::Manually`, `flush_and_sync`, which is `fdatasync`), so that threads share syncs through group commit.
/// Readers see transfers before they are durable. Refused transfers are recorded too.
pub(crate) struct Airomem {
    store: Store<Ledger, Transfer, Postcard>,
    runtime: Runtime,
}

impl Tx<Ledger> for Transfer {
    fn execute(self, ledger: &mut Ledger) {
        ledger.apply(self);
    }
}

impl Tx<Ledger, bool> for Transfer {
    fn execute(self, ledger: &mut Ledger) -> bool {
        ledger.apply(self)
    }
}

/// The postcard format, and the number of values decoded.
#[derive(Default)]
struct Postcard {
    decoded: Arc<AtomicU64>,
}

impl<T: Serialize + DeserializeOwned> Serializer<T> for Postcard {
    type Error = postcard::Error;

    fn serialize(&self, value: &T) -> postcard::Result<Vec<u8>> {
        postcard::to_stdvec(value)
    }

    fn deserialize<R: Read>(&self, reader: R) -> postcard::Result<Option<T>> {
        match postcard::from_io((reader, &mut [])) {
            Ok((value, _)) => {
                self.decoded.fetch_add(1, Ordering::Relaxed);
                Ok(Some(value))
            }
            Err(postcard::Error::DeserializeUnexpectedEnd) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Airomem {
    fn open(directory: &Path, serializer: Postcard) -> Result<Airomem> {
        let runtime = Builder::new_current_thread().build()?;
        let options = StoreOptions::default()
            .journal_flush_policy(JournalFlushPolicy::Manually)
            .flush_synchronously_on_drop(false)
            .max_journal_entries(NonZero::<usize>::MAX);
        let store = runtime.block_on(Store::open(serializer, options, path(directory)))?;
        Ok(Airomem { store, runtime })
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join("ledger.airomem")
}

impl Engine for Airomem {
    fn create(directory: &Path) -> Result<Airomem> {
        Airomem::open(directory, Postcard::default())
    }

    fn commit(&mut self, transfers: impl Iterator<Item = Transfer>, mut answer: impl FnMut(bool)) -> Result<()> {
        self.runtime.block_on(async {
            for transfer in transfers {
                answer(self.store.commit::<_, bool>(transfer).await?);
            }
            Ok(self.store.flush_and_sync().await?)
        })
    }

    fn reader(&self) -> Result<Reader> {
        let (store, runtime) = (self.store.clone(), Builder::new_current_thread().build()?);
        Ok(Box::new(move |account| runtime.block_on(async { Ok(store.query().await?.balance(account)) })))
    }

    fn balances(&mut self) -> Result<Vec<u64>> {
        self.runtime.block_on(async { Ok(self.store.query().await?.balances()) })
    }

    /// Everything that this process wrote, which is the journal.
    fn bytes_written(&self) -> Result<u64> {
        process::bytes_written()
    }
}

impl Replay for GroupCommit<Airomem> {
    type Recorder = GroupCommit<Airomem>;
    type Source = PathBuf;

    fn source(directory: &Path) -> Result<PathBuf> {
        Ok(directory.to_owned())
    }

    fn replay(directory: PathBuf) -> Result<(GroupCommit<Airomem>, u64)> {
        let decoded = Arc::default();
        let engine = Airomem::open(&directory, Postcard { decoded: Arc::clone(&decoded) })?;
        Ok((GroupCommit::new(engine), decoded.load(Ordering::Relaxed)))
    }
}
