use memimage::{Context, Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, ctx: &mut Context) {
        let _ = ctx;
    }
}

fn main() {}
