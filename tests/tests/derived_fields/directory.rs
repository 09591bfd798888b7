//! The model: people by their numbers, with an index by name.

use std::collections::BTreeMap;

use memimage::{Model, Shape};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(name = "People", rebuild = reindex)]
pub struct People {
    pub names: BTreeMap<u32, String>,
    /// The people whom [`People::find`] found.
    pub found: Vec<u32>,
    #[model(derived)]
    #[serde(skip)]
    pub by_name: BTreeMap<String, u32>,
}

#[memimage::commands]
impl People {
    #[command]
    pub fn add(&mut self, id: u32, name: String) {
        assert_ne!(name, "nobody", "everybody has a name");
        if let Some(before) = self.names.insert(id, name.clone()) {
            self.by_name.remove(&before);
        }
        self.by_name.insert(name, id);
    }

    /// Finds a person by the index. The effect depends on the index alone.
    #[command]
    pub fn find(&mut self, name: String) -> Option<u32> {
        let found = self.by_name.get(&name).copied();
        self.found.extend(found);
        found
    }
}

impl People {
    fn reindex(&mut self) {
        self.by_name = self.names.iter().map(|(id, name)| (name.clone(), *id)).collect();
    }
}

/// A state without its index.
pub fn unindexed() -> People {
    People { names: BTreeMap::from([(1, "ann".to_owned()), (2, "bob".to_owned())]), ..People::default() }
}
