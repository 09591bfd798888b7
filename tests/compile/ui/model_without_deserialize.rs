use memimage::{Model, Shape};
use serde::Serialize;

#[derive(Default, Serialize, Shape, Model)]
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

// Help: Derive `Deserialize` for the model.
