use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(history(BankV1))]
pub struct Bank {
    total: u64,
}

#[derive(Serialize, Deserialize, Shape)]
struct BankV1 {
    total: u8,
}

#[memimage::upcast]
fn bank_1(old: BankV1) -> Bank {
    Bank { total: old.total.into() }
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}
