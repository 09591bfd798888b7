//! The index is there after each kind of start, before the first event is replayed.

use std::path::Path;
use std::sync::Arc;

use memimage::admin::{Rewrite, Void};
use memimage::disk::{Disk as _, SimDisk};
use memimage::{Image, Retention, Seq};

use super::directory::{People, PeopleCommands as _, unindexed};
use super::{IMAGE, open, options};

/// Two people and a snapshot, and then a command that uses the index.
fn recorded() -> SimDisk {
    let disk = SimDisk::new();
    let people = open::<People>(&disk);
    people.add(1, "ann".to_owned()).unwrap();
    people.add(2, "bob".to_owned()).unwrap();
    assert!(people.admin().snapshot().unwrap().verified);
    assert_eq!(people.find("bob".to_owned()).unwrap(), Some(2));
    Image::close(people).unwrap();
    disk
}

#[track_caller]
fn assert_indexed(people: &Image<People>) {
    let (found, index) = people.query(|people| (people.found.clone(), people.by_name.clone())).unwrap();
    assert_eq!(found, [2]);
    assert_eq!(index.into_iter().collect::<Vec<_>>(), [("ann".to_owned(), 1), ("bob".to_owned(), 2)]);
}

#[test]
fn the_index_is_rebuilt_from_a_snapshot_before_the_later_events_are_replayed() {
    let people = open::<People>(&recorded());
    let recovery = people.admin().stats().recovery;
    assert_eq!((recovery.snapshot, recovery.replayed), (Some(Seq::new(2)), 1));
    assert_indexed(&people);
}

#[test]
fn the_index_is_maintained_by_a_replay_from_the_first_event() {
    let disk = recorded();
    disk.remove(Path::new(&format!("{IMAGE}/snapshot/00000000000000000002.snapshot"))).unwrap();
    let people = open::<People>(&disk);
    assert_eq!(people.admin().stats().recovery.snapshot, None);
    assert_indexed(&people);
}

#[test]
fn the_index_of_a_given_genesis_is_rebuilt_at_the_creation_and_at_each_start() {
    let disk = SimDisk::new();
    let people = options().genesis(unindexed()).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!(people.find("bob".to_owned()).unwrap(), Some(2));
    Image::close(people).unwrap();
    assert_indexed(&open(&disk));
}

#[test]
fn the_index_is_rebuilt_after_a_panic_in_a_body() {
    let disk = recorded();
    let people = open::<People>(&disk);
    people.add(3, "nobody".to_owned()).unwrap_err();
    assert_indexed(&people);
}

#[test]
fn the_index_is_rebuilt_from_the_base_of_a_pruned_journal() {
    let disk = SimDisk::new();
    let open = || options::<People>().retention(Retention::Events(1)).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let people = open();
    people.add(1, "ann".to_owned()).unwrap();
    people.add(2, "bob".to_owned()).unwrap();
    for _ in 0..4 {
        (0..400).for_each(|_| people.add(1, "ann".to_owned()).unwrap());
        people.admin().snapshot().unwrap();
    }
    assert_eq!(people.find("bob".to_owned()).unwrap(), Some(2));
    Image::close(people).unwrap();
    for path in disk.files().into_iter().filter(|path| path.starts_with(format!("{IMAGE}/snapshot"))) {
        if path.extension().is_some_and(|extension| extension == "snapshot") {
            disk.remove(&path).unwrap();
        }
    }
    let people = open();
    let recovery = people.admin().stats().recovery;
    assert!(recovery.snapshot.is_some_and(|base| base > Seq::new(400)), "{recovery:?}");
    assert_indexed(&people);
}

/// A model whose `Default` has data, and no index of them.
mod with_default {
    use std::collections::BTreeMap;

    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, Shape, Model)]
    #[model(rebuild = reindex)]
    pub struct Currencies {
        names: BTreeMap<u32, String>,
        #[model(derived)]
        #[serde(skip)]
        by_name: BTreeMap<String, u32>,
    }

    impl Default for Currencies {
        fn default() -> Currencies {
            Currencies { names: BTreeMap::from([(978, "EUR".to_owned())]), by_name: BTreeMap::new() }
        }
    }

    impl Currencies {
        fn reindex(&mut self) {
            self.by_name = self.names.iter().map(|(id, name)| (name.clone(), *id)).collect();
        }
    }

    #[memimage::commands]
    impl Currencies {
        #[command]
        pub fn number(&mut self, name: String) -> Option<u32> {
            self.by_name.get(&name).copied()
        }
    }
}

#[test]
fn the_index_of_the_default_is_rebuilt_at_the_creation_and_at_each_start() {
    use with_default::{Currencies, CurrenciesCommands as _, CurrenciesNumber};
    let disk = SimDisk::new();
    for _ in 0..2 {
        let currencies = open::<Currencies>(&disk);
        assert_eq!(currencies.number("EUR".to_owned()).unwrap(), Some(978));
        Image::close(currencies).unwrap();
    }
    memimage::testing::given::<Currencies>().when(CurrenciesNumber { name: "EUR".to_owned() }).then_ok(Some(978));
}

#[test]
fn the_index_is_in_a_rewritten_image_and_in_one_with_a_void_event() {
    let disk = recorded();
    Rewrite::<People>::new().run_with(Arc::new(disk.clone()), IMAGE, "/rewritten").unwrap();
    let rewritten = options::<People>().open_with(Arc::new(disk.clone()), "/rewritten").unwrap();
    assert_indexed(&rewritten);

    Void::new(Seq::new(3), "not needed").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let people = open::<People>(&disk);
    assert_eq!(people.query(|people| people.found.len()).unwrap(), 0);
    assert_eq!(people.find("bob".to_owned()).unwrap(), Some(2));
    assert_indexed(&people);
}
