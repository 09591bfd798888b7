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
    bank.query(|bank| bank.total += 1).unwrap();
}

// Help: Change the model in a command: a query only reads.
