use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn once(&mut self) {
        self.total = 0;
    }
}

fn main() {}
