//! The measurement of systems in the process of their caller.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use super::Scale;
use super::name::SystemName;
use super::shape::Shape;
use crate::ledger::{self, ACCOUNTS, Ledger};
use crate::measure::{Phase, Round, Tally, Total};
use crate::systems::{Airomem, Bare, BareDisk, Fjall, GroupCommit, Memimage, Redb, Replay, Sqlite, System};

/// Threads with several unanswered transfers measure the latency of one in this many. It shares no factor with the depth.
const SAMPLE_EVERY_DEEP: u64 = 17;
/// The number of transfers for which `bulk-1` waits once.
const BULK: u64 = 100_000;

/// Runs one round of one system.
pub(super) fn measure(system: SystemName, shape: Shape, scale: Scale, directory: &Path) -> Result<Round> {
    match system {
        SystemName::Bare if shape == Shape::Replay => replay::<Bare>(scale, directory),
        SystemName::BareDisk if shape == Shape::Replay => replay::<GroupCommit<BareDisk>>(scale, directory),
        SystemName::Memimage if shape == Shape::Replay => replay::<Memimage>(scale, directory),
        SystemName::Airomem if shape == Shape::Replay => replay::<GroupCommit<Airomem>>(scale, directory),
        SystemName::Bare => live::<Bare>(shape, scale, directory),
        SystemName::BareDisk => live::<GroupCommit<BareDisk>>(shape, scale, directory),
        SystemName::Memimage => live::<Memimage>(shape, scale, directory),
        SystemName::Sqlite => live::<GroupCommit<Sqlite>>(shape, scale, directory),
        SystemName::Redb => live::<GroupCommit<Redb>>(shape, scale, directory),
        SystemName::Fjall => live::<GroupCommit<Fjall>>(shape, scale, directory),
        SystemName::Airomem => live::<GroupCommit<Airomem>>(shape, scale, directory),
        SystemName::MemimageServed | SystemName::Redis | SystemName::Postgres => {
            bail!("the system does not run this shape")
        }
    }
}

/// Runs a shape on a new ledger, and verifies the balances afterwards.
fn live<S: System>(shape: Shape, scale: Scale, directory: &Path) -> Result<Round> {
    let directory = tempfile::tempdir_in(directory)?;
    let system = S::create(directory.path())?;
    let (round, executed) = match shape {
        Shape::Wait1 => timed::<S>(&system, scale, 1, 1, 0)?,
        Shape::Wait8 => timed::<S>(&system, scale, 8, 1, 0)?,
        Shape::Wait64 => timed::<S>(&system, scale, 64, 1, 0)?,
        Shape::Deep64x40 => timed::<S>(&system, scale, 64, 40, 0)?,
        Shape::Mixed => timed::<S>(&system, scale, 1, 1, readers())?,
        Shape::Bulk1 => bulk(&system, scale)?,
        Shape::Replay | Shape::ServedWait1 | Shape::ServedWait64 | Shape::Served64x40 => {
            bail!("the system does not run this shape")
        }
    };
    verify(&system, executed)?;
    system.close()?;
    Ok(round)
}

/// The transfers that a system has executed.
enum Executed {
    /// The first `n` transfers in their order.
    InOrder(u64),
    /// Transfers of several threads, which accepted some of them; the balances that follow from the accepted ones.
    InAnyOrder { balances: Vec<u64> },
}

/// Compares the balances with those of a plain struct, or, if the order of the transfers is unknown, with those that follow from
/// the answers.
fn verify<S: System>(system: &S, executed: Executed) -> Result<()> {
    let balances = system.balances()?;
    match executed {
        Executed::InOrder(n) => {
            let mut expected = Ledger::default();
            for n in 0..n {
                expected.apply(ledger::transfer(n));
            }
            ensure!(balances == expected.balances(), "the balances after {n} transfers are wrong");
        }
        Executed::InAnyOrder { balances: expected } => {
            ensure!(balances == expected, "the balances contradict the answers to the transfers");
        }
    }
    Ok(())
}

