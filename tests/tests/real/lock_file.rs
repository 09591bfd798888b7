//! A lock file that another program removes or replaces while its image runs, as cleaners of old temporary files do.

use std::fs;
use std::path::Path;

use memimage::{Error, ErrorKind, Image, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands};

fn open(path: &Path) -> Result<Image<Ledger>, Error> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual).open(path)
}

#[test]
fn a_removed_lock_file_lets_no_second_owner_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let lock = path.join("LOCK");
    let image = open(&path).unwrap();
    image.deposit(1, 1).unwrap();
    let mess: [&dyn Fn(); 4] = [
        &|| fs::remove_file(&lock).unwrap(),
        &|| fs::write(&lock, "").unwrap(),
        &|| {
            fs::remove_file(&lock).unwrap();
            fs::write(&lock, "pid 1 (init)\n").unwrap();
        },
        &|| {
            fs::write(dir.path().join("other"), "").unwrap();
            fs::rename(dir.path().join("other"), &lock).unwrap();
        },
    ];
    for (round, mess) in (0..).zip(mess) {
        mess();
        for _ in 0..2 {
            assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::Locked, "round {round}");
        }
        assert!(memimage::admin::check(&path).unwrap().owner.is_some(), "round {round}");
        // over several segments
        for _ in 0..20 {
            image.file(vec![1; 2_000]).unwrap();
        }
        image.admin().snapshot().unwrap();
    }
    let filed = image.query(|ledger| ledger.filed).unwrap();
    Image::close(image).unwrap();
    assert_eq!(open(&path).unwrap().query(|ledger| ledger.filed).unwrap(), filed);
}
