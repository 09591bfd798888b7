//! SQLite.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::group_commit::{Engine, Reader};
use crate::ledger::{self, Transfer};
use crate::measure::process;

/// One connection that writes: WAL, `synchronous=FULL`, prepared statements, and `BEGIN IMMEDIATE`. SQLite has one writer at a
/// time, so threads share this connection through group commit. Readers have connections of their own.
pub(crate) struct Sqlite {
    connection: Connection,
    path: PathBuf,
}

const DEBIT: &str = "UPDATE account SET balance = balance - ?2 WHERE id = ?1 AND balance >= ?2";
const CREDIT: &str = "UPDATE account SET balance = balance + ?2 WHERE id = ?1";
const BALANCE: &str = "SELECT balance FROM account WHERE id = ?1";

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

impl Engine for Sqlite {
    fn create(directory: &Path) -> Result<Sqlite> {
        let path = directory.join("ledger.sqlite");
        let mut connection = connect(&path)?;
        let transaction = connection.transaction()?;
        transaction.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)", ())?;
        for (account, balance) in ledger::opening_balances() {
            transaction.prepare_cached("INSERT INTO account VALUES (?1, ?2)")?.execute((account, balance as i64))?;
        }
        transaction.commit()?;
        Ok(Sqlite { connection, path })
    }

    fn commit(&mut self, transfers: impl Iterator<Item = Transfer>, mut answer: impl FnMut(bool)) -> Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut debit = transaction.prepare_cached(DEBIT)?;
            let mut credit = transaction.prepare_cached(CREDIT)?;
            for Transfer { from, to, amount } in transfers {
                let accepted = debit.execute((from, amount as i64))? == 1;
                if accepted {
                    credit.execute((to, amount as i64))?;
                }
                answer(accepted);
            }
        }
        Ok(transaction.commit()?)
    }

    fn reader(&self) -> Result<Reader> {
        let connection = connect(&self.path)?;
        Ok(Box::new(move |account| {
            let mut statement = connection.prepare_cached(BALANCE)?;
            let balance: Option<i64> = statement.query_row((account,), |row| row.get(0)).optional()?;
            Ok(balance.unwrap_or(0) as u64)
        }))
    }

    fn balances(&mut self) -> Result<Vec<u64>> {
        let mut statement = self.connection.prepare("SELECT balance FROM account ORDER BY id")?;
        let balances = statement.query_map((), |row| row.get(0))?.map(|balance| Ok(balance.map(i64::cast_unsigned)?));
        balances.collect()
    }

    /// Everything that this process wrote: the WAL, and the pages that checkpoints copied.
    fn bytes_written(&self) -> Result<u64> {
        process::bytes_written()
    }
}
