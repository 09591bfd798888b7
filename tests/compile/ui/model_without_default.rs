use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape, Model)]
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

fn main() {}

// Help: Derive or implement `Default`, which is the state before the first event.
