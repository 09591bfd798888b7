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

impl AddV1 {
    #[memimage::upcast]
    fn onward(self) -> BankAdd {
        BankAdd { by: self.by.into() }
    }
}

#[memimage::commands]
impl Bank {
    #[command()]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}
