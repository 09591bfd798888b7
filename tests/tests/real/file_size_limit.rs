//! A limit on the length of files (`ulimit -f`), as quotas and some file systems have it, is reported as a full disk.

use std::path::Path;

use memimage::{ErrorKind, Image, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, wait_until};

use super::{child, dir, run};

/// Fills the preallocated segments; longer ones are refused.
#[test]
#[ignore = "run by the other test of this file"]
fn commands_under_a_file_size_limit() {
    let Some(dir) = dir() else { return };
    // the existing segments are shorter than the limit, new ones are longer
    let options = Image::<Ledger>::options().segment_bytes(64 << 10).snapshots(SnapshotPolicy::Manual);
    let image = options.open(dir.join("image")).unwrap();
    let mut model = image.query(Clone::clone).unwrap();
    let mut refused = 0;
    while refused < 3 {
        match image.file(vec![1; 1_500]) {
            Ok(_) => _ = model.file(vec![1; 1_500]),
            Err(error) => {
                assert!(error.kind() == ErrorKind::StorageFull && !error.is_poisoned(), "{error}");
                refused += 1;
            }
        }
        assert!(image.query(|found| *found == model).unwrap());
    }
    assert!(model.filed > 10_000, "{}", model.filed);
    Image::close(image).unwrap();
    println!("filed {}", model.filed);
}

fn make(path: &Path) -> Image<Ledger> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual).open(path).unwrap()
}

#[test]
fn a_file_size_limit_is_reported_as_a_full_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let image = make(&path);
    for _ in 0..3 {
        image.file(vec![1; 1_500]).unwrap();
    }
    wait_until("the next segment is preallocated", || path.join("journal/00000002.journal").exists());
    Image::close(image).unwrap();
    // in units of 512 bytes; without the trap, the signal SIGXFSZ ends the process
    let script = "trap '' XFSZ && ulimit -f 96";
    let Some(output) = run(
        "a limit on the length of files (ulimit -f)",
        &mut child("file_size_limit::commands_under_a_file_size_limit", dir.path(), script),
    ) else {
        return;
    };
    let output_text = String::from_utf8(output.stdout).unwrap();
    let filed: u64 = output_text.lines().find_map(|line| line.rsplit_once("filed ")).unwrap().1.parse().unwrap();
    let image = make(&path);
    assert_eq!(image.query(|ledger| ledger.filed).unwrap(), filed);
    for _ in 0..40 {
        image.file(vec![1; 1_500]).unwrap();
    }
    Image::close(image).unwrap();
}
