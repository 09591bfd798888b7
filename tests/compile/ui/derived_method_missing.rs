use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = reindex)]
pub struct People {
    names: BTreeMap<u32, String>,
    #[model(derived)]
    #[serde(skip)]
    by_name: BTreeMap<String, u32>,
}

#[memimage::commands]
impl People {
    #[command]
    fn add(&mut self, id: u32, name: String) {
        self.names.insert(id, name);
    }
}

fn main() {}

// Help: Write the method in an impl block of the model: `fn reindex(&mut self) { … }`.
