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
fn add_1(old: AddV1) -> AddV2 {
    AddV2 { by: old.by.into() }
}

#[derive(Deserialize, Shape)]
struct AddV2 {
    by: u16,
}

#[memimage::commands]
impl Bank {
    #[command(version = 3, history(AddV1, AddV2))]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}
