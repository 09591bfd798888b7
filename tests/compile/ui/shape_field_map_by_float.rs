use std::collections::HashMap;

use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
pub struct Holder {
    prices: HashMap<f32, u64>,
}

fn main() {}

// Help: Follow the first message. serde's derive reports the others for the same field.
