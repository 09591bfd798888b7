//! A method that panics, that changes stored fields, or that fills the fields in another way than the commands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Model, Retention, Seq, Shape};
use memimage_tests::{changed, files};
use serde::{Deserialize, Serialize};

use super::{IMAGE, open, options, try_open};

/// Whether the method of [`Brittle`] panics. Only one test uses it.
static PANICS: AtomicBool = AtomicBool::new(false);

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = refill)]
struct Brittle {
    numbers: Vec<u32>,
    #[model(derived)]
    #[serde(skip)]
    sum: u32,
}

impl Brittle {
    fn refill(&mut self) {
        assert!(!PANICS.load(Ordering::SeqCst), "out of order");
        self.sum = self.numbers.iter().sum();
    }
}

#[memimage::commands]
impl Brittle {
    #[command]
    fn add(&mut self, number: u32) -> u32 {
        self.numbers.push(number);
        self.sum += number;
        self.sum
    }
}

#[test]
fn a_method_that_panics_is_an_error_of_the_start_or_of_the_snapshot() {
    let disk = SimDisk::new();
    PANICS.store(true, Ordering::SeqCst);
    let error = try_open::<Brittle>(&disk).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel);
    let expected = "the initial state of the model `Brittle` cannot be used: `refill`, which rebuilds the derived \
                    fields, panicked: out of order; no image was created; help: correct the method";
    assert_eq!(error.to_string(), expected);

    PANICS.store(false, Ordering::SeqCst);
    let brittle = open::<Brittle>(&disk);
    brittle.add(1).unwrap();
    brittle.admin().snapshot().unwrap();
    assert_eq!(brittle.add(2).unwrap(), 3);
    PANICS.store(true, Ordering::SeqCst);
    let error = brittle.admin().snapshot().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel);
    assert!(error.to_string().contains("of the model `Brittle` cannot be used: `refill`"), "{error}");
    assert_eq!(brittle.add(3).unwrap(), 6);
    Image::close(brittle).unwrap();

    // genesis cannot be rebuilt either
    let before = files(&disk);
    let error = try_open::<Brittle>(&disk).unwrap_err();
    assert!(
        error.to_string().ends_with("panicked: out of order; nothing was changed; help: correct the method"),
        "{error}"
    );
    assert_eq!(changed(&before, &files(&disk)), Vec::<std::path::PathBuf>::new());

    PANICS.store(false, Ordering::SeqCst);
    let brittle = open::<Brittle>(&disk);
    assert_eq!((brittle.admin().stats().recovery.snapshot, brittle.add(4).unwrap()), (Some(Seq::new(1)), 10));
}

/// A model whose method panics for a state that the commands can reach.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = refill)]
struct Unlucky {
    numbers: Vec<u32>,
    #[model(derived)]
    #[serde(skip)]
    last: Option<u32>,
}

/// Whether the method of [`Unlucky`] accepts each state. Only one test uses it.
static LUCKY: AtomicBool = AtomicBool::new(true);

impl Unlucky {
    fn refill(&mut self) {
        assert!(LUCKY.load(Ordering::SeqCst) || !self.numbers.contains(&13), "an unlucky number");
        self.last = self.numbers.last().copied();
    }
}

#[memimage::commands]
impl Unlucky {
    #[command]
    fn add(&mut self, number: u32) -> Option<u32> {
        self.numbers.push(number);
        self.last.replace(number)
    }
}

#[test]
fn a_snapshot_for_which_the_method_panics_is_skipped_and_reported() {
    let disk = SimDisk::new();
    let unlucky = open::<Unlucky>(&disk);
    unlucky.add(13).unwrap();
    unlucky.admin().snapshot().unwrap();
    Image::close(unlucky).unwrap();
    LUCKY.store(false, Ordering::SeqCst);
    let unlucky = open::<Unlucky>(&disk);
    let recovery = unlucky.admin().stats().recovery;
    assert_eq!((recovery.snapshot, recovery.replayed), (None, 1));
    let [(_, what)] = &*recovery.unusable_snapshots else { panic!("{recovery:?}") };
    assert!(what.contains("`refill`, which rebuilds the derived fields, panicked: an unlucky number"), "{what}");
    assert_eq!(unlucky.add(14).unwrap(), Some(13));
}

