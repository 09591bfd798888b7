//! The confidentiality of an encrypted image: no file contains an argument of a command or a part of the model.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Error, Image, Keys, Metadata, Model, Options, Retention, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

use super::{CHAIN, CIPHER, keys};

/// A model full of words that are to be found nowhere.
#[derive(Clone, Debug, Serialize, Deserialize, Shape, Model)]
#[model(name = "registry")]
struct Registry {
    names_of_persons: Vec<String>,
    founder: String,
}

impl Default for Registry {
    fn default() -> Registry {
        Registry { names_of_persons: Vec::new(), founder: "thedefaultfounder".to_owned() }
    }
}

#[memimage::commands]
impl Registry {
    #[command]
    fn register_person(&mut self, name_of_the_person: String) {
        self.names_of_persons.push(name_of_the_person);
    }
}

/// Of payloads, metadata, names of events, fields and arguments, the model's state, its `Default` and its genesis.
const SECRETS: [&str; 7] = [
    "Rumpelstiltskin",
    "the metadata of it",
    "register_person",
    "name_of_the_person",
    "names_of_persons",
    "thedefaultfounder",
    "thegenesisfounder",
];

fn options(keys: Option<(Keys, Keys)>) -> Options<Registry> {
    let options = Image::<Registry>::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .retention(Retention::Events(10));
    match keys {
        Some((encryption, chain)) => options.encryption(encryption).chain(chain),
        None => options,
    }
}

/// Lives, is pruned, and loses power in the midst of a write; then opens again, so that there is something in each place.
fn life(keys: impl Fn() -> Option<(Keys, Keys)>, genesis: Option<Registry>) -> SimDisk {
    let disk = SimDisk::new();
    let open = |disk: &SimDisk, options: Options<Registry>| -> Result<Image<Registry>, Error> {
        options.open_with(Arc::new(disk.clone()), "/image")
    };
    let first = match genesis {
        Some(state) => options(keys()).genesis(state),
        None => options(keys()),
    };
    let image = open(&disk, first).unwrap();
    let teller = image.with(Metadata::actor("the metadata of it"));
    for number in 0..60 {
        teller.register_person(format!("Rumpelstiltskin {number}").repeat(30)).unwrap();
        if number % 15 == 14 {
            image.admin().snapshot().unwrap();
            assert_eq!(image.admin().stats().retention_failure, None);
        }
    }
    teller.register_person("Rumpelstiltskin ".repeat(100)).unwrap();
    Image::close(image).unwrap();
    // all frames are synced; a torn one is made by taking a sector from a copy of the last
    let path = last_segment(&disk);
    let bytes = disk.read(&path).unwrap();
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    let place = end.next_multiple_of(512);
    let torn = &bytes[end.next_multiple_of(512) - 1536..end];
    disk.write(&path, place as u64, &[&[0; 512], torn].concat()).unwrap();
    Image::close(open(&disk, options(keys())).unwrap()).unwrap();
    disk
}

fn last_segment(disk: &SimDisk) -> std::path::PathBuf {
    let mut segments = disk.files();
    segments.retain(|path| {
        path.extension().is_some_and(|extension| extension == "journal")
            && disk.read(path).unwrap()[4096..].iter().any(|&byte| byte != 0)
    });
    segments.sort();
    segments.pop().unwrap()
}

/// Which secrets stand in which files; whitened parts are looked at as the salt leaves them, and as it found them.
fn found(disk: &SimDisk) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for path in disk.files() {
        let bytes = disk.read(&path).unwrap();
        for secret in SECRETS {
            if visible(&bytes, secret.as_bytes()) {
                found.push((path.display().to_string(), secret));
            }
        }
    }
    found
}

/// Whether a text stands in a file, as it is or whitened. The salt is taken to be unknown, as it repeats after 8 bytes: two
/// bytes that are 8 apart differ by what they differ by in the text.
fn visible(bytes: &[u8], text: &[u8]) -> bool {
    let pattern: Vec<u8> = text.windows(9).map(|nine| nine[0] ^ nine[8]).collect();
    let plain = bytes.windows(text.len()).any(|window| window == text);
    // of four bytes or more, so that it is no accident
    let whitened = pattern.len() >= 4
        && bytes
            .windows(text.len())
            .any(|window| window.windows(9).map(|nine| nine[0] ^ nine[8]).eq(pattern.iter().copied()));
    plain || whitened
}

fn places(found: &[(String, &str)]) -> Vec<&'static str> {
    let places = [".journal", ".snapshot", ".base", ".torn"];
    places.into_iter().filter(|place| found.iter().any(|(path, _)| path.ends_with(place))).collect()
}

#[test]
fn no_file_contains_anything_of_the_model() {
    let given = Registry { names_of_persons: Vec::new(), founder: "thegenesisfounder".to_owned() };
    let without: Vec<_> =
        [None, Some(given.clone())].into_iter().flat_map(|given| found(&life(|| None, given))).collect();
    // the search finds what is there, in each sort of file
    assert_eq!(places(&without), [".journal", ".snapshot", ".base", ".torn"]);
    let shown: Vec<&str> =
        SECRETS.into_iter().filter(|secret| without.iter().any(|(_, found)| found == secret)).collect();
    assert_eq!(shown, SECRETS, "each is there if nothing hides it");

    let both = || Some((keys(CIPHER), keys(CHAIN)));
    for genesis in [None, Some(given)] {
        let disk = life(both, genesis);
        assert!(disk.files().iter().any(|path| path.extension().is_some_and(|end| end == "torn")));
        assert!(disk.files().iter().any(|path| path.extension().is_some_and(|end| end == "base")));
        assert_eq!(found(&disk), []);
    }
}

/// What is visible: the documents say so, and here it is held to them.
#[test]
fn the_name_of_the_model_and_the_seqs_are_visible_and_the_seed_is_not() {
    let disk = life(|| Some((keys(CIPHER), keys(CHAIN))), None);
    let seeds: Vec<Vec<u8>> = super::segments(&disk)
        .iter()
        .map(|path| {
            let bytes = disk.read(path).unwrap();
            assert!(bytes[..4096].windows(8).any(|window| window == b"registry"));
            bytes[56..88].to_vec()
        })
        .collect();
    assert!(seeds.len() > 1);
    assert!(seeds.windows(2).all(|pair| pair[0] != pair[1]), "the seed is encrypted in each segment by another nonce");
}
