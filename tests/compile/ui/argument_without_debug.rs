use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[derive(Serialize, Deserialize, Shape)]
pub struct By(u64);

#[memimage::commands(derive(Debug))]
impl Bank {
    #[command]
    fn add(&mut self, by: By) {
        self.total += by.0;
    }
}

fn main() {}

// Help: Derive `Debug` for the type too: the block's `derive(…)` applies to every payload.
