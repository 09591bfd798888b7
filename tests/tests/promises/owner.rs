//! Promise 8: one process owns an image.

use std::path::Path;

use memimage::{Error, ErrorKind, Image};
use memimage_tests::{Ledger, LedgerCommands, changed, files};

use crate::{BackgroundCall, NONE, disks, forbid, open, try_open};

fn on_disk(path: &Path) -> Result<Image<Ledger>, Error> {
    let path = path.to_owned();
    // on another thread, because it must not wait for the owner
    BackgroundCall::of(move || Image::options().segment_bytes(16 << 10).open(path)).result()
}

#[track_caller]
fn assert_locked(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    let owner = format!("in use by pid {} (promises", std::process::id());
    assert!(error.to_string().contains(&owner), "{error}");
}

#[test]
fn promise_8_a_second_owner_is_refused_until_the_first_closes_the_image() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger");
    let image = on_disk(&path).unwrap();
    image.deposit(1, 100).unwrap();
    assert_locked(&on_disk(&path).unwrap_err());
    assert_locked(&on_disk(&path).unwrap_err());
    image.deposit(1, 1).unwrap();
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 101, "the owner should not be affected");

    let clone = image.clone();
    Image::close(image).unwrap();
    let next = on_disk(&path).unwrap();
    assert_eq!(next.query(|ledger| ledger.accounts[&1]).unwrap(), 101);
    assert_eq!(
        clone.deposit(1, 1).unwrap_err().kind(),
        ErrorKind::Closed,
        "a remaining handle should be of a closed image"
    );
    drop(clone);
    assert_locked(&on_disk(&path).unwrap_err());
}

#[test]
fn promise_8_an_image_is_unlocked_after_its_last_handle_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger");
    let image = on_disk(&path).unwrap();
    image.deposit(1, 100).unwrap();
    let clone = image.clone();
    drop(image);
    assert_locked(&on_disk(&path).unwrap_err());
    drop(clone);
    assert_eq!(on_disk(&path).unwrap().query(|ledger| ledger.accounts[&1]).unwrap(), 100);
}

#[test]
fn promise_8_a_second_owner_changes_nothing() {
    let (sim, _) = disks();
    let image = open(&sim);
    image.deposit(1, 100).unwrap();
    // closing completes the preallocated segment
    Image::close(image).unwrap();
    let owner = open(&sim);
    let before = files(&sim);
    let lock = sim.read("/ledger/LOCK").unwrap();
    assert_locked(&try_open(&sim).unwrap_err());
    assert_eq!(changed(&before, &files(&sim)), NONE);
    assert_eq!(sim.read("/ledger/LOCK").unwrap(), lock);
    drop(owner);
}

/// A poisoned image stays locked until it is dropped.
#[test]
fn promise_8_a_poisoned_image_is_unlocked_after_it_is_dropped() {
    let (_, disk) = disks();
    let image = open(&disk);
    image.deposit(1, 100).unwrap();
    forbid(&disk);
    assert!(image.deposit(1, 1).unwrap_err().is_poisoned());
    disk.remove_rule();
    assert_locked(&try_open(&disk).unwrap_err());
    drop(image);
    open(&disk);
}
