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

#[memimage::upcast]
fn add(old: AddV1) -> BankAdd {
    BankAdd { by: old.by.into() }
}

#[memimage::commands(retired(name = "add", history(AddV1)))]
impl Bank {
    #[command(version = 2)]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}
