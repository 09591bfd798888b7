use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command(version = 1)]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

struct Shop;

fn main() {
    memimage::Image::<Shop>::in_memory().unwrap();
}

// Help: Derive `Model` for the type, and write a block of commands.
