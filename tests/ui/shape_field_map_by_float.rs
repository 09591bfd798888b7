use std::collections::HashMap;

use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
pub struct Holder {
    prices: HashMap<f32, u64>,
}

fn main() {}

// Mend: As the first message says. The others are those of serde's derive, and go with it.
