use std::cell::Cell;

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    #[shape(opaque = "a cell")]
    total: Cell<u64>,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        *self.total.get_mut() += by;
    }
}

fn main() {}

// Help: Use `Send` and `Sync` types only: several threads read a model.
