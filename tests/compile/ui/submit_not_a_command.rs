use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command()]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {
    let bank = memimage::Image::<Bank>::in_memory().unwrap();
    bank.submit("add").unwrap();
}

// Help: Submit a payload: `BankAdd { by: 1 }`.
