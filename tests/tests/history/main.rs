//! The history of an image: its events, its past states, and what changed between them.

mod bad_input;
mod beside_owner;
mod changes;
mod closed;
mod events;
mod keys;
mod kept_snapshots;
mod past_states;
mod reads;
mod replaced;
mod upcasts;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::disk::SimDisk;
use memimage::{Durability, HistoryEvent, Image, Journal, Options, Seq, SnapshotPolicy, Timestamp, digest};
use memimage_tests::{Ledger, Request, Run, SplitMix64};

const PATH: &str = "/ledger";

/// Options with small segments, manual snapshots, and a clock of which each reading is a millisecond later.
fn options() -> Options<Ledger> {
    let clock = AtomicU64::new(1_000_000);
    Image::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, Ordering::Relaxed)))
}

fn open(disk: &SimDisk, options: Options<Ledger>) -> Image<Ledger> {
    options.open_with(Arc::new(disk.clone()), PATH).unwrap()
}

/// The journal, as another process opens it.
fn journal(disk: &SimDisk) -> Journal<Ledger> {
    Image::options().open_journal_with(Arc::new(disk.clone()), PATH).unwrap()
}

/// Executes random commands of all kinds, with some snapshots. Returns the running image and the digest after each event.
fn random_run(disk: &SimDisk, durability: Durability, commands: u64, random: &mut SplitMix64) -> Run {
    let mut run = Run::open(disk.clone(), durability, 512, Vec::new(), Seq::ZERO).unwrap();
    for _ in 0..commands {
        let (account, amount) = (random.below(5) as u32, random.below(100) as u32);
        run.execute(&match random.below(6) {
            0 => Request::Withdraw(account, amount),
            1 => Request::Settle(account, amount),
            2 => Request::Draw(Some(account as u8).filter(|actor| *actor > 0)),
            3 => Request::File(random.below(3_000) as usize),
            4 => Request::Submit(account, amount),
            _ => Request::Deposit(account, amount),
        });
        if random.once_in(40) {
            run.wait();
            run.image().admin().snapshot().unwrap();
        }
    }
    run.wait();
    run
}

fn state_digest(ledger: &Ledger) -> u64 {
    digest(ledger).unwrap().to_u64()
}

fn seqs(events: impl IntoIterator<Item = Result<HistoryEvent<Ledger>, memimage::Error>>) -> Vec<u64> {
    events.into_iter().map(|event| event.unwrap().seq().get()).collect()
}
