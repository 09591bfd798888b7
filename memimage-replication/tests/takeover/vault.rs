//! The model: a register, and accounts between which money is transferred.

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Shape, Model)]
pub(crate) struct Vault {
    pub(crate) register: u64,
    pub(crate) accounts: Vec<u64>,
    /// All written values, in order.
    pub(crate) written: Vec<u64>,
}

impl Default for Vault {
    fn default() -> Vault {
        Vault { register: 0, accounts: vec![100; 3], written: Vec::new() }
    }
}

#[memimage::commands]
impl Vault {
    /// Writes the register.
    #[command]
    pub(crate) fn write(&mut self, value: u64) {
        self.register = value;
        self.written.push(value);
    }

    /// Transfers money, if there is enough. Returns whether there was.
    #[command]
    pub(crate) fn transfer(&mut self, from: usize, to: usize, amount: u64) -> bool {
        if self.accounts[from] < amount {
            return false;
        }
        self.accounts[from] -= amount;
        self.accounts[to] += amount;
        true
    }
}
