use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[derive(Deserialize, Shape)]
struct RemoveV1 {
    by: u8,
}

#[memimage::commands(retired(name = "remove", history(RemoveV1)))]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}

// Help: Write one: `#[memimage::upcast] fn remove(old: RemoveV1) -> BankAdd { … }`, or `fn remove(_: RemoveV1) {}` to drop the event.
