use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(groups(Adding, Subtracting))]
pub struct Bank {
    total: u64,
}

struct Subtracting;

#[memimage::commands(group = Adding)]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}

// Help: List the name that the block has in `#[memimage::commands(group = Name)]`.
