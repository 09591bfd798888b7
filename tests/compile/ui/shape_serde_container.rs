use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
#[serde(tag = "kind", content = "of")]
pub enum Kind {
    One(u8),
    Other(String),
}

fn main() {}
