//! A read-only directory or file system.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use memimage::admin::rewrite;
use memimage::{ErrorKind, Image, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, tree};

use super::{child, dir, is_root, run, unshared};

const NOBODY: u32 = 65_534;

fn open(path: &Path) -> Result<Image<Ledger>, memimage::Error> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual).open(path)
}

fn make(path: &Path) {
    let image = open(path).unwrap();
    for _ in 0..30 {
        image.file(vec![1; 1_500]).unwrap();
    }
    Image::close(image).unwrap();
}

/// Opening and rewriting are refused with an error that names the file.
#[test]
#[ignore = "run by the other tests of this file"]
fn opening_and_rewriting_are_refused() {
    let Some(dir) = dir() else { return };
    let error = open(&dir.join("image")).unwrap_err();
    assert!(error.is_io() && error.kind() != ErrorKind::Corrupt, "{error}");
    let text = error.to_string();
    assert!(text.contains("LOCK` failed") && text.contains("Read-only file system"), "{text}");
    assert!(text.contains("help: put the image on a writable file system"), "{text}");
    let error = open(&dir.join("new")).unwrap_err();
    assert!(error.is_io() && error.to_string().contains("new` failed: Read-only file system"), "{error}");
    let error = rewrite::<Ledger>(dir.join("image"), dir.join("rewritten")).unwrap_err();
    assert!(error.is_io(), "{error}");
}

#[test]
fn a_read_only_file_system_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    make(&dir.path().join("image"));
    let before = tree(dir.path());
    let script = r#"mount --bind "$DIR" "$DIR" && mount -o remount,bind,ro "$DIR""#;
    let child = child("read_only::opening_and_rewriting_are_refused", dir.path(), script);
    run("a file system that is read-only", &mut unshared(&["--user", "--map-root-user", "--mount"], &child));
    assert!(tree(dir.path()) == before);
    Image::close(open(&dir.path().join("image")).unwrap()).unwrap();
}

/// Runs as an ordinary user and removes permissions of one directory or file after another. Each call succeeds or is refused,
/// and no event is lost.
#[test]
#[ignore = "run by the other test of this file"]
fn opening_without_permissions() {
    let Some(dir) = dir() else { return };
    let path = dir.join("image");
    make(&path);
    let mut filed = 30 * 1_500;
    let (mut refused, mut opened) = (0, 0);
    let all: Vec<PathBuf> = tree(&path).into_keys().collect();
    for restricted in &all {
        let mode = fs::metadata(restricted).unwrap().permissions().mode() & 0o777;
        for left in [0o000, 0o400, 0o500] {
            fs::set_permissions(restricted, Permissions::from_mode(left)).unwrap();
            match open(&path) {
                Ok(image) => {
                    opened += 1;
                    assert_eq!(image.query(|ledger| ledger.filed).unwrap(), filed, "{}", restricted.display());
                    while filed % 60_000 != 0 {
                        match image.file(vec![1; 1_500]) {
                            Ok(_) => filed += 1_500,
                            Err(error) => {
                                assert!(error.is_io() || error.is_poisoned(), "{error}");
                                break;
                            }
                        }
                    }
                    // closing may fail because of the permissions
                    _ = Image::close(image);
                }
                Err(error) => {
                    refused += 1;
                    assert!(error.is_io() && error.to_string().contains("give the user of this process"), "{error}");
                }
            }
            fs::set_permissions(restricted, Permissions::from_mode(mode)).unwrap();
            let image = open(&path).unwrap_or_else(|error| panic!("{} {left:o}: {error}", restricted.display()));
            assert_eq!(image.query(|ledger| ledger.filed).unwrap(), filed, "{} {left:o}", restricted.display());
            image.file(vec![1; 1_500]).unwrap();
            filed += 1_500;
            Image::close(image).unwrap();
        }
    }
    println!("refused {refused} times, opened {opened} times");
    assert!(refused > 5 && opened > 0);
}

#[test]
fn files_and_directories_without_permissions_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = child("read_only::opening_without_permissions", dir.path(), "true");
    if is_root() {
        // permissions do not stop root
        chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        child.uid(NOBODY).gid(NOBODY);
    }
    run("an ordinary user (one who can reach the test's program)", &mut child);
}
