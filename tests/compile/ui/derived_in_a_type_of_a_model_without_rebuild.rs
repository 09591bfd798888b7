use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Default, Serialize, Deserialize, Shape)]
pub struct Names {
    by_id: BTreeMap<u32, String>,
    #[model(derived)]
    #[serde(skip)]
    by_name: BTreeMap<String, u32>,
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
pub struct People {
    names: Names,
}

#[memimage::commands]
impl People {
    #[command]
    fn add(&mut self, id: u32, name: String) {
        self.names.by_id.insert(id, name.clone());
        self.names.by_name.insert(name, id);
    }
}

fn main() {}
