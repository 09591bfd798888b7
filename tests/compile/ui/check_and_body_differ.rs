use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command(check = can_add)]
    fn add(&mut self, by: u64) -> Result<u64, u8> {
        self.total.checked_add(by).ok_or(1)
    }

    fn can_add(&self) -> Result<(), String> {
        Ok(())
    }
}

fn main() {}

// Help: Give both the same error type, such as one enum with a variant for each reason.
