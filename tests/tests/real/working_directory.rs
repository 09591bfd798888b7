//! A program that opens an image by a relative path and then changes its working directory.

use memimage::{Image, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands};

use super::{child, dir, run};

#[test]
fn an_image_stays_where_it_is_when_the_working_directory_changes() {
    let dir = tempfile::tempdir().unwrap();
    run("a changed working directory", &mut child("working_directory::changing", dir.path(), "cd \"$DIR\""));
}

#[test]
#[ignore = "run by the test above"]
fn changing() {
    let Some(dir) = dir() else { return };
    for (path, away) in [("image", "/"), ("./other/../third", "."), ("image", "elsewhere")] {
        std::env::set_current_dir(&dir).unwrap();
        std::fs::create_dir_all("other").unwrap();
        std::fs::create_dir_all("elsewhere").unwrap();
        let options = || Image::<Ledger>::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual);
        let image = options().open(path).unwrap();
        std::env::set_current_dir(away).unwrap();
        for _ in 0..20 {
            image.file(vec![1; 2_000]).unwrap();
        }
        image.admin().snapshot().unwrap();
        assert!(image.admin().stats().path.is_absolute());
        let filed = image.query(|ledger| ledger.filed).unwrap();
        Image::close(image).unwrap();
        let image = options().create(false).open(dir.join(path)).unwrap();
        assert_eq!(image.query(|ledger| ledger.filed).unwrap(), filed);
        drop(image);
        assert!(memimage::admin::check(dir.join(path)).unwrap().is_sound());
    }
}
