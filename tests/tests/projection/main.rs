//! Projections: they follow an image in its owner's process and in another, resume after crashes, are built anew when their version
//! or the history of the image changes, and report what they cannot do.

mod crash;
mod events;
mod failures;
mod follow;
mod history;
mod process;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Durability, Error, EventInfo, Image, Journal, Model, Options, Projection, Seq, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

/// The path of the image on a simulated disk.
const BANK: &str = "/bank";
/// The path of the projection on a simulated disk.
const TURNOVER: &str = "/turnover";

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Bank {
    accounts: BTreeMap<u32, u64>,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn deposit(&mut self, account: u32, cents: u64) -> u64 {
        let balance = self.accounts.entry(account).or_default();
        *balance += cents;
        *balance
    }

    /// Returns an error, and is recorded as rejected, if the account holds less.
    #[command]
    fn withdraw(&mut self, account: u32, cents: u64) -> Result<(), String> {
        let balance = self.accounts.entry(account).or_default();
        *balance = balance.checked_sub(cents).ok_or("not enough")?;
        Ok(())
    }

    /// No handler handles this command.
    #[command]
    fn rename(&mut self, _name: String) {}
}

/// The sum of all deposits to each account, and of all withdrawals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape)]
struct Turnover {
    deposited: BTreeMap<u32, u64>,
    withdrawn: u64,
    refused: u64,
    /// The seq of each event handled.
    seqs: Vec<u64>,
    by: Vec<String>,
}

#[memimage::projection(of = Bank)]
impl Turnover {
    #[on]
    fn deposit(&mut self, event: &BankDeposit, info: &EventInfo<'_>) {
        self.seen(info);
        *self.deposited.entry(event.account).or_default() += event.cents;
        self.by.extend(info.metadata().get(memimage::Metadata::ACTOR).map(str::to_owned));
    }

    #[on]
    fn withdraw(&mut self, event: &BankWithdraw) {
        self.withdrawn += event.cents;
    }

    #[on(rejected)]
    fn refused(&mut self, _: &BankWithdraw, info: &EventInfo<'_>) {
        self.seen(info);
        assert!(info.is_rejected());
        self.refused += 1;
    }

    fn seen(&mut self, info: &EventInfo<'_>) {
        HANDLED.set(HANDLED.get() + 1);
        assert!(self.seqs.last().is_none_or(|last| *last < info.seq().get()), "an event was handled twice");
        self.seqs.push(info.seq().get());
    }
}

thread_local! {
    static HANDLED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// The number of events that projections have handled on this thread, which is that of their opening.
fn handled() -> u64 {
    HANDLED.get()
}

impl Turnover {
    /// What the projection contains if it handled every event of a journal up to `until` once.
    fn expected(journal: &Journal<Bank>, until: Seq) -> Turnover {
        let mut expected = Turnover::default();
        for event in journal.history().range(..=until) {
            let event = event.unwrap();
            match (event.event(), event.is_rejected()) {
                (Some(BankEvent::Deposit(deposit)), false) => {
                    *expected.deposited.entry(deposit.account).or_default() += deposit.cents;
                    expected.seqs.push(event.seq().get());
                    expected.by.extend(event.metadata().get(memimage::Metadata::ACTOR).map(str::to_owned));
                }
                (Some(BankEvent::Withdraw(withdrawal)), false) => expected.withdrawn += withdrawal.cents,
                (Some(BankEvent::Withdraw(_)), true) => {
                    expected.refused += 1;
                    expected.seqs.push(event.seq().get());
                }
                _ => {}
            }
        }
        expected
    }
}

fn options() -> Options<Bank> {
    // small segments, so that the projection crosses their borders
    Image::options().segment_bytes(64 << 10).snapshots(SnapshotPolicy::Manual)
}

fn bank(disk: &SimDisk) -> Image<Bank> {
    options().open_with(Arc::new(disk.clone()), BANK).unwrap()
}

/// The journal as another process sees it.
fn journal(disk: &SimDisk) -> Journal<Bank> {
    options().open_journal_with(Arc::new(disk.clone()), BANK).unwrap()
}

fn turnover(journal: &Journal<Bank>) -> Result<Projection<Turnover>, Error> {
    Projection::options().snapshot_every(50).open(journal, TURNOVER)
}

/// Some commands of all kinds.
fn use_bank(bank: &Image<Bank>, rounds: u64) {
    for round in 0..rounds {
        bank.deposit(round as u32 % 5, round).unwrap();
        if round % 3 == 0 {
            bank.withdraw(round as u32 % 7, 3 * round).ok();
        }
        if round % 4 == 0 {
            bank.rename("savings".repeat(round as usize % 50)).unwrap();
        }
    }
}

/// The state of the projection after the newest durable event.
fn state(projection: &Projection<Turnover>, journal: &Journal<Bank>) -> Turnover {
    projection.wait(journal.durable_seq().unwrap()).unwrap();
    projection.query(Turnover::clone).unwrap()
}

/// Asserts that the projection contains each durable event of the journal once.
#[track_caller]
fn assert_complete(projection: &Projection<Turnover>, journal: &Journal<Bank>) {
    let found = state(projection, journal);
    assert_eq!(found, Turnover::expected(journal, projection.seq()));
    assert!(projection.seq() >= journal.durable_seq().unwrap());
}

fn interval() -> Durability {
    Durability::Interval(std::time::Duration::from_secs(3600))
}
