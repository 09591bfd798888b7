use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape)]
pub struct Bank<T> {
    total: T,
}

#[memimage::commands]
impl Bank<u64> {
    #[command]
    fn set(&mut self, total: u64) {
        self.total = total;
    }
}

fn main() {}
