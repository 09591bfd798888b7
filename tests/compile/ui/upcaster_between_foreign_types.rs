use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::upcast]
fn add_1(old: u32) -> Option<u64> {
    Some(old.into())
}

#[memimage::commands]
impl Bank {
    #[command()]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}

// Help: Move the upcaster to the crate of the past type or of the type that it returns, or wrap one of them.
