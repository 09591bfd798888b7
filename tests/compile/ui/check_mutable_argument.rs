use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command(check = can_add)]
    fn add(&mut self, by: u64) {
        self.total += by;
    }

    fn can_add(&self, by: &mut u64) -> Result<(), String> {
        *by = 0;
        Ok(())
    }
}

fn main() {}
