//! fjall.

use std::path::Path;

use anyhow::{Context, Result};
use fjall::{KeyspaceCreateOptions, PersistMode, Readable, SingleWriterTxDatabase, SingleWriterTxKeyspace, UserValue};

use super::group_commit::{Engine, Reader};
use crate::ledger::{self, ACCOUNTS, Transfer};
use crate::measure::process;

/// A transactional database with one writer. Each transaction commits with `PersistMode::SyncData`, which is `fdatasync`.
/// Threads share transactions through group commit.
pub(crate) struct Fjall {
    database: SingleWriterTxDatabase,
    accounts: SingleWriterTxKeyspace,
}

impl Engine for Fjall {
    fn create(directory: &Path) -> Result<Fjall> {
        let database = SingleWriterTxDatabase::builder(directory.join("ledger.fjall")).open()?;
        let accounts = database.keyspace("account", KeyspaceCreateOptions::default)?;
        let mut transaction = database.write_tx().durability(Some(PersistMode::SyncData));
        for (account, balance) in ledger::opening_balances() {
            transaction.insert(&accounts, account.to_be_bytes(), balance.to_be_bytes());
        }
        transaction.commit()?;
        Ok(Fjall { database, accounts })
    }

    fn commit(&mut self, transfers: impl Iterator<Item = Transfer>, mut answer: impl FnMut(bool)) -> Result<()> {
        let mut transaction = self.database.write_tx().durability(Some(PersistMode::SyncData));
        for Transfer { from, to, amount } in transfers {
            let (from, to) = (from.to_be_bytes(), to.to_be_bytes());
            let balance = decode(transaction.get(&self.accounts, from)?)?;
            let accepted = balance >= amount;
            if accepted {
                transaction.insert(&self.accounts, from, (balance - amount).to_be_bytes());
                let balance = decode(transaction.get(&self.accounts, to)?)?;
                transaction.insert(&self.accounts, to, (balance + amount).to_be_bytes());
            }
            answer(accepted);
        }
        Ok(transaction.commit()?)
    }

    fn reader(&self) -> Result<Reader> {
        let accounts = self.accounts.clone();
        Ok(Box::new(move |account| decode(accounts.get(account.to_be_bytes())?)))
    }

    fn balances(&mut self) -> Result<Vec<u64>> {
        (0..ACCOUNTS).map(|account| decode(self.accounts.get(account.to_be_bytes())?)).collect()
    }

    /// Everything that this process wrote: the journal, and the tables that compactions made.
    fn bytes_written(&self) -> Result<u64> {
        process::bytes_written()
    }
}

fn decode(balance: Option<UserValue>) -> Result<u64> {
    let balance = balance.context("an account is missing")?;
    Ok(u64::from_be_bytes(balance.as_ref().try_into()?))
}
