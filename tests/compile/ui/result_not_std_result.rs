use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

pub struct Result;

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) -> Result {
        self.total += by;
        Result
    }
}

fn main() {}

// Help: Return std's `Result`, or give your own type another name.
