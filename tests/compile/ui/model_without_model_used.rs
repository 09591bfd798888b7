use memimage::{Image, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape)]
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
    let bank = Image::<Bank>::in_memory().unwrap();
    bank.add(1).unwrap();
    bank.query(|bank| bank.total).unwrap();
}

// Help: Derive `Model` for the type. The compiler reports each place that needs it.
