use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

struct Receipt(u64);

#[memimage::commands]
impl Bank {
    #[command]
    pub fn add(&mut self, by: u64) -> Receipt {
        self.total += by;
        Receipt(self.total)
    }
}

fn main() {}

// Help: Make the type as visible as the command (`pub struct Receipt`), or the command as private as the type.
