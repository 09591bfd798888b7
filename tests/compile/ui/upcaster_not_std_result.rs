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

struct Result<T>(T);

#[memimage::upcast]
fn add_1(old: AddV1) -> Result<BankAdd> {
    Result(BankAdd { by: old.by.into() })
}

#[memimage::commands]
impl Bank {
    #[command()]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}

// Help: Return std's `Result`, or give your own type another name.
