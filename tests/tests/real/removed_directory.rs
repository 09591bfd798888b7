//! A directory that is removed or moved while its image is open.

use std::fs;
use std::path::Path;

use memimage::{Error, ErrorKind, Image, Retention, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, differences, tree, wait_until, with_timeout};

fn open(path: &Path) -> Result<Image<Ledger>, Error> {
    Image::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .retention(Retention::Events(0))
        .open(path)
}

/// Records events until one is refused. Returns the number of filed bytes and the error.
fn until_refused(image: &Image<Ledger>) -> (u64, Error) {
    for round in 0..100 {
        if let Err(error) = image.file(vec![1; 1_500]) {
            return (round * 1_500, error);
        }
    }
    panic!("the image should not accept events forever without its directory");
}

#[test]
fn a_removed_directory_is_detected_when_the_next_segment_is_created() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let image = open(&path).unwrap();
    image.deposit(1, 1).unwrap();
    // the next segment may appear while the directory is being removed
    wait_until("the directory is removed", || fs::remove_dir_all(&path).is_ok());
    let error = with_timeout(move || {
        let (_, error) = until_refused(&image);
        assert!(image.admin().snapshot().is_err());
        // closing may succeed if the open files have all events
        _ = Image::close(image);
        error
    });
    assert!(error.is_io() || error.is_poisoned(), "{error}");
    assert!(!path.exists(), "the directory should not be created again");
}

#[test]
fn an_image_continues_after_its_directory_was_moved_and_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let [path, away] = ["image", "away"].map(|name| dir.path().join(name));
    let image = open(&path).unwrap();
    image.deposit(1, 1).unwrap();
    fs::rename(&path, &away).unwrap();
    assert_eq!(open(&away).unwrap_err().kind(), ErrorKind::Locked, "the moved image should still be locked");
    let (acknowledged, error) = until_refused(&image);
    assert!(error.is_io() && !error.is_outcome_unknown(), "{error}");
    fs::rename(&away, &path).unwrap();
    // it is poisoned if it was about to rename a segment
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

/// The owner of a moved image does not confuse it with a new image at the same path, whose segments it would otherwise replace
/// or prune.
#[test]
fn a_new_image_at_the_path_of_a_moved_one_is_not_changed() {
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
    assert!(error.is_io() && error.to_string().contains("moved, removed or replaced"), "{error}");
    assert!(old.admin().snapshot().is_err());
    _ = Image::close(old);
    assert_eq!(differences(&before, &tree(&path)), Vec::<std::path::PathBuf>::new());
    assert!(open(&path).unwrap().query(|ledger| *ledger == state).unwrap());
    assert_eq!(open(&away).unwrap().query(|ledger| ledger.filed).unwrap(), 25 * 1_500 + filed);
}
