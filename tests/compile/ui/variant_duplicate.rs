use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add_more(&mut self) {}

    #[command(payload = Another)]
    fn add__more(&mut self) {}
}

fn main() {}
