use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(version = 2, history(BankV1))]
pub struct Bank {
    total: u64,
}

#[derive(Serialize, Deserialize, Shape)]
struct BankV1 {
    total: u8,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}