/// Runs threads that transfer, with up to `depth` unanswered transfers each, and threads that read, for a duration.
fn timed<S: System>(system: &S, scale: Scale, threads: u64, depth: usize, readers: u64) -> Result<(Round, Executed)> {
    let phase = Phase::new();
    let phase = &phase;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || match depth {
                    1 => wait_for_each(system, thread << 40, phase),
                    _ => keep_in_flight(system, thread << 40, depth, phase),
                })
            })
            .collect();
        let readers: Vec<_> = (0..readers).map(|reader| scope.spawn(move || read(system, reader, phase))).collect();
        let counted = phase.run(scale.duration(), || system.bytes_written());
        let mut total = Total::new();
        for writer in writers {
            total.add(&writer.join().expect("a thread panicked")?);
        }
        for reader in readers {
            reader.join().expect("a thread panicked")?;
        }
        let (took, before, after) = counted?;
        let latencies = total.quantiles();
        let Total { measured: commands, executed, balances, .. } = total;
        let bytes_per_op = bytes_per_op(before, after, commands);
        let round = Round { commands, took, latencies, bytes_per_op };
        Ok((round, if threads == 1 { Executed::InOrder(executed) } else { Executed::InAnyOrder { balances } }))
    })
}

fn bytes_per_op(before: Option<u64>, after: Option<u64>, commands: u64) -> Option<f64> {
    Some((after? - before?) as f64 / commands.max(1) as f64)
}

/// Waits for each transfer. The latency is the duration of the call.
fn wait_for_each<S: System>(system: &S, first: u64, phase: &Phase) -> Result<Tally> {
    let mut tally = Tally::new(first);
    while !phase.is_end() {
        let sampled = tally.executed.is_multiple_of(S::SAMPLE_EVERY);
        let started = sampled.then(Instant::now);
        let accepted = system.transfer(ledger::transfer(first + tally.executed))?;
        tally.count(accepted, started, phase);
    }
    Ok(tally)
}

/// Waits for the oldest transfer once `depth` transfers are unanswered. The latency ends when the answer of a transfer is
/// taken in the order of the transfers, so it includes the time for which an answer was ready but not asked for yet.
fn keep_in_flight<S: System>(system: &S, first: u64, depth: usize, phase: &Phase) -> Result<Tally> {
    let mut tally = Tally::new(first);
    let mut in_flight = VecDeque::with_capacity(depth);
    for n in first.. {
        if phase.is_end() {
            break;
        }
        if in_flight.len() == depth {
            let (pending, started) = in_flight.pop_front().expect("the depth is above zero");
            tally.count(system.wait(pending)?, started, phase);
        }
        let started = n.is_multiple_of(SAMPLE_EVERY_DEEP).then(Instant::now);
        in_flight.push_back((system.submit(ledger::transfer(n))?, started));
    }
    for (pending, started) in in_flight {
        tally.count(system.wait(pending)?, started, phase);
    }
    Ok(tally)
}

/// The number of threads that read in `mixed`: one for each core but one, so that the writer is not short of processor time.
fn readers() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64 - 1).max(1)
}

/// Reads the balances of accounts, one after the other.
fn read<S: System>(system: &S, reader: u64, phase: &Phase) -> Result<()> {
    let mut balance = system.reader()?;
    let mut account = reader as u32;
    while !phase.is_end() {
        std::hint::black_box(balance(account)?);
        account = (account + 7) % ACCOUNTS;
    }
    Ok(())
}

/// Waits once for each 100,000 transfers. The first 100,000 are the warm-up.
fn bulk<S: System>(system: &S, scale: Scale) -> Result<(Round, Executed)> {
    let run = |batch: u64| system.bulk((batch * BULK..(batch + 1) * BULK).map(ledger::transfer));
    run(0)?;
    let before = system.bytes_written()?;
    let started = Instant::now();
    let mut batches = 0;
    while batches == 0 || started.elapsed() < scale.duration() {
        batches += 1;
        run(batches)?;
    }
    let took = started.elapsed();
    let commands = batches * BULK;
    let bytes_per_op = bytes_per_op(before, system.bytes_written()?, commands);
    let round = Round { commands, took, latencies: None, bytes_per_op };
    Ok((round, Executed::InOrder((batches + 1) * BULK)))
}

/// Replays a log. The first round records it; the later rounds replay the same log. The kernel has it in memory.
fn replay<S: Replay>(scale: Scale, directory: &Path) -> Result<Round> {
    let directory = directory.join(std::any::type_name::<S::Recorder>().replace("::", "."));
    if !directory.exists() {
        std::fs::create_dir(&directory)?;
        let recorder = S::Recorder::create(&directory)?;
        for first in (0..scale.replayed()).step_by(BULK as usize) {
            let last = scale.replayed().min(first + BULK);
            recorder.bulk((first..last).map(ledger::transfer))?;
        }
        recorder.close()?;
    }
    let source = S::source(&directory)?;
    let started = Instant::now();
    let (system, commands) = S::replay(source)?;
    let took = started.elapsed();
    verify(&system, Executed::InOrder(scale.replayed()))?;
    system.close()?;
    Ok(Round { commands, took, latencies: None, bytes_per_op: None })
}
