use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

trait Adds {
    fn add(&mut self, by: u64);
}

#[memimage::commands]
impl Adds for Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {
    Bank::default().add(1);
}
