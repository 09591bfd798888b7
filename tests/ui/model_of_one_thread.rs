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

// Mend: A model is read by many threads: keep plain values in it, or what is `Send` and `Sync`.
