//! A till with commands of every form: checked, rejected by their bodies, panicking, and random.

use std::collections::BTreeMap;
use std::panic::resume_unwind;

use memimage::{Context, Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape, Model)]
pub struct Till {
    pub accounts: BTreeMap<u32, u64>,
    pub settlements: u32,
    pub audits: u32,
    pub draws: Vec<Draw>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape)]
pub struct Draw {
    pub seq: u64,
    pub time: u64,
    pub value: u64,
    pub actor: Option<String>,
}

#[memimage::commands]
impl Till {
    #[command(check = can_open)]
    pub fn open(&mut self, account: u32) {
        self.accounts.insert(account, 0);
    }

    pub fn can_open(&self, account: u32) -> Result<(), String> {
        if self.accounts.contains_key(&account) { Err(format!("account {account} is open")) } else { Ok(()) }
    }

    #[command(check = can_deposit)]
    pub fn deposit(&mut self, account: u32, cents: u64) {
        *self.accounts.entry(account).or_default() += cents;
    }

    pub fn can_deposit(&self, account: u32) -> Result<(), String> {
        if self.accounts.contains_key(&account) { Ok(()) } else { Err(format!("there is no account {account}")) }
    }

    #[command(check = can_withdraw)]
    pub fn withdraw(&mut self, account: u32, cents: u64) {
        let balance = self.accounts.entry(account).or_default();
        *balance = balance.saturating_sub(cents);
    }

    pub fn can_withdraw(&self, account: u32, cents: u64) -> Result<(), String> {
        let balance = self.accounts.get(&account).copied().unwrap_or(0);
        if balance < cents { Err(format!("account {account} holds {balance} cents")) } else { Ok(()) }
    }

    #[command(check = can_withdraw)]
    pub fn pay(&mut self, account: u32, cents: u64) -> Result<(), String> {
        let balance = self.accounts.get_mut(&account).ok_or("no such account")?;
        *balance = balance.checked_sub(cents).ok_or("too little")?;
        Ok(())
    }

    /// Changes the state before it may reject.
    #[command]
    pub fn settle(&mut self, account: u32, cents: u64) -> Result<(), String> {
        self.settlements += 1;
        let balance = self.accounts.get_mut(&account).ok_or("no such account")?;
        *balance = balance.checked_sub(cents).ok_or("too little")?;
        Ok(())
    }

    /// Panics, after it has changed the state, if there is no such account.
    #[command]
    pub fn audit(&mut self, account: u32) {
        self.audits += 1;
        if !self.accounts.contains_key(&account) {
            // bypasses the panic hook, which would print each panic
            resume_unwind(Box::new(format!("no account {account} to audit")));
        }
    }

    #[command]
    pub fn draw(&mut self, ctx: &Context) -> u64 {
        let actor = ctx.metadata().get("actor").map(str::to_owned);
        let draw = Draw { seq: ctx.seq().get(), time: ctx.time().as_micros(), value: ctx.random().u64(), actor };
        let value = draw.value;
        self.draws.push(draw);
        value
    }

    /// Recorded by an older program.
    #[command(replay_only)]
    pub fn reset(&mut self) {
        self.accounts.clear();
    }
}
