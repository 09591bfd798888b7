use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Shape)]
#[serde(from = "u8", into = "u8")]
pub struct Small(u8);

impl From<u8> for Small {
    fn from(small: u8) -> Small {
        Small(small)
    }
}

impl From<Small> for u8 {
    fn from(small: Small) -> u8 {
        small.0
    }
}

fn main() {}
