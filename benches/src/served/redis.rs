//! Redis.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use redis::IntoConnectionInfo;
use redis::io::tcp::TcpSettings;
use tempfile::TempDir;

use super::client::Connection;
use super::process::{self, ServerProcess};
use super::{Missing, Protocol, Server};
use crate::ledger::{self, Transfer};

/// `redis-server` with `appendfsync always`, which answers after `fdatasync`, and without snapshots. A transfer is a Lua script,
/// called by its hash.
pub(crate) struct RedisServer {
    _process: ServerProcess,
    address: SocketAddr,
    directory: TempDir,
}

/// Settings other than the defaults.
const SETTINGS: &[&str] =
    &["--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0", "--save", ""];

/// The key of the hash with all accounts.
const ACCOUNTS: &str = "account";

const TRANSFER: &str = "
    if tonumber(redis.call('HGET', KEYS[1], ARGV[1])) < tonumber(ARGV[3]) then return 0 end
    redis.call('HINCRBY', KEYS[1], ARGV[1], -ARGV[3])
    redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[3])
    return 1";

fn program() -> Option<PathBuf> {
    process::find("redis-server", [])
}

fn connect(address: SocketAddr) -> Result<redis::Connection> {
    let settings = TcpSettings::default().set_nodelay(true);
    let info = format!("redis://{address}").into_connection_info()?.set_tcp_settings(settings);
    Ok(redis::Client::open(info)?.get_connection()?)
}

impl RedisServer {
    /// Why the server cannot be started, if a program is missing.
    pub(crate) fn missing() -> Option<Missing> {
        match program() {
            Some(_) => None,
            None => Some(Missing("no `redis-server` on the PATH; `apt-get install redis-server` installs it")),
        }
    }
}

impl Server for RedisServer {
    const PROTOCOL: Protocol = Protocol::Redis;

    fn start(directory: &Path) -> Result<RedisServer> {
        let directory = tempfile::tempdir_in(directory)?;
        let address = process::free_address()?;
        let mut command = process::launcher(&program().context("redis-server is missing")?, None);
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--dir"]).arg(directory.path());
        command.args(SETTINGS);
        let (process, mut connection) = ServerProcess::start(command, || connect(address))?;
        let mut create = redis::cmd("HSET");
        create.arg(ACCOUNTS);
        for (account, balance) in ledger::opening_balances() {
            create.arg(account).arg(balance);
        }
        create.exec(&mut connection)?;
        Ok(RedisServer { _process: process, address, directory })
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn log_bytes(&mut self) -> Result<u64> {
        process::directory_bytes(&self.directory.path().join("appendonlydir"))
    }

    fn balances(&mut self) -> Result<Vec<u64>> {
        let balances: BTreeMap<u32, u64> = redis::cmd("HGETALL").arg(ACCOUNTS).query(&mut connect(self.address())?)?;
        Ok(balances.into_values().collect())
    }
}

/// A connection that pipelines calls of the script.
pub(super) struct RedisConnection {
    connection: redis::Connection,
    script: String,
    packed: Vec<u8>,
}

impl RedisConnection {
    pub(super) fn open(address: SocketAddr) -> Result<RedisConnection> {
        let mut connection = connect(address)?;
        let script = redis::cmd("SCRIPT").arg("LOAD").arg(TRANSFER).query(&mut connection)?;
        Ok(RedisConnection { connection, script, packed: Vec::new() })
    }
}

impl Connection for RedisConnection {
    fn send(&mut self, transfers: &[Transfer]) -> Result<()> {
        self.packed.clear();
        for Transfer { from, to, amount } in transfers {
            let mut call = redis::cmd("EVALSHA");
            call.arg(&self.script).arg(1).arg(ACCOUNTS).arg(from).arg(to).arg(amount);
            call.write_packed_command(&mut self.packed);
        }
        Ok(self.connection.send_packed_command(&self.packed)?)
    }

    fn receive(&mut self) -> Result<bool> {
        Ok(redis::from_redis_value(self.connection.recv_response()?)?)
    }
}
