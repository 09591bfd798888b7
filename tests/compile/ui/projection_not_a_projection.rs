use memimage::{Model, Shape};
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


impl Volume {
    pub fn added(&self) -> u64 {
        self.added
    }
}

fn open(journal: &memimage::Journal<Bank>) {
    let _ = memimage::Projection::<Volume>::open(journal, "volume");
}

fn main() {}

// Help: Put `#[memimage::projection(of = Bank)]` on the impl block of the handlers.
