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

// Mend: Each call answers with a `Result`, since what is on the way to disk can fail: `bank.add(1)?`.
