//! Subscriptions: each durable event comes once and in order, beside a running owner and in another process; named
//! subscriptions lose no event, whatever crashes; and pruning keeps what they need.

mod acknowledgement;
mod beside_owner;
mod crash;
mod failures;
mod live;
mod names;
mod outbox;
mod parts;
mod positions;
mod pruning;
mod streams;

use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, HistoryEvent, Image, Journal, Options, Retention, Seq, Subscription};
use memimage_tests::{Ledger, LedgerCommands, LedgerEvent, Run};

const PATH: &str = "/ledger";
const ACKNOWLEDGED: &str = "/ledger/subscription/mailer/acknowledged";

fn options() -> Options<Ledger> {
    Run::options(Durability::Synced, 512)
}

/// Options with which each snapshot prunes the journal as far as possible.
fn pruning() -> Options<Ledger> {
    options().retention(Retention::Events(0))
}

fn open(disk: &SimDisk) -> Image<Ledger> {
    open_with(disk, options())
}

fn open_with(disk: &SimDisk, options: Options<Ledger>) -> Image<Ledger> {
    options.open_with(Arc::new(disk.clone()), PATH).unwrap()
}

/// The journal as another process sees it.
fn journal_of(disk: impl Disk) -> Journal<Ledger> {
    options().open_journal_with(Arc::new(disk), PATH).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number)
}

/// Deposits one cent `count` times.
fn deposit(image: &Image<Ledger>, count: u64) {
    for _ in 0..count {
        image.deposit(1, 1).unwrap();
    }
}

/// Records some thousand bytes a time, and so fills several segments.
fn fill_segments(image: &Image<Ledger>, events: u64) {
    for _ in 0..events {
        image.file(vec![5; 6_000]).unwrap();
    }
}

/// The seqs of the next `count` events.
fn take(subscription: &mut Subscription<Ledger>, count: usize) -> Vec<u64> {
    subscription.take(count).map(|event| event.unwrap().seq().get()).collect()
}

/// The seqs of the events that are there without waiting.
fn ready(subscription: &mut Subscription<Ledger>) -> Result<Vec<u64>, Error> {
    let mut seqs = Vec::new();
    while let Some(event) = subscription.next_timeout(std::time::Duration::ZERO)? {
        seqs.push(event.seq().get());
    }
    Ok(seqs)
}

fn next(subscription: &mut Subscription<Ledger>) -> HistoryEvent<Ledger> {
    subscription.next().expect("the image runs").unwrap()
}

fn amount(event: &HistoryEvent<Ledger>) -> u32 {
    match event.event() {
        Some(LedgerEvent::Deposit(deposit)) => deposit.amount,
        _ => panic!("not a deposit: {event:?}"),
    }
}

/// Records one more event, and then prunes the events before it, as far as the segments allow. Returns whether this removed a segment.
fn prune_after_next(disk: &SimDisk, image: &Image<Ledger>) -> bool {
    let segments =
        || disk.files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "journal")).min().unwrap();
    let first = segments();
    fill_segments(image, 1);
    image.admin().snapshot().unwrap();
    fill_segments(image, 1);
    image.admin().snapshot().unwrap();
    segments() != first
}

/// Makes two snapshots, so that the older one can become the base.
fn prune(image: &Image<Ledger>) {
    image.admin().snapshot().unwrap();
    deposit(image, 1);
    image.admin().snapshot().unwrap();
    let stats = image.admin().stats();
    assert_eq!(stats.retention_failure, None);
}
