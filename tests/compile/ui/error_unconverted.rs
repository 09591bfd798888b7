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

    fn can_add(&self) -> Result<(), String> {
        Ok(())
    }
}

fn main() -> Result<(), String> {
    let bank = memimage::Image::<Bank>::in_memory().unwrap();
    bank.add(1)?;
    Ok(())
}

// Help: Convert the error: a call fails with `memimage::Error`, or with `CommandError` of the command's refusal.
