use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}

// Help: Derive `Model` for the type.
