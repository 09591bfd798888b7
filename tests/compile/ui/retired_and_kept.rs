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

#[memimage::upcast]
fn remove(old: RemoveV1) -> BankAdd {
    BankAdd { by: old.by.into() }
}

#[memimage::commands(retired(name = "remove", history(RemoveV1)))]
impl Bank {
    #[command]
    fn add(&mut self, by: u64) {
        self.total += by;
    }

    #[command(replay_only)]
    fn remove(&mut self, by: u8) {
        self.total -= u64::from(by);
    }
}

fn main() {}
