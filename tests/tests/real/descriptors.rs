//! A process that has no file descriptors left: it is told, and loses nothing.

use memimage::{Image, Retention, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands};

use super::{child, dir, run};

/// Opens, records and makes snapshots as far as it can, and tells what was acknowledged.
#[test]
#[ignore = "run by the other test of this file"]
fn a_life_with_few_descriptors() {
    let Some(dir) = dir() else { return };
    let options = Image::<Ledger>::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual);
    let image = match options.retention(Retention::Events(0)).open(dir.join("image")) {
        Ok(image) => image,
        Err(error) => {
            assert!(error.is_io(), "{error}");
            println!("\nrefused to open");
            return;
        }
    };
    let mut filed = image.query(|ledger| ledger.filed).unwrap();
    for event in 0..40 {
        match image.file(vec![1; 1_500]) {
            Ok(_) => filed += 1_500,
            Err(error) => {
                assert!(error.is_io() || error.is_poisoned(), "{error}");
                println!("\nrefused a command");
                break;
            }
        }
        if event % 10 == 5
            && let Err(error) = image.admin().snapshot()
        {
            // perhaps because no file that it would be checked by could be opened, which is told as one that cannot be used
            assert!(error.to_string().contains("Too many open files"), "{error}");
            println!("\nrefused a snapshot");
        }
    }
    println!("\nfiled {filed}");
    if let Err(error) = Image::close(image) {
        assert!(error.is_io() || error.is_poisoned(), "{error}");
    }
}

#[test]
fn few_descriptors_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let open = || Image::<Ledger>::options().segment_bytes(16 << 10).open(&path).unwrap();
    Image::close(open()).unwrap();
    let mut filed = 0;
    let mut refused = 0;
    let mut free = 0;
    // with fewer the child cannot even begin
    for limit in 6..24 {
        let script = format!("ulimit -n {limit}");
        let what = format!("{limit} file descriptors (ulimit -n)");
        let mut child = child("descriptors::a_life_with_few_descriptors", dir.path(), &script);
        let Some(output) = run(&what, &mut child) else { continue };
        let said = String::from_utf8(output.stdout).unwrap();
        if let Some(told) = said.lines().find_map(|line| line.strip_prefix("filed ")) {
            filed = told.parse().unwrap();
        }
        match said.contains("refused") {
            true => refused += 1,
            false => free += 1,
        }
        let image = open();
        assert_eq!(image.query(|ledger| ledger.filed).unwrap(), filed, "{what}");
        Image::close(image).unwrap();
    }
    assert!(refused > 0 && free > 0, "refused under {refused} limits, and not under {free}");
}
