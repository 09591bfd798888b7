use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::upcast]
fn add_1(old: u32) -> BankAdd {
    BankAdd { by: old.into() }
}

#[memimage::commands]
impl Bank {
    #[command(version = 2, history(u32))]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}
