use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape)]
pub struct Bank<T> {
    total: T,
}

#[memimage::commands]
impl<T> Bank<T> {
    #[command]
    fn set(&mut self, total: T) {
        self.total = total;
    }
}

fn main() {}
