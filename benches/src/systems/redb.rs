//! redb.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::group_commit::{Engine, Reader};
use crate::ledger::{self, ACCOUNTS, Transfer};
use crate::measure::process;

const ACCOUNT: TableDefinition<'_, u32, u64> = TableDefinition::new("account");

/// A database whose transactions commit with `Durability::Immediate`. redb has one writer at a time, so threads share
/// transactions through group commit.
pub(crate) struct Redb {
    database: Arc<Database>,
}

impl Redb {
    fn begin(&self) -> Result<WriteTransaction> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        Ok(transaction)
    }
}

impl Engine for Redb {
    fn create(directory: &Path) -> Result<Redb> {
        let redb = Redb { database: Arc::new(Database::create(directory.join("ledger.redb"))?) };
        let transaction = redb.begin()?;
        {
            let mut table = transaction.open_table(ACCOUNT)?;
            for (account, balance) in ledger::opening_balances() {
                table.insert(account, balance)?;
            }
        }
        transaction.commit()?;
        Ok(redb)
    }

    fn commit(&mut self, transfers: impl Iterator<Item = Transfer>, mut answer: impl FnMut(bool)) -> Result<()> {
        let transaction = self.begin()?;
        let mut changed = false;
        {
            let mut table = transaction.open_table(ACCOUNT)?;
            for Transfer { from, to, amount } in transfers {
                let balance = balance(&table, from)?;
                let accepted = balance >= amount;
                if accepted {
                    table.insert(from, balance - amount)?;
                    let balance = self::balance(&table, to)?;
                    table.insert(to, balance + amount)?;
                    changed = true;
                }
                answer(accepted);
            }
        }
        // what a refusal depends on was committed before
        if changed { Ok(transaction.commit()?) } else { Ok(transaction.abort()?) }
    }

    fn reader(&self) -> Result<Reader> {
        let database = self.database.clone();
        Ok(Box::new(move |account| balance(&database.begin_read()?.open_table(ACCOUNT)?, account)))
    }

    fn balances(&mut self) -> Result<Vec<u64>> {
        let table = self.database.begin_read()?.open_table(ACCOUNT)?;
        (0..ACCOUNTS).map(|account| balance(&table, account)).collect()
    }

    /// Everything that this process wrote: redb has no log, and writes pages.
    fn bytes_written(&self) -> Result<u64> {
        process::bytes_written()
    }
}

fn balance(table: &impl ReadableTable<u32, u64>, account: u32) -> Result<u64> {
    Ok(table.get(account)?.map_or(0, |balance| balance.value()))
}
