use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

fn add_1(by: u8) -> u64 {
    by.into()
}

#[memimage::commands]
impl Bank {
    #[command(version = 2, history(value = add_1))]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}

// Help: Take a `memimage::Value` and return one.
