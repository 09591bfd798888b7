use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self) {
        self.total = std::process::id().into();
        let _ = (std::env::var("BANK"), std::env::args());
        let _ = std::fs::read_to_string("bank.txt");
        let _ = (std::thread::current().id(), std::hash::RandomState::new());
    }
}

fn main() {}
