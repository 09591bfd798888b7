use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(groups(Adding, Subtracting))]
pub struct Bank {
    total: u64,
}

#[derive(Deserialize, Shape)]
pub struct AddV1 {
    by: u8,
}

#[memimage::upcast]
fn add_1(old: AddV1) -> BankAdd {
    BankAdd { by: old.by.into() }
}

#[memimage::commands(group = Adding)]
impl Bank {
    #[command(version = 2, history(AddV1))]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

#[memimage::commands(group = Subtracting)]
impl Bank {
    #[command(version = 2, history(AddV1))]
    fn subtract(&mut self, by: u64) {
        self.total -= by;
    }
}

fn main() {}

// Help: Use a separate type for each past version.
