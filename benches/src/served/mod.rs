//! The served class: systems behind a socket on the loopback interface, with their clients in another process.

pub(crate) mod client;
mod image;
mod postgres;
mod process;
mod protocol;
mod redis;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::measure::Round;
pub(crate) use image::ImageServer;
pub(crate) use postgres::PostgresServer;
pub(crate) use redis::RedisServer;

/// A system that clients reach by a socket. Dropping the value stops it.
pub(crate) trait Server: Sized {
    /// The protocol of the clients.
    const PROTOCOL: Protocol;

    /// Starts a server whose ledger has the opening balances.
    fn start(directory: &Path) -> Result<Self>;

    fn address(&self) -> SocketAddr;

    /// The bytes of the log so far.
    fn log_bytes(&mut self) -> Result<u64>;

    /// The balances of all accounts, in the order of the accounts.
    fn balances(&mut self) -> Result<Vec<u64>>;
}

/// The protocol in which clients talk to a server.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Protocol {
    Memimage,
    Redis,
    Postgres,
}

/// Why a server cannot be started: which program is missing, and what installs it.
pub(crate) struct Missing(pub(crate) &'static str);

/// Runs clients against a new server for a duration, and compares the balances with the answers afterwards.
pub(crate) fn measure<S: Server>(
    connections: u64,
    depth: usize,
    duration: Duration,
    directory: &Path,
) -> Result<Round> {
    let mut server = S::start(directory)?;
    let before = server.log_bytes()?;
    let report = client::spawn(S::PROTOCOL, server.address(), connections, depth, duration)?;
    let bytes = server.log_bytes()? - before;
    ensure!(server.balances()? == report.balances, "the balances contradict the answers to the transfers");
    Ok(Round { bytes_per_op: Some(bytes as f64 / report.executed.max(1) as f64), ..report.round })
}
