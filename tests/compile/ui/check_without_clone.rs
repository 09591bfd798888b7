use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[derive(Serialize, Deserialize, Shape)]
pub struct By(u64);

#[memimage::commands]
impl Bank {
    #[command(check = can_add)]
    fn add(&mut self, by: By) {
        self.total += by.0;
    }

    fn can_add(&self, by: By) -> Result<(), String> {
        let _ = by.0;
        Ok(())
    }
}

fn main() {}

// Help: Take the argument by `&`, or derive `Clone` for it.
