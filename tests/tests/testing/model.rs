//! A bank in its newest version, with upcasters for older ones.

use std::collections::BTreeMap;

use memimage::{Context, Model, Recorded, Shape, Value, ValueError};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    pub accounts: BTreeMap<u32, u64>,
    pub memos: Vec<String>,
    pub drawn: Vec<u64>,
}

/// Implements neither `PartialEq` nor `Debug`.
#[derive(Serialize, Deserialize, Shape)]
pub struct Memo {
    pub text: String,
}

#[derive(Serialize, Deserialize, Shape)]
pub struct DepositV2 {
    pub account: u32,
    pub cents: u64,
}

#[memimage::upcast]
fn deposit_2_to_3(old: DepositV2, recorded: &Recorded<'_>) -> Result<BankDeposit, String> {
    if old.cents == 13 {
        return Err("nobody deposits 13".to_owned());
    }
    let text = recorded.metadata().get("actor").unwrap_or("nobody").to_owned();
    Ok(BankDeposit { account: old.account, cents: old.cents, memo: Memo { text } })
}

fn deposit_1_to_2(mut value: Value) -> Result<Value, ValueError> {
    let dollars: u32 = value.take("dollars")?;
    value.insert("cents", u64::from(dollars) * 100)?;
    Ok(value)
}

#[derive(Serialize, Deserialize, Shape)]
pub struct SettleV1 {
    pub account: u32,
}

#[memimage::upcast]
fn settle(old: SettleV1) -> BankSettle {
    BankSettle { account: old.account, hard: true }
}

#[memimage::commands]
impl Bank {
    #[command(version = 3, history(value = deposit_1_to_2, DepositV2))]
    pub fn deposit(&mut self, account: u32, cents: u64, memo: Memo) -> u64 {
        self.memos.push(memo.text);
        let balance = self.accounts.entry(account).or_default();
        *balance += cents;
        *balance
    }

    #[command(check = can_withdraw)]
    pub fn withdraw(&mut self, account: u32, cents: u64) -> u64 {
        let balance = self.accounts.entry(account).or_default();
        *balance = balance.checked_sub(cents).expect("there is less");
        *balance
    }

    fn can_withdraw(&self, account: u32, cents: u64) -> Result<(), String> {
        match self.accounts.get(&account) {
            Some(balance) if *balance >= cents => Ok(()),
            balance => Err(format!("there are {} cents", balance.unwrap_or(&0))),
        }
    }

    /// Changes the model, and may reject the command after that.
    #[command(version = 2, history(SettleV1))]
    pub fn settle(&mut self, account: u32, hard: bool) -> Result<u64, String> {
        self.memos.push(format!("settle {account}, hard: {hard}"));
        self.accounts.remove(&account).ok_or_else(|| format!("no account {account}"))
    }

    #[command]
    pub fn draw(&mut self, ctx: &Context) -> (u64, u64) {
        self.drawn.push(ctx.random().u64());
        (ctx.seq().get(), ctx.time().as_secs())
    }

    /// Changes the model and panics.
    #[command]
    pub fn explode(&mut self, message: String) {
        self.accounts.clear();
        panic!("{message}");
    }
}
