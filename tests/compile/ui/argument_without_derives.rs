use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

pub struct By(u64);

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, by: By) {
        self.total += by.0;
    }
}

fn main() {}
