//! A process without free file descriptors gets errors and loses no events.

use memimage::{Error, Image, Retention, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands};

use super::{child, dir, run};

/// The error states how many files the process may open, and how many an image needs.
#[track_caller]
fn assert_names_the_limit(error: &Error) {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let limit = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|limits| limits.split_whitespace().next());
    let text = error.to_string();
    assert!(
        error.is_io() && text.contains("Too many open files") && text.contains("each open image needs 2 files"),
        "{text}"
    );
    if let Some(limit) = limit {
        assert!(text.contains(&format!("this process may have at most {limit} open files")), "{text}");
    }
}

/// Opens the image, records events and writes snapshots as far as possible, and prints the acknowledged bytes.
#[test]
#[ignore = "run by the other test of this file"]
fn commands_with_few_descriptors() {
    let Some(dir) = dir() else { return };
    let options = Image::<Ledger>::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual);
    let image = match options.retention(Retention::Events(0)).open(dir.join("image")) {
        Ok(image) => image,
        Err(error) => {
            assert_names_the_limit(&error);
            println!("\nrefused to open");
            return;
        }
    };
    let mut filed = image.query(|ledger| ledger.filed).unwrap();
    for event in 0..40 {
        match image.file(vec![1; 1_500]) {
            Ok(_) => filed += 1_500,
            Err(error) => {
                assert_names_the_limit(&error);
                println!("\nrefused a command");
                break;
            }
        }
        if event % 10 == 5
            && let Err(error) = image.admin().snapshot()
        {
            // perhaps a file for its verification could not be opened, which is reported as an unusable snapshot
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
fn too_few_descriptors_lose_no_events() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let open = || Image::<Ledger>::options().segment_bytes(16 << 10).open(&path).unwrap();
    Image::close(open()).unwrap();
    let mut filed = 0;
    let mut refused = 0;
    let mut free = 0;
    // with fewer descriptors the child cannot start
    for limit in 6..24 {
        let script = format!("ulimit -n {limit}");
        let what = format!("{limit} file descriptors (ulimit -n)");
        let mut child = child("descriptors::commands_with_few_descriptors", dir.path(), &script);
        let Some(output) = run(&what, &mut child) else { continue };
        let output_text = String::from_utf8(output.stdout).unwrap();
        if let Some(acknowledged) = output_text.lines().find_map(|line| line.strip_prefix("filed ")) {
            filed = acknowledged.parse().unwrap();
        }
        match output_text.contains("refused") {
            true => refused += 1,
            false => {
                println!("enough: {limit}");
                free += 1;
            }
        }
        let image = open();
        assert_eq!(image.query(|ledger| ledger.filed).unwrap(), filed, "{what}");
        Image::close(image).unwrap();
    }
    assert!(refused > 0 && free > 0, "refused under {refused} limits, and not under {free}");
}
