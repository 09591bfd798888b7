//! Promise 8: one process owns an image.

use std::path::Path;

use memimage::{Error, ErrorKind, Image};
use memimage_tests::{Ledger, LedgerCommands, changed, files};

use crate::{Later, NONE, disks, forbid, open, try_open};

fn on_disk(path: &Path) -> Result<Image<Ledger>, Error> {
    let path = path.to_owned();
    // at once: it does not wait until the owner is done
    Later::of(move || Image::options().segment_bytes(16 << 10).open(path)).comes()
}

#[track_caller]
fn is_owned(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    let owner = format!("in use by pid {} (promises", std::process::id());
    assert!(error.to_string().contains(&owner), "{error}");
}

#[test]
fn promise_8_a_second_owner_is_refused_by_name_and_free_after_close() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger");
    let image = on_disk(&path).unwrap();
    image.deposit(1, 100).unwrap();
    is_owned(&on_disk(&path).unwrap_err());
    is_owned(&on_disk(&path).unwrap_err());
    image.deposit(1, 1).unwrap();
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 101, "the owner goes on");

    let clone = image.clone();
    Image::close(image).unwrap();
    let next = on_disk(&path).unwrap();
    assert_eq!(next.query(|ledger| ledger.accounts[&1]).unwrap(), 101);
    assert_eq!(
        clone.deposit(1, 1).unwrap_err().kind(),
        ErrorKind::Closed,
        "the handle left over is one to a closed image"
    );
    drop(clone);
    is_owned(&on_disk(&path).unwrap_err());
}

#[test]
fn promise_8_an_image_is_free_after_its_last_handle_was_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger");
    let image = on_disk(&path).unwrap();
    image.deposit(1, 100).unwrap();
    let clone = image.clone();
    drop(image);
    is_owned(&on_disk(&path).unwrap_err());
    drop(clone);
    assert_eq!(on_disk(&path).unwrap().query(|ledger| ledger.accounts[&1]).unwrap(), 100);
}

#[test]
fn promise_8_a_second_owner_changes_nothing() {
    let (sim, _) = disks();
    let image = open(&sim);
    image.deposit(1, 100).unwrap();
    // so that the segment made ahead is there
    Image::close(image).unwrap();
    let owner = open(&sim);
    let before = files(&sim);
    let lock = sim.read("/ledger/LOCK").unwrap();
    is_owned(&try_open(&sim).unwrap_err());
    assert_eq!(changed(&before, &files(&sim)), NONE);
    assert_eq!(sim.read("/ledger/LOCK").unwrap(), lock);
    drop(owner);
}

/// A poisoned image is its owner's, until that lets go of it.
#[test]
fn promise_8_an_image_is_free_after_it_was_poisoned_and_dropped() {
    let (_, disk) = disks();
    let image = open(&disk);
    image.deposit(1, 100).unwrap();
    forbid(&disk);
    assert!(image.deposit(1, 1).unwrap_err().is_poisoned());
    disk.calm();
    is_owned(&try_open(&disk).unwrap_err());
    drop(image);
    open(&disk);
}
