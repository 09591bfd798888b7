//! New images at mount points: backups, branches and rewrites onto empty file systems, full ones and read-only ones.

use std::fs;
use std::path::Path;

use memimage::admin::{backup, check, rewrite};
use memimage::{Error, ErrorKind, Image, Journal};
use memimage_tests::{Ledger, LedgerCommands};

use super::{child, dir, run, unshared};

/// An operation that creates an image at a path from the image at another one.
type Operation = fn(&Path, &Path) -> Result<(), Error>;

const OPERATIONS: [(&str, Operation); 3] = [
    ("backup", |image, target| backup(image, target).map(drop)),
    ("branch", |image, target| {
        Journal::<Ledger>::open(image)?.branch(target).segment_bytes(16 << 10).create().map(drop)
    }),
    ("rewrite", |image, target| rewrite::<Ledger>(image, target).map(drop)),
];

fn entries(dir: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Runs in a directory with the mounts of the test below.
#[test]
#[ignore = "run by the other test of this file"]
fn images_at_mount_points() {
    let Some(root) = dir() else { return };
    let path = root.join("image");
    let image: Image<Ledger> = Image::options().segment_bytes(16 << 10).open(&path).unwrap();
    for _ in 0..30 {
        image.file(vec![5; 1_500]).unwrap();
    }
    image.admin().snapshot().unwrap();
    let digest = |path: &Path| {
        let image: Image<Ledger> = Image::options().create(false).open(path).unwrap();
        memimage::digest(&*image.read_uncommitted().unwrap()).unwrap()
    };
    Image::close(image).unwrap();
    let expected = digest(&path);
    for (name, operation) in OPERATIONS {
        for (kind, expected) in [("small", ErrorKind::StorageFull), ("read-only", ErrorKind::Io)] {
            let target = root.join(kind);
            let error = operation(&path, &target).unwrap_err();
            assert_eq!(error.kind(), expected, "{name} onto a {kind} file system: {error}");
            assert!(error.to_string().contains("help: "), "{name}: {error}");
            assert_eq!(entries(&target), [] as [std::path::PathBuf; 0], "{name}");
        }
        let target = root.join(name);
        operation(&path, &target).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(check(&target).unwrap().is_sound(), "{name}");
        let is_hidden = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
        let hidden: Vec<_> = entries(&target).into_iter().filter(is_hidden).collect();
        assert_eq!(hidden, [] as [std::path::PathBuf; 0], "{name}");
        if name == "backup" {
            assert!(backup(&path, &target).unwrap().continued.is_some());
        }
        assert_eq!(digest(&target), expected, "{name}");
    }
    assert_eq!(digest(&path), expected);
}

#[test]
fn new_images_are_created_at_empty_mount_points() {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"
        mount -t tmpfs -o mode=700 tmpfs "$DIR" && cd "$DIR" && mkdir backup branch rewrite small read-only &&
        for at in backup branch rewrite; do mount -t tmpfs -o size=8m,mode=700 tmpfs "$DIR/$at" || exit 77; done &&
        mount -t tmpfs -o size=16k,mode=700 tmpfs "$DIR/small" && mount -t tmpfs -o ro tmpfs "$DIR/read-only""#;
    let child = child("mount_points::images_at_mount_points", dir.path(), script);
    run("mount points in a user namespace", &mut unshared(&["--user", "--map-root-user", "--mount"], &child));
}
