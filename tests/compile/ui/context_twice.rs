use memimage::{Context, Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, one: &Context, two: &Context) {
        let _ = (one, two);
    }
}

fn main() {}
