//! A directory that is removed, or moved away, while its image runs.

use std::fs;
use std::path::Path;

use memimage::{Error, ErrorKind, Image, Retention, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, differences, in_time, tree, until};

fn open(path: &Path) -> Result<Image<Ledger>, Error> {
    Image::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .retention(Retention::Events(0))
        .open(path)
}

/// Records until that is refused, and gives what was filed and the refusal.
fn until_refused(image: &Image<Ledger>) -> (u64, Error) {
    for round in 0..100 {
        if let Err(error) = image.file(vec![1; 1_500]) {
            return (round * 1_500, error);
        }
    }
    panic!("it goes on for ever without a directory");
}

#[test]
fn a_removed_directory_is_missed_when_the_next_segment_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let image = open(&path).unwrap();
    image.deposit(1, 1).unwrap();
    // the next segment may appear while the directory is being removed
    until("the directory is removed", || fs::remove_dir_all(&path).is_ok());
    let error = in_time(move || {
        let (_, error) = until_refused(&image);
        assert!(image.admin().snapshot().is_err());
        // it says so, or the files that it has open still took all
        _ = Image::close(image);
        error
    });
    assert!(error.is_io() || error.is_poisoned(), "{error}");
    assert!(!path.exists(), "nothing is made anew in its place");
}

#[test]
fn a_directory_that_was_moved_away_goes_on_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let [path, away] = ["image", "away"].map(|name| dir.path().join(name));
    let image = open(&path).unwrap();
    image.deposit(1, 1).unwrap();
    fs::rename(&path, &away).unwrap();
    assert_eq!(open(&away).unwrap_err().kind(), ErrorKind::Locked, "wherever it is, it has an owner");
    let (acknowledged, error) = until_refused(&image);
    assert!(error.is_io() && !error.is_outcome_unknown(), "{error}");
    fs::rename(&away, &path).unwrap();
    // unless it was just about to give a segment its name
    let image = match image.query(|_| ()) {
        Ok(()) => image,
        Err(error) => {
            assert!(error.is_poisoned(), "{error}");
            drop(image);
            open(&path).unwrap()
        }
    };
    let filed = image.query(|ledger| ledger.filed).unwrap();
    assert_eq!(filed, acknowledged);
    image.file(vec![1; 1_500]).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    let again = open(&path).unwrap();
    assert_eq!(again.query(|ledger| ledger.filed).unwrap(), filed + 1_500);
}

/// The owner of an image that was moved away must not take the one that was begun in its place for its own: it would
/// rename its segments over the other's, and prune the other's journal.
#[test]
fn an_image_begun_in_the_place_of_one_that_was_moved_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let [path, away] = ["image", "away"].map(|name| dir.path().join(name));
    let old = open(&path).unwrap();
    for _ in 0..25 {
        old.file(vec![1; 1_500]).unwrap();
    }
    fs::rename(&path, &away).unwrap();
    let new = open(&path).unwrap();
    for _ in 0..40 {
        new.file(vec![2; 1_500]).unwrap();
    }
    let state = new.query(Clone::clone).unwrap();
    Image::close(new).unwrap();

    let before = tree(&path);
    let (filed, error) = until_refused(&old);
    assert!(error.is_io() && error.to_string().contains("not at its path any more"), "{error}");
    assert!(old.admin().snapshot().is_err());
    _ = Image::close(old);
    assert_eq!(differences(&before, &tree(&path)), Vec::<std::path::PathBuf>::new());
    assert!(open(&path).unwrap().query(|ledger| *ledger == state).unwrap());
    assert_eq!(open(&away).unwrap().query(|ledger| ledger.filed).unwrap(), 25 * 1_500 + filed);
}
