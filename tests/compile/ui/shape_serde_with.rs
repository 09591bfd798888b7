use memimage::Shape;
use serde::{Deserialize, Serialize};

mod hex {
    pub fn serialize<S: serde::Serializer>(_: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("")
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(_: D) -> Result<u64, D::Error> {
        Ok(0)
    }
}

#[derive(Serialize, Deserialize, Shape)]
pub struct Name {
    #[serde(with = "hex")]
    hash: u64,
}

fn main() {}
