use memimage::{EventInfo, Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    pub fn add(&mut self, by: u64) {
        self.total += by;
    }
}

#[derive(Default, Serialize, Deserialize, Shape)]
pub struct Volume {
    added: u64,
}

#[memimage::projection(of = Bank)]
impl Volume {
    #[on]
    fn add(&mut self, event: &BankAdd, _: &EventInfo<'_>, more: u64) {
        self.added += event.by + more;
    }
}

fn main() {}
