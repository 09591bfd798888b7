//! A ledger with commands of every form: infallible, checked, fallible, random, timed, and panicking.

use std::collections::BTreeMap;
use std::panic::resume_unwind;

use memimage::{Context, Model, Shape, Timestamp};
use serde::{Deserialize, Serialize};

/// Account balances, drawn entries and filed bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
pub struct Ledger {
    /// Balances in cents. A settlement may leave a balance below zero.
    pub accounts: BTreeMap<u32, i64>,
    /// The last four results of [`draw`](Ledger::draw).
    pub entries: Vec<LedgerEntry>,
    /// The number of bytes filed.
    pub filed: u64,
    /// A hash of all filed bytes, in order.
    pub hash: u64,
    /// The number of settlements that failed after changing a balance.
    pub failed: u32,
}

/// The values that a body read from its context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
pub struct LedgerEntry {
    /// The event's number.
    pub seq: u64,
    /// The event's time.
    pub time: Timestamp,
    /// A random value.
    pub die: u64,
    /// The accounts, shuffled.
    pub order: Vec<u32>,
    /// The actor from the metadata.
    pub actor: Option<String>,
}

/// A refusal by a check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are only {0} cents")]
pub struct TooLittle(pub i64);

/// A rejection by a body that had already changed the state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("account {0} is overdrawn")]
pub struct Overdrawn(pub u32);

#[memimage::commands]
impl Ledger {
    /// Never refused.
    #[command]
    pub fn deposit(&mut self, account: u32, amount: u32) -> i64 {
        let balance = self.accounts.entry(account).or_default();
        *balance += i64::from(amount);
        *balance
    }

    /// Refused by a check, which records nothing.
    #[command(check = can_withdraw)]
    pub fn withdraw(&mut self, account: u32, amount: u32) -> i64 {
        let balance = self.accounts.entry(account).or_default();
        *balance -= i64::from(amount);
        *balance
    }

    fn can_withdraw(&self, account: u32, amount: u32) -> Result<(), TooLittle> {
        let balance = self.accounts.get(&account).copied().unwrap_or(0);
        if balance < i64::from(amount) { Err(TooLittle(balance)) } else { Ok(()) }
    }

    /// Rejected by its body after a change of the state. The event is recorded and is rejected again on replay.
    #[command]
    pub fn settle(&mut self, account: u32, amount: u32) -> Result<i64, Overdrawn> {
        let balance = self.accounts.entry(account).or_default();
        *balance -= i64::from(amount);
        if *balance < 0 {
            self.failed += 1;
            return Err(Overdrawn(account));
        }
        Ok(*balance)
    }

    /// Uses all of its context.
    #[command]
    pub fn draw(&mut self, ctx: &Context) -> u64 {
        let random = ctx.random();
        let mut order: Vec<u32> = self.accounts.keys().copied().collect();
        random.shuffle(&mut order);
        let actor = ctx.metadata().get(memimage::Metadata::ACTOR).map(str::to_owned);
        let entry = LedgerEntry { seq: ctx.seq().get(), time: ctx.time(), die: random.u64(), order, actor };
        let die = entry.die;
        self.entries.push(entry);
        // keeps the state small
        let surplus = self.entries.len().saturating_sub(4);
        self.entries.drain(..surplus);
        die
    }

    /// Takes a payload of any size.
    #[command]
    pub fn file(&mut self, bytes: Vec<u8>) -> u64 {
        self.filed += bytes.len() as u64;
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        self.hash
    }

    /// Panics after it has changed the state.
    #[command]
    pub fn explode(&mut self, account: u32) {
        *self.accounts.entry(account).or_default() += 1_000_000;
        self.entries.clear();
        // bypasses the panic hook, which would print each panic
        resume_unwind(Box::new(format!("the ledger exploded at account {account}")));
    }

    /// Panics in its check.
    #[command(check = may_burn)]
    pub fn burn(&mut self) {}

    fn may_burn(&self) -> Result<(), TooLittle> {
        resume_unwind(Box::new("the check exploded"));
    }
}
