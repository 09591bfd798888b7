use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[derive(Deserialize, Shape)]
struct AddV1 {
    by: u8,
}

struct Refused;

#[memimage::upcast]
fn add_1(old: AddV1) -> Result<BankAdd, Refused> {
    match old.by {
        0 => Err(Refused),
        by => Ok(BankAdd { by: by.into() }),
    }
}

#[memimage::commands]
impl Bank {
    #[command(version = 2, history(AddV1))]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}

// Help: Implement `std::error::Error` for the error, or return a text.
