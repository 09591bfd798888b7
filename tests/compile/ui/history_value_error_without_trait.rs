use memimage::{Model, Shape, Value};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

struct Refused;

fn add_1(_value: Value) -> Result<Value, Refused> {
    Err(Refused)
}

#[memimage::commands]
impl Bank {
    #[command(version = 2, history(value = add_1))]
    fn add(&mut self, by: u64) {
        self.total += by;
    }
}

fn main() {}

// Help: Return a type that implements `std::error::Error`, a `String` or a `&str` as the error.
