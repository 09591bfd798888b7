use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[derive(Serialize, Deserialize, Shape)]
pub struct Limits {
    most: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, limits: &Limits, by: u64) {
        self.total += by.min(limits.most);
    }
}

fn main() {}
