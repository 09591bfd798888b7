//! The model, and the sequence of transfers that every system executes.

use std::collections::HashMap;

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

/// The number of accounts.
pub(crate) const ACCOUNTS: u32 = 10_000;

/// Balances by account.
#[derive(Clone, PartialEq, Serialize, Deserialize, Shape, Model)]
pub(crate) struct Ledger {
    accounts: HashMap<u32, u64>,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger::with_accounts(ACCOUNTS)
    }
}

#[memimage::commands(derive(Clone, Copy))]
impl Ledger {
    #[command(check = check_funds, payload = Transfer)]
    pub(crate) fn transfer(&mut self, from: u32, to: u32, amount: u64) {
        *self.accounts.entry(from).or_default() -= amount;
        *self.accounts.entry(to).or_default() += amount;
    }

    /// Refuses a transfer that the account cannot pay, with the balance of the account.
    fn check_funds(&self, from: u32, amount: u64) -> Result<(), u64> {
        let balance = self.balance(from);
        if balance < amount { Err(balance) } else { Ok(()) }
    }
}

impl Ledger {
    pub(crate) fn with_accounts(accounts: u32) -> Ledger {
        Ledger { accounts: (0..accounts).map(|account| (account, opening_balance(account))).collect() }
    }

    /// Executes a transfer, and returns whether it was accepted.
    pub(crate) fn apply(&mut self, transfer: Transfer) -> bool {
        let Transfer { from, to, amount } = transfer;
        let accepted = self.check_funds(from, amount).is_ok();
        if accepted {
            self.transfer(from, to, amount);
        }
        accepted
    }

    pub(crate) fn balance(&self, account: u32) -> u64 {
        self.accounts.get(&account).copied().unwrap_or(0)
    }

    /// The balances of all accounts, in the order of the accounts.
    pub(crate) fn balances(&self) -> Vec<u64> {
        (0..ACCOUNTS).map(|account| self.balance(account)).collect()
    }
}

/// The balance of each account before the first transfer.
pub(crate) fn opening_balances() -> impl Iterator<Item = (u32, u64)> {
    (0..ACCOUNTS).map(|account| (account, opening_balance(account)))
}

/// Some accounts hold less than the largest amount, so a few transfers in a hundred are refused from the start.
fn opening_balance(account: u32) -> u64 {
    u64::from(account % 200)
}

/// The n-th transfer. It depends on `n` alone.
pub(crate) fn transfer(n: u64) -> Transfer {
    transfer_among(ACCOUNTS, n)
}

/// The n-th transfer of a ledger with another number of accounts.
pub(crate) fn transfer_among(accounts: u32, n: u64) -> Transfer {
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let from = (mixed >> 40) as u32 % accounts;
    let distance = 1 + (mixed >> 20) as u32 % (accounts - 1);
    Transfer { from, to: (from + distance) % accounts, amount: 1 + n % 10 }
}
