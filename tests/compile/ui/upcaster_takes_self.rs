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

#[memimage::commands]
impl Bank {
    #[command()]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

impl Bank {
    #[memimage::upcast]
    fn add_1(&self, old: AddV1) -> BankAdd {
        BankAdd { by: self.total + u64::from(old.by) }
    }
}

fn main() {}
