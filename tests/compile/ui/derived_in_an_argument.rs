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

impl Names {
    fn reindex(&mut self) {
        self.by_name = self.by_id.iter().map(|(id, name)| (name.clone(), *id)).collect();
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = reindex)]
pub struct People {
    names: Names,
}

#[memimage::commands]
impl People {
    #[command]
    fn import(&mut self, names: Names) {
        self.names = names;
    }
}

impl People {
    fn reindex(&mut self) {
        self.names.reindex();
    }
}

fn main() {}
