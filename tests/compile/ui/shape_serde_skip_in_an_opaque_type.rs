use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
#[shape(opaque = "ids")]
pub struct Ids {
    next: u64,
    #[serde(skip)]
    free: Vec<u64>,
}

fn main() {}
