//! The confidentiality of an encrypted image: no file contains an argument of a command or a part of the model.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Error, Image, Keys, Metadata, Model, Options, Retention, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

use super::{CHAIN, CIPHER, keys};

/// A model with strings that no file may contain.
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

/// Strings from payloads, metadata, names of events, fields and arguments, the state, its `Default` and its genesis.
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

/// Creates an image with all kinds of files: a pruned journal, snapshots, and a quarantined torn write.
fn image_with_all_files(keys: impl Fn() -> Option<(Keys, Keys)>, genesis: Option<Registry>) -> SimDisk {
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
    // all frames are synced; a part of the last one is copied as a torn write
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

/// The secrets in each file, in plain text or whitened.
fn find_secrets(disk: &SimDisk) -> Vec<(String, &'static str)> {
    let mut find_secrets = Vec::new();
    for path in disk.files() {
        let bytes = disk.read(&path).unwrap();
        for secret in SECRETS {
            if contains(&bytes, secret.as_bytes()) {
                find_secrets.push((path.display().to_string(), secret));
            }
        }
    }
    find_secrets
}

/// Whether a file contains a text, in plain text or whitened with an unknown salt. The salt repeats after 8 bytes, so bytes at
/// that distance differ as in the text.
fn contains(bytes: &[u8], text: &[u8]) -> bool {
    let pattern: Vec<u8> = text.windows(9).map(|nine| nine[0] ^ nine[8]).collect();
    let plain = bytes.windows(text.len()).any(|window| window == text);
    // at least four bytes, to exclude coincidence
    let whitened = pattern.len() >= 4
        && bytes
            .windows(text.len())
            .any(|window| window.windows(9).map(|nine| nine[0] ^ nine[8]).eq(pattern.iter().copied()));
    plain || whitened
}

fn kinds_of_files(find_secrets: &[(String, &str)]) -> Vec<&'static str> {
    let kinds_of_files = [".journal", ".snapshot", ".base", ".torn"];
    kinds_of_files.into_iter().filter(|place| find_secrets.iter().any(|(path, _)| path.ends_with(place))).collect()
}

#[test]
fn an_encrypted_image_shows_nothing_of_the_model() {
    let given = Registry { names_of_persons: Vec::new(), founder: "thegenesisfounder".to_owned() };
    let without: Vec<_> = [None, Some(given.clone())]
        .into_iter()
        .flat_map(|given| find_secrets(&image_with_all_files(|| None, given)))
        .collect();
    // without encryption, the search finds secrets in each kind of file
    assert_eq!(kinds_of_files(&without), [".journal", ".snapshot", ".base", ".torn"]);
    let shown: Vec<&str> =
        SECRETS.into_iter().filter(|secret| without.iter().any(|(_, find_secrets)| find_secrets == secret)).collect();
    assert_eq!(shown, SECRETS, "each secret should be found without encryption");

    let both = || Some((keys(CIPHER), keys(CHAIN)));
    for genesis in [None, Some(given)] {
        let disk = image_with_all_files(both, genesis);
        assert!(disk.files().iter().any(|path| path.extension().is_some_and(|end| end == "torn")));
        assert!(disk.files().iter().any(|path| path.extension().is_some_and(|end| end == "base")));
        assert_eq!(find_secrets(&disk), []);
    }
}

/// The visible information matches the documentation.
#[test]
fn the_name_of_the_model_is_visible_and_the_seed_is_not() {
    let disk = image_with_all_files(|| Some((keys(CIPHER), keys(CHAIN))), None);
    let seeds: Vec<Vec<u8>> = super::segments(&disk)
        .iter()
        .map(|path| {
            let bytes = disk.read(path).unwrap();
            assert!(bytes[..4096].windows(8).any(|window| window == b"registry"));
            bytes[56..88].to_vec()
        })
        .collect();
    assert!(seeds.len() > 1);
    assert!(seeds.windows(2).all(|pair| pair[0] != pair[1]), "each segment should encrypt the seed with its own nonce");
}
