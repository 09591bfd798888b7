//! An image that another owner has open, in this process or in another one.

use std::path::Path;

use expect_test::expect;
use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image};
use memimage_tests::{LedgerCommands, files};

use super::{ROOT, open, options};

#[test]
fn a_second_owner_is_refused() {
    let disk = SimDisk::new();
    let image = open(&disk).unwrap();
    image.deposit(1, 1).unwrap();
    let content = || {
        let mut files = files(&disk);
        // the owner updates this file in the background
        files.remove(Path::new(&format!("{ROOT}/journal/durable"))).unwrap();
        (files, disk.read(format!("{ROOT}/LOCK")).unwrap())
    };
    let before = content();
    let error = open(&disk).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    let pid = std::process::id().to_string();
    let text = error.to_string().replace(&pid, "PID");
    let program = text.split_once("PID (").unwrap().1.split_once(')').unwrap().0.to_owned();
    expect!["the image `/ledger` is in use by pid PID (PROGRAM): an image has one owner at a time; help: close the image there first; never delete `LOCK`: the lock ends with its process, and without the lock two processes can overwrite each other's data"]
    .assert_eq(&text.replace(&program, "PROGRAM"));
    assert!(content() == before, "a refused opening should change nothing");
    image.deposit(1, 1).unwrap();
    Image::close(image).unwrap();
    assert_eq!(open(&disk).unwrap().deposit(1, 1).unwrap(), 3);
}

/// The test runs itself as a second process.
#[test]
fn a_second_process_is_refused() {
    const SECOND: &str = "MEMIMAGE_TEST_SECOND_PROCESS";
    if let Some(path) = std::env::var_os(SECOND) {
        let error = options().open(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        println!("refused: {error}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let image = options().open(dir.path()).unwrap();
    image.deposit(1, 1).unwrap();
    let second = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "second_owner::a_second_process_is_refused", "--nocapture"])
        .env(SECOND, dir.path())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&second.stdout);
    assert!(second.status.success(), "{output}");
    let owner = format!("is in use by pid {} (", std::process::id());
    assert!(output.contains("refused: ") && output.contains(&owner), "{output}");
    assert_eq!(image.deposit(1, 1).unwrap(), 2);
}
