use memimage::Shape;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Default, Serialize, Deserialize, Shape)]
#[shape(opaque = "names")]
pub struct Names {
    by_id: BTreeMap<u32, String>,
    #[model(derived)]
    #[serde(skip)]
    by_name: BTreeMap<String, u32>,
}

fn main() {}
