//! The clients of the served class: a process of their own, which is this program with a hidden subcommand.

use std::collections::VecDeque;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::Protocol;
use super::postgres::PostgresConnection;
use super::protocol::{self, Answer};
use super::redis::RedisConnection;
use crate::ledger::{self, Transfer};
use crate::measure::{Phase, Round, Tally, Total, process};
use crate::report;

/// The options of the hidden subcommand.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    protocol: Protocol,
    address: SocketAddr,
    connections: u64,
    depth: usize,
    seconds: f64,
}

/// What the process prints.
#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) round: Round,
    /// All transfers, with those before and after the measurement.
    pub(super) executed: u64,
    /// The balances that follow from the accepted transfers.
    pub(super) balances: Vec<u64>,
}

/// A connection of one thread, which sends transfers and receives the answers in the same order.
pub(super) trait Connection {
    fn send(&mut self, transfers: &[Transfer]) -> Result<()>;

    /// Waits for the next answer, and returns whether the transfer was accepted.
    fn receive(&mut self) -> Result<bool>;
}

/// Runs clients in a new process, and waits for their report.
pub(super) fn spawn(
    protocol: Protocol,
    address: SocketAddr,
    connections: u64,
    depth: usize,
    duration: Duration,
) -> Result<Report> {
    let protocol = protocol.to_possible_value().expect("no protocol is hidden");
    let output = Command::new(std::env::current_exe()?)
        .args(["client", protocol.get_name(), &address.to_string(), &connections.to_string(), &depth.to_string()])
        .arg(duration.as_secs_f64().to_string())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the clients failed");
    serde_json::from_slice(&output.stdout).context("the report of the clients is not readable")
}

/// The hidden subcommand.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    process::end_with_parent()?;
    let address = arguments.address;
    let report = match arguments.protocol {
        Protocol::Memimage => load(arguments, || ImageConnection::open(address)),
        Protocol::Redis => load(arguments, || RedisConnection::open(address)),
        Protocol::Postgres => load(arguments, || PostgresConnection::open(address)),
    }?;
    report::print_json(&[report])
}

/// Opens the connections, each with a thread, and runs them for the duration.
fn load<C: Connection>(arguments: &Arguments, open: impl Fn() -> Result<C> + Sync) -> Result<Report> {
    let (phase, open) = (&Phase::new(), &open);
    let opened = std::sync::Barrier::new(arguments.connections as usize + 1);
    let opened = &opened;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.connections)
            .map(|thread| {
                scope.spawn(move || {
                    let connection = open();
                    opened.wait();
                    keep_in_flight(connection?, thread << 40, arguments.depth, phase)
                })
            })
            .collect();
        opened.wait();
        let (took, ..) = phase.run(Duration::from_secs_f64(arguments.seconds), || Ok(()))?;
        let mut total = Total::new();
        for thread in threads {
            total.add(&thread.join().expect("a thread panicked")?);
        }
        let round = Round { commands: total.measured, took, latencies: total.quantiles(), bytes_per_op: None };
        Ok(Report { round, executed: total.executed, balances: total.balances })
    })
}

/// Keeps up to `depth` transfers unanswered: sends half of the depth in one piece whenever there is room for it. The latency of
/// each transfer is measured, from the sending to the receipt.
fn keep_in_flight(mut connection: impl Connection, first: u64, depth: usize, phase: &Phase) -> Result<Tally> {
    let mut tally = Tally::new(first);
    let piece = depth.div_ceil(2);
    let (mut next, mut in_flight) = (first, VecDeque::with_capacity(depth));
    loop {
        while in_flight.len() + piece <= depth && !phase.is_end() {
            let transfers: Vec<_> = (next..next + piece as u64).map(ledger::transfer).collect();
            in_flight.extend(std::iter::repeat_n(Instant::now(), piece));
            connection.send(&transfers)?;
            next += piece as u64;
        }
        for _ in 0..piece {
            let Some(sent) = in_flight.pop_front() else { return Ok(tally) };
            tally.count(connection.receive()?, Some(sent), phase);
        }
    }
}

/// A connection to a served image.
struct ImageConnection {
    stream: BufReader<TcpStream>,
    sent: Vec<u8>,
}

impl ImageConnection {
    fn open(address: SocketAddr) -> Result<ImageConnection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(ImageConnection { stream: BufReader::new(stream), sent: Vec::new() })
    }
}

impl Connection for ImageConnection {
    fn send(&mut self, transfers: &[Transfer]) -> Result<()> {
        self.sent.clear();
        for transfer in transfers {
            self.sent = protocol::encode(transfer, std::mem::take(&mut self.sent))?;
        }
        Ok(self.stream.get_mut().write_all(&self.sent)?)
    }

    fn receive(&mut self) -> Result<bool> {
        let mut message = [0; 64];
        let (length, rest) = message.split_at_mut(4);
        self.stream.read_exact(length)?;
        let length = u32::from_le_bytes(length.try_into()?) as usize;
        let message = rest.get_mut(..length).context("an answer is too long")?;
        self.stream.read_exact(message)?;
        Ok(postcard::from_bytes::<Answer>(message)?.is_ok())
    }
}
