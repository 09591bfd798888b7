use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(groups(Adding))]
pub struct Bank {
    total: u64,
}

#[memimage::commands(group = Adding)]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

#[memimage::commands]
impl Bank {
    #[command]
    fn subtract(&mut self, by: u64) {
        self.total -= by;
    }
}

fn main() {}

// Help: Give the block a `group = Name` too, and list it.
