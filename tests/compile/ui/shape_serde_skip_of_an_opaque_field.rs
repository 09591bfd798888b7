use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
pub struct Ids {
    next: u64,
    #[shape(opaque = "free ids")]
    #[serde(skip_deserializing)]
    free: Vec<u64>,
}

fn main() {}
