//! Maps and sets of other crates, which a shape describes only by name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Model, Shape};
use serde::{Deserialize, Serialize};

use super::{IMAGE, assert_sound, open, options, snapshots};

/// Stands for a hash map of another crate: it has no shape, and the order of its entries differs in each process.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct ForeignMap<V>(HashMap<u32, V>);

/// Stands for a hash set of another crate.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct ForeignSet(HashSet<u32>);

/// A type of the program around such a map.
#[derive(Default, Serialize, Deserialize, Shape)]
#[shape(opaque = "Tags", unordered)]
struct Tags {
    by_number: ForeignMap<String>,
    limit: Option<u32>,
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Log {
    #[shape(opaque = "foreign::Map<u32, u32>", unordered)]
    map: ForeignMap<u32>,
    #[shape(opaque = "foreign::Map<u32, Map<u32, u32>>", unordered)]
    nested: ForeignMap<ForeignMap<u32>>,
    #[shape(opaque = "foreign::Set<u32>", unordered)]
    set: ForeignSet,
    tags: Tags,
}

#[memimage::commands]
impl Log {
    #[command]
    fn set(&mut self, key: u32, value: u32) {
        self.map.0.insert(key, value);
        self.nested.0.entry(key % 7).or_default().0.insert(key, value);
        self.set.0.insert(value);
        self.tags.by_number.0.insert(key, value.to_string());
        self.tags.limit = Some(key);
    }

    #[command]
    fn merge(&mut self, #[shape(opaque = "foreign::Set<u32>", unordered)] more: ForeignSet) -> usize {
        self.set.0.extend(more.0);
        self.set.0.len()
    }
}

#[test]
fn the_order_of_a_foreign_map_or_set_does_not_count_if_it_is_declared_unordered() {
    let disk = SimDisk::new();
    let image = open::<Log>(&disk).unwrap();
    for round in 0..3 {
        (0..30).for_each(|key| image.set(key + round, key).unwrap());
        assert_eq!(image.merge(ForeignSet((100..110 + round).collect())).unwrap(), 40 + round as usize);
        assert!(image.admin().snapshot().unwrap().verified);
    }
    let live = image.query(|log| memimage::digest(log).unwrap()).unwrap();
    Image::close(image).unwrap();
    assert_sound(&disk);
    // from the newest snapshot, and from genesis along all recorded digests
    for _ in 0..2 {
        let image = open::<Log>(&disk).unwrap();
        assert_eq!(image.admin().stats().recovery.unusable_snapshots, []);
        assert_eq!(image.query(|log| memimage::digest(log).unwrap()).unwrap(), live);
        assert_eq!(image.query(|log| (log.map.0.len(), log.set.0.len())).unwrap(), (32, 42));
        Image::close(image).unwrap();
        snapshots(&disk).iter().for_each(|path| memimage::disk::Disk::remove(&disk, path).unwrap());
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Undeclared {
    #[shape(opaque = "foreign::Map<u32, u32>")]
    map: ForeignMap<u32>,
}

#[memimage::commands]
impl Undeclared {
    #[command]
    fn set(&mut self, key: u32, value: u32) {
        self.map.0.insert(key, value);
    }
}

/// Regression: the digest of the failed snapshot stayed in the journal, and each later open was refused.
#[test]
fn a_foreign_map_whose_order_counts_gets_no_snapshot_and_its_image_opens() {
    let disk = SimDisk::new();
    let image = open::<Undeclared>(&disk).unwrap();
    (0..30).for_each(|key| image.set(key, key).unwrap());
    let error = image.admin().snapshot().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Diverged | ErrorKind::InvalidModel), "{error}");
    assert!(error.to_string().contains("declare the map or set unordered"), "{error}");
    image.set(100, 1).unwrap();
    Image::close(image).unwrap();
    for _ in 0..3 {
        let image = open::<Undeclared>(&disk).unwrap();
        assert_eq!(image.query(|log| log.map.0.len()).unwrap(), 31);
        Image::close(image).unwrap();
    }
    // even if an operator ignores digests and makes a snapshot
    let ignoring = || options::<Undeclared>().verify_digests(false).verify_snapshots(false);
    let image = ignoring().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert!(image.admin().snapshot().is_err(), "the snapshot is not loaded as it was serialized");
    Image::close(image).unwrap();
    assert!(open::<Undeclared>(&disk).is_ok());
}