#[test]
fn a_method_that_panics_for_the_base_of_a_pruned_journal_is_the_error_of_the_start() {
    let disk = SimDisk::new();
    let open = || options::<Pruned>().retention(Retention::Events(1)).open_with(Arc::new(disk.clone()), IMAGE);
    let pruned = open().unwrap();
    for _ in 0..4 {
        (0..400).for_each(|number| pruned.add(number).unwrap());
        pruned.admin().snapshot().unwrap();
    }
    assert!(pruned.admin().stats().base.is_some());
    Image::close(pruned).unwrap();
    REFUSES.store(true, Ordering::SeqCst);
    let before = files(&disk);
    let error = open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel);
    let said = error.to_string();
    assert!(said.contains("a stored state of the model `Pruned` cannot be used: `/people/"), "{said}");
    assert!(said.ends_with("panicked: too many; nothing was changed; help: correct the method"), "{said}");
    assert_eq!(changed(&before, &files(&disk)), Vec::<std::path::PathBuf>::new());
}

/// Whether the method of [`Pruned`] panics for many numbers. Only one test uses it.
static REFUSES: AtomicBool = AtomicBool::new(false);

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = refill)]
struct Pruned {
    numbers: Vec<u32>,
    #[model(derived)]
    #[serde(skip)]
    last: Option<u32>,
}

impl Pruned {
    fn refill(&mut self) {
        assert!(!REFUSES.load(Ordering::SeqCst) || self.numbers.len() < 100, "too many");
        self.last = self.numbers.last().copied();
    }
}

#[memimage::commands]
impl Pruned {
    #[command]
    fn add(&mut self, number: u32) {
        self.numbers.push(number);
        self.last = Some(number);
    }
}

/// A model whose method changes a stored field.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = refill)]
struct Meddling {
    numbers: Vec<u32>,
    rebuilt: u32,
    #[model(derived)]
    #[serde(skip)]
    sum: u32,
}

impl Meddling {
    fn refill(&mut self) {
        self.rebuilt += u32::from(!self.numbers.is_empty());
        self.sum = self.numbers.iter().sum();
    }
}

#[memimage::commands]
impl Meddling {
    #[command]
    fn add(&mut self, number: u32) {
        self.numbers.push(number);
        self.sum += number;
    }
}

#[test]
fn a_method_that_changes_stored_fields_is_refused_before_a_state_is_stored() {
    let disk = SimDisk::new();
    let given = Meddling { numbers: vec![1], ..Meddling::default() };
    let error = options().genesis(given).open_with(Arc::new(disk.clone()), IMAGE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel);
    assert!(
        error.to_string().contains("`refill` of the model `Meddling` changes stored fields; no image was created"),
        "{error}"
    );
    let meddling = open::<Meddling>(&disk);
    meddling.add(1).unwrap();
    let error = meddling.admin().snapshot().unwrap_err();
    assert!(error.to_string().contains("changes stored fields; the new snapshot was removed"), "{error}");
}

/// A model with a command that forgets the index.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = refill)]
struct Forgetful {
    numbers: Vec<u32>,
    #[model(derived)]
    #[serde(skip)]
    sum: u32,
    #[model(derived)]
    #[serde(skip)]
    count: usize,
}

impl Forgetful {
    fn refill(&mut self) {
        self.sum = self.numbers.iter().sum();
        self.count = self.numbers.len();
    }
}

#[memimage::commands]
impl Forgetful {
    #[command]
    fn add(&mut self, number: u32) {
        self.numbers.push(number);
        self.sum += number;
        self.count += 1;
    }

    #[command]
    fn clear(&mut self) {
        self.numbers.clear();
        self.sum = 0;
    }
}

#[test]
fn snapshot_verification_finds_a_command_that_forgets_an_index() {
    let disk = SimDisk::new();
    let forgetful = open::<Forgetful>(&disk);
    forgetful.add(1).unwrap();
    assert!(forgetful.admin().snapshot().unwrap().verified);
    forgetful.clear().unwrap();
    let error = forgetful.admin().snapshot().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel);
    let said = error.to_string();
    let expected = "the derived field `count` of the model `Forgetful` differs after event 2 from what `refill` gives";
    assert!(said.contains(expected) && said.contains("the new snapshot was removed"), "{said}");
    // the image goes on, and no start sees the other value
    assert_eq!(forgetful.query(|forgetful| forgetful.count).unwrap(), 1);
    Image::close(forgetful).unwrap();
    let forgetful = open::<Forgetful>(&disk);
    let recovery = forgetful.admin().stats().recovery;
    assert_eq!((recovery.snapshot, forgetful.query(|forgetful| forgetful.count).unwrap()), (Some(Seq::new(1)), 1));
}

#[test]
fn a_snapshot_without_verification_does_not_compare_the_index() {
    let forgetful: Image<Forgetful> = options().verify_snapshots(false).in_memory().unwrap();
    forgetful.add(1).unwrap();
    forgetful.clear().unwrap();
    assert!(!forgetful.admin().snapshot().unwrap().verified);
}
