use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command(replay_only, check = can_add)]
    fn add(&mut self, by: u64) {
        self.total += by;
    }

    fn can_add(&self) -> Result<(), String> {
        Ok(())
    }
}

fn main() {}
