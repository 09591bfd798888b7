use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
pub enum Kind {
    One(u8),
    #[serde(skip)]
    Other,
}

fn main() {}
