//! PostgreSQL.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls, Statement};

use super::client::Connection;
use super::process::{self, ServerProcess};
use super::{Missing, Protocol, Server};
use crate::ledger::{self, Transfer};

/// PostgreSQL with `synchronous_commit=on`. A transfer is a prepared call of a function in PL/pgSQL, in a transaction of its own;
/// sessions share syncs. The function locks rows in the order of the accounts, so no transfer fails in a deadlock.
///
/// PostgreSQL refuses to run as root. Root starts it as the user `postgres`, or else `nobody`.
pub(crate) struct PostgresServer {
    _process: ServerProcess,
    address: SocketAddr,
    runtime: Runtime,
    client: Client,
}

/// Settings other than the defaults. The larger WAL puts off checkpoints, and TCP replaces the socket in a directory.
const SETTINGS: &[&str] = &["synchronous_commit=on", "max_wal_size=8GB", "unix_socket_directories="];

const SUPERUSER: &str = "bench";

const SCHEMA: &str = "
    DROP TABLE IF EXISTS account;
    CREATE TABLE account (id int PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 50);
    CREATE OR REPLACE FUNCTION transfer(payer int, payee int, amount bigint) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        IF payee < payer THEN
            PERFORM FROM account WHERE id = payee FOR UPDATE;
        END IF;
        UPDATE account SET balance = balance - amount WHERE id = payer AND balance >= amount;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        UPDATE account SET balance = balance + amount WHERE id = payee;
        RETURN true;
    END $$;";

/// A program of the server: on the PATH, or in the directory of the newest version that Debian installed.
fn program(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut directories: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    directories.sort();
    process::find(name, directories.into_iter().rev())
}

/// The user to run as, if this process runs as root.
fn user() -> Option<&'static str> {
    let exists = |user: &&str| process::run(Command::new("id").arg(user)).is_ok();
    rustix::process::geteuid().is_root().then(|| ["postgres"].into_iter().find(exists).unwrap_or("nobody"))
}

/// Creates a cluster, unless an earlier round has created it.
fn create_cluster(directory: &Path, user: Option<&str>) -> Result<()> {
    if directory.exists() {
        return Ok(());
    }
    std::fs::create_dir(directory)?;
    if let Some(user) = user {
        process::run(Command::new("chown").arg(user).arg(directory))?;
    }
    let mut initdb = process::launcher(&program("initdb").context("initdb is missing")?, user);
    initdb.args(["--username", SUPERUSER, "--auth=trust", "--no-locale", "--encoding=UTF8", "--pgdata"]);
    process::run(initdb.arg(directory).current_dir("/"))
}

impl PostgresServer {
    /// Why the server cannot be started, if a program is missing.
    pub(crate) fn missing() -> Option<Missing> {
        match program("initdb").and(program("postgres")) {
            Some(_) => None,
            None => Some(Missing("no `postgres` and `initdb` on the PATH; `apt-get install postgresql` installs them")),
        }
    }
}

impl Server for PostgresServer {
    const PROTOCOL: Protocol = Protocol::Postgres;

    fn start(directory: &Path) -> Result<PostgresServer> {
        let (directory, user) = (directory.join("postgres"), user());
        create_cluster(&directory, user)?;
        let address = process::free_address()?;
        let mut command = process::launcher(&program("postgres").context("postgres is missing")?, user);
        command.args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-D"]).arg(&directory).current_dir("/");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (process, client) = ServerProcess::start(command, || runtime.block_on(connect(address)))?;
        let (accounts, balances): (Vec<_>, Vec<_>) =
            ledger::opening_balances().map(|(account, balance)| (account as i32, balance as i64)).unzip();
        runtime.block_on(async {
            client.batch_execute(SCHEMA).await?;
            let insert = "INSERT INTO account SELECT * FROM unnest($1::int[], $2::bigint[])";
            client.execute(insert, &[&accounts, &balances]).await?;
            client.batch_execute("VACUUM ANALYZE account").await?;
            client.batch_execute("CHECKPOINT").await
        })?;
        Ok(PostgresServer { _process: process, address, runtime, client })
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn log_bytes(&mut self) -> Result<u64> {
        let bytes = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
        let row = self.runtime.block_on(self.client.query_one(bytes, &[]))?;
        Ok(row.get::<_, i64>(0).cast_unsigned())
    }

    fn balances(&mut self) -> Result<Vec<u64>> {
        let rows = self.runtime.block_on(self.client.query("SELECT balance FROM account ORDER BY id", &[]))?;
        Ok(rows.iter().map(|row| row.get::<_, i64>(0).cast_unsigned()).collect())
    }
}

async fn connect(address: SocketAddr) -> Result<Client> {
    let mut config = tokio_postgres::Config::new();
    config.host(address.ip().to_string()).port(address.port()).user(SUPERUSER).dbname("postgres");
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A connection that pipelines calls of the function.
pub(super) struct PostgresConnection {
    runtime: Runtime,
    client: Arc<Client>,
    transfer: Statement,
    in_flight: FuturesOrdered<Pin<Box<dyn Future<Output = Result<bool>>>>>,
}

impl PostgresConnection {
    pub(super) fn open(address: SocketAddr) -> Result<PostgresConnection> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let client = Arc::new(runtime.block_on(connect(address))?);
        let transfer = runtime.block_on(client.prepare("SELECT transfer($1, $2, $3)"))?;
        Ok(PostgresConnection { runtime, client, transfer, in_flight: FuturesOrdered::new() })
    }
}

impl Connection for PostgresConnection {
    fn send(&mut self, transfers: &[Transfer]) -> Result<()> {
        for &Transfer { from, to, amount } in transfers {
            let (client, transfer) = (self.client.clone(), self.transfer.clone());
            self.in_flight.push_back(Box::pin(async move {
                let arguments: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
                    [&(from as i32), &(to as i32), &(amount as i64)];
                Ok(client.query_one(&transfer, &arguments).await?.get(0))
            }));
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<bool> {
        self.runtime.block_on(self.in_flight.next()).context("no transfer is in flight")?
    }
}
