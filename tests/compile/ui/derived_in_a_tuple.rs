use memimage::Shape;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Default, Serialize, Deserialize, Shape)]
pub struct Names(
    BTreeMap<u32, String>,
    #[model(derived)]
    #[serde(skip)]
    BTreeMap<String, u32>,
);

fn main() {}
