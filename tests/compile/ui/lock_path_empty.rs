use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Bank;

#[memimage::commands(lock = "")]
impl Bank {
    #[command]
    fn deposit(&mut self) {}
}

fn main() {}
