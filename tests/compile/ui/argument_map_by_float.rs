use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, prices: std::collections::BTreeMap<f32, u64>) {
        self.total += prices.values().sum::<u64>();
    }
}

fn main() {}
