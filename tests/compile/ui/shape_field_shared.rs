use std::sync::Arc;

use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
pub struct Holder {
    name: Arc<str>,
}

fn main() {}

// Help: Follow the first message. serde's derive reports the others for the same field.
