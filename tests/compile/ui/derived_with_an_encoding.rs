use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod pairs {
    use std::collections::BTreeMap;

    pub fn serialize<S: serde::Serializer>(_: &BTreeMap<String, u32>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(_: D) -> Result<BTreeMap<String, u32>, D::Error> {
        Ok(BTreeMap::new())
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = reindex)]
pub struct People {
    names: BTreeMap<u32, String>,
    #[model(derived)]
    #[serde(skip, with = "pairs")]
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
