use memimage::Shape;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Shape)]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Name {
    #[serde(rename(serialize = "a", deserialize = "b"))]
    first_name: String,
}

fn main() {}
