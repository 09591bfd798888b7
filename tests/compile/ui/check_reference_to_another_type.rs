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
    #[command(check = can_add)]
    fn add(&mut self, by: u64) {
        self.total += by;
    }

    fn can_add(&self, limits: &Limits) -> Result<(), u64> {
        if self.total < limits.most { Ok(()) } else { Err(limits.most) }
    }
}

fn main() {}
