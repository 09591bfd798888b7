use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    pub fn add(&mut self, by: u64) {
        self.total += by;
    }
}

#[derive(Default, Serialize, Deserialize, Shape)]
pub struct Volume {
    added: u64,
}


#[memimage::projection(of = Bank)]
#[derive(Default, Serialize, Deserialize, Shape)]
pub struct Count {
    count: u64,
}

fn main() {}
