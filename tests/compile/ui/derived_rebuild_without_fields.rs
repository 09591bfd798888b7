use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = reindex)]
pub struct People {
    names: BTreeMap<u32, String>,
    by_name: BTreeMap<String, u32>,
}

#[memimage::commands]
impl People {
    #[command]
    fn add(&mut self, id: u32, name: String) {
        self.names.insert(id, name);
    }
}

impl People {
    fn reindex(&mut self) {
        self.by_name = self.names.iter().map(|(id, name)| (name.clone(), *id)).collect();
    }
}

fn main() {}
