//! An index is no part of the model's shape: it may come and go between two programs.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::shape::{ShapeTree, fingerprint};
use memimage::{Image, Seq, Shape};

use super::directory::{People, PeopleCommands as _};
use super::{IMAGE, open, options};

/// The program without the index.
mod without_index {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "People")]
    pub struct People {
        pub names: BTreeMap<u32, String>,
        pub found: Vec<u32>,
    }

    #[memimage::commands]
    impl People {
        #[command]
        pub fn add(&mut self, id: u32, name: String) {
            self.names.insert(id, name);
        }

        #[command]
        pub fn find(&mut self, name: String) -> Option<u32> {
            let found = self.names.iter().find(|(_, other)| **other == name).map(|(id, _)| *id);
            self.found.extend(found);
            found
        }
    }
}

/// The program with the index in the middle, and a further index.
mod with_other_indexes {
    use std::collections::{BTreeMap, HashMap};

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "People", rebuild = reindex)]
    pub struct People {
        #[model(derived)]
        #[serde(skip)]
        longest: usize,
        pub names: BTreeMap<u32, String>,
        #[model(derived)]
        #[serde(skip, default = "empty")]
        by_name: HashMap<String, u32>,
        pub found: Vec<u32>,
    }

    fn empty() -> HashMap<String, u32> {
        HashMap::with_capacity(100)
    }

    #[memimage::commands]
    impl People {
        #[command]
        pub fn add(&mut self, id: u32, name: String) {
            self.longest = self.longest.max(name.len());
            self.names.insert(id, name.clone());
            self.by_name.insert(name, id);
        }

        #[command]
        pub fn find(&mut self, name: String) -> Option<u32> {
            let found = self.by_name.get(&name).copied();
            self.found.extend(found);
            found
        }
    }

    impl People {
        fn reindex(&mut self) {
            self.longest = self.names.values().map(String::len).max().unwrap_or_default();
            self.by_name.extend(self.names.iter().map(|(id, name)| (name.clone(), *id)));
        }
    }
}

#[test]
fn an_index_is_no_part_of_shape_fingerprint_and_digest() {
    type Plain = without_index::People;
    type Other = with_other_indexes::People;
    assert_eq!(
        ShapeTree::of(People::SHAPE).to_string(),
        "{names: ordered_map<u32, string>, found: list<u32>}".replace("ordered_map", "map")
    );
    for shape in [Plain::SHAPE, Other::SHAPE] {
        assert_eq!(fingerprint(shape), fingerprint(People::SHAPE));
    }
    let mut people = People::default();
    let empty = memimage::digest(&people).unwrap();
    people.by_name.insert("ann".to_owned(), 1);
    assert_eq!(memimage::digest(&people).unwrap(), empty);
    assert_eq!(memimage::digest(&Plain::default()).unwrap(), empty);
    assert_eq!(memimage::digest(&Other::default()).unwrap(), empty);
}

/// Opens the image from its newest snapshot, uses the index, and makes another snapshot.
macro_rules! next_program {
    ($program:ident, $disk:ident, $snapshot:expr, $found:expr) => {{
        use $program::PeopleCommands as _;
        let people = open::<$program::People>(&$disk);
        let recovery = people.admin().stats().recovery;
        assert_eq!((recovery.snapshot, recovery.replayed), (Some(Seq::new($snapshot)), 1));
        assert_eq!(recovery.unusable_snapshots, []);
        assert_eq!(people.query(|people| people.found.clone()).unwrap(), $found);
        people.add(3, "cleo".to_owned()).unwrap();
        assert!(people.admin().snapshot().unwrap().verified);
        assert_eq!(people.find("cleo".to_owned()).unwrap(), Some(3));
        Image::close(people).unwrap();
    }};
}

#[test]
fn snapshots_stay_usable_when_an_index_is_added_moved_or_removed() {
    use super::directory;
    let disk = SimDisk::new();
    let people = open::<People>(&disk);
    people.add(1, "ann".to_owned()).unwrap();
    people.admin().snapshot().unwrap();
    people.find("ann".to_owned()).unwrap();
    Image::close(people).unwrap();
    next_program!(without_index, disk, 1, [1]);
    next_program!(with_other_indexes, disk, 3, [1, 3]);
    next_program!(directory, disk, 5, [1, 3, 3]);
}

/// A program with another shape of the model, and an upcaster of the state that leaves the index empty.
mod second {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "People", version = 2, history(PeopleV1), rebuild = reindex)]
    pub struct People {
        pub names: BTreeMap<u32, (String, u8)>,
        pub found: Vec<u32>,
        #[model(derived)]
        #[serde(skip)]
        by_name: BTreeMap<String, u32>,
    }

    /// The struct as it was, with its index.
    #[derive(Serialize, Deserialize, Shape)]
    pub struct PeopleV1 {
        names: BTreeMap<u32, String>,
        found: Vec<u32>,
        #[model(derived)]
        #[serde(skip)]
        by_name: BTreeMap<String, u32>,
    }

    #[memimage::upcast]
    fn add_the_age(old: PeopleV1) -> People {
        assert!(old.by_name.is_empty(), "nothing rebuilds the index of a past state");
        let names = old.names.into_iter().map(|(id, name)| (id, (name, 0))).collect();
        People { names, found: old.found, by_name: BTreeMap::new() }
    }

    #[memimage::commands]
    impl People {
        #[command]
        pub fn add(&mut self, id: u32, name: String) {
            self.names.insert(id, (name.clone(), 0));
            self.by_name.insert(name, id);
        }

        #[command]
        pub fn find(&mut self, name: String) -> Option<u32> {
            let found = self.by_name.get(&name).copied();
            self.found.extend(found);
            found
        }
    }

    impl People {
        fn reindex(&mut self) {
            self.by_name = self.names.iter().map(|(id, (name, _))| (name.clone(), *id)).collect();
        }
    }
}

#[test]
fn the_index_is_rebuilt_after_a_state_was_upcast() {
    let disk = SimDisk::new();
    let people = open::<People>(&disk);
    people.add(1, "ann".to_owned()).unwrap();
    people.admin().snapshot().unwrap();
    people.find("ann".to_owned()).unwrap();
    Image::close(people).unwrap();
    let people = options::<second::People>().open_with(Arc::new(disk), IMAGE).unwrap();
    let recovery = people.admin().stats().recovery;
    assert_eq!((recovery.snapshot, recovery.unusable_snapshots.len()), (Some(Seq::new(1)), 0));
    assert_eq!(people.query(|people| people.found.clone()).unwrap(), [1]);
    assert!(people.admin().snapshot().unwrap().verified);
}
