use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[derive(Deserialize, Shape)]
struct AddV1<T> {
    by: T,
}

#[memimage::upcast]
fn add_1<T: Into<u64>>(old: AddV1<T>) -> BankAdd {
    BankAdd { by: old.by.into() }
}

#[memimage::commands]
impl Bank {
    #[command(version = 2, history(AddV1<u8>))]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}
