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
    let _: () = bank.add(1);
}

// Help: Handle the `Result`: every call can fail before it is durable, `bank.add(1)?`.
