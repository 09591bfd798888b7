use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct Bank {
    total: u64,
}

fn main() {}

// Mend: Write a block of commands; where several are groups, list them: `#[model(groups(…))]`.
