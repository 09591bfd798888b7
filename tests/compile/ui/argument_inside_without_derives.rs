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
    fn add(&mut self, first: u64, all: Vec<By>) {
        self.total += all.iter().map(|by| by.0).sum::<u64>() + first;
    }
}

fn main() {}
