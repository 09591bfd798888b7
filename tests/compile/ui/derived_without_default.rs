use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Has no `Default`.
pub struct Index(BTreeMap<String, u32>);

#[derive(Serialize, Deserialize, Shape, Model)]
#[model(rebuild = reindex)]
pub struct People {
    names: BTreeMap<u32, String>,
    #[model(derived)]
    #[serde(skip)]
    by_name: Index,
}

impl Default for People {
    fn default() -> People {
        People { names: BTreeMap::new(), by_name: Index(BTreeMap::new()) }
    }
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
        self.by_name = Index(self.names.iter().map(|(id, name)| (name.clone(), *id)).collect());
    }
}

fn main() {}

// Help: Implement `Default` for the type, or write `#[serde(skip, default = "function")]`.
