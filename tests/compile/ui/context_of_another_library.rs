use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

pub struct Context {
    most: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn add(&mut self, context: &Context, by: u64) {
        self.total += by.min(context.most);
    }
}

fn main() {}
