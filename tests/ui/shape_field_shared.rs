use std::sync::Arc;

use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
pub struct Holder {
    name: Arc<str>,
}

fn main() {}

// Mend: As the first message says. The others are those of serde's derive, and go with it.
