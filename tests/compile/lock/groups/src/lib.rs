//! A locked model in two groups.

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(groups(Accounts, Tellers))]
pub struct Bank {
    count: u64,
}

#[memimage::commands(group = Accounts, lock)]
impl Bank {
    #[command]
    pub fn deposit(&mut self, _account: u32) {
        self.count += 1;
    }
}

#[memimage::commands(group = Tellers, lock)]
impl Bank {
    #[command]
    pub fn hire(&mut self, _name: String) {
        self.count += 1;
    }
}
