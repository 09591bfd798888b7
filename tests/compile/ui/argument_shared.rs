use std::sync::Arc;

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

#[memimage::commands]
impl Bank {
    #[command]
    fn name(&mut self, name: Arc<str>) {
        self.total += name.len() as u64;
    }
}

fn main() {}
