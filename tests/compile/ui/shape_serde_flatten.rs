use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
pub struct Inner {
    one: u8,
}

#[derive(Serialize, Deserialize, Shape)]
pub struct Outer {
    #[serde(flatten)]
    inner: Inner,
}

fn main() {}
