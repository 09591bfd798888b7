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
        self.total = rand::random();
        self.total += rand::rng().random::<u64>();
        self.total += thread_rng().random::<u64>();
        let _ = (Uuid::new_v4(), Uuid::now_v7());
    }
}

fn main() {}
