//! Personal data: they are erased in an image and in all that was made from it, and nothing else changes.

mod copies;
mod crashes;
mod image;
mod keys;
mod kit;
mod upcasts;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{Image, Model, Options, Personal, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

const PATH: &str = "/clinic";
/// A value that no file may contain.
const SECRET: &str = "Annabelle Plaintext";

#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = reindex)]
struct Clinic {
    patients: BTreeMap<u32, Patient>,
    #[model(derived)]
    #[serde(skip)]
    by_name: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Shape)]
struct Patient {
    name: Personal<String>,
    visits: u32,
}

impl Clinic {
    fn reindex(&mut self) {
        let names = self.patients.iter().filter_map(|(id, patient)| Some((patient.name.get()?.clone(), *id)));
        self.by_name = names.collect();
    }

    fn name(&self, id: u32) -> Option<&str> {
        self.patients[&id].name.get().map(String::as_str)
    }
}

#[memimage::commands]
impl Clinic {
    #[command]
    fn register(&mut self, id: u32, name: Personal<String>) {
        if let Some(name) = name.get() {
            self.by_name.insert(name.clone(), id);
        }
        self.patients.insert(id, Patient { name, visits: 0 });
    }

    #[command]
    fn visit(&mut self, id: u32) -> u32 {
        let patient = self.patients.get_mut(&id).expect("a patient who is registered");
        patient.visits += 1;
        patient.visits
    }

    /// What a body must not do: the new value has no key.
    #[command]
    fn invent(&mut self, id: u32) {
        let name = Personal::new(id, SECRET.to_owned());
        self.patients.insert(id, Patient { name, visits: 0 });
    }

    /// A body that derives one value from another.
    #[command]
    fn shout(&mut self, id: u32) {
        let patient = self.patients.get_mut(&id).expect("a patient who is registered");
        patient.name = patient.name.clone().map(|name| name.to_uppercase());
        self.reindex();
    }
}

fn options() -> Options<Clinic> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual)
}

fn open(disk: &SimDisk) -> Image<Clinic> {
    options().open_with(shared(disk), PATH).unwrap()
}

fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

/// An image with two patients.
fn clinic(disk: &SimDisk) -> Image<Clinic> {
    let image = open(disk);
    image.register(1, Personal::new(1_u32, SECRET.to_owned())).unwrap();
    image.register(2, Personal::new(2_u32, "Bob".to_owned())).unwrap();
    image
}

fn digest_of(image: &Image<Clinic>) -> u64 {
    image.query(|clinic| memimage::digest(clinic).unwrap().to_u64()).unwrap()
}

/// Whether any file of the disk has these bytes.
fn has_bytes(disk: &SimDisk, wanted: &[u8]) -> bool {
    disk.files().iter().any(|path| contains(&disk.read(path).unwrap(), wanted))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// The bytes of the first key in the key file.
fn first_key(disk: &SimDisk) -> Vec<u8> {
    let bytes = disk.read(Path::new(PATH).join("personal.keys/keys")).unwrap();
    bytes[128 + 64..128 + 96].to_vec()
}
