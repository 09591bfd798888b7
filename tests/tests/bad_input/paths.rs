//! Paths without an image, or with an incomplete one.

use std::path::Path;
use std::sync::{Arc, mpsc};

use expect_test::expect;
use memimage::disk::{Disk, SimDisk};
use memimage::{ErrorKind, Image};
use memimage_tests::{DiskMethod, GateDisk, LedgerCommands};

use super::{
    DiskClone as _, ROOT, assert_intact, assert_refused_untouched, check, ledger, open, options, put, remove, segment,
};

#[test]
fn a_mistyped_path_is_not_created() {
    let disk = SimDisk::new();
    let error = assert_refused_untouched(&disk, options().create(false));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    check(
        &error,
        expect![
            "there is no image at `/ledger`: the path does not exist; help: check the path, or create the image with `options().create(true)`"
        ],
    );
    assert_eq!(disk.kind(Path::new(ROOT)).unwrap(), None);

    // an empty directory stays empty
    disk.create_dir(Path::new(ROOT)).unwrap();
    assert_eq!(assert_refused_untouched(&disk, options().create(false)).kind(), ErrorKind::NotFound);

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledgr");
    assert_eq!(options().create(false).open(&path).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!path.exists());
    let error = options().open(path.join("below")).unwrap_err();
    assert!(error.is_io());
    expect!["creating `DIR/ledgr/below` failed: No such file or directory (os error 2); help: check the path, or create its parent directory first"].assert_eq(&error.to_string().replace(dir.path().to_str().unwrap(), "DIR"));
    assert!(!path.exists());
}

/// Another program removes the image after the directory was surveyed, before it is locked.
#[test]
fn an_image_that_is_removed_meanwhile_is_not_created_again() {
    let (disk, _) = ledger(5, &[]);
    let gate = GateDisk::new(disk.clone());
    let removed = disk.clone();
    gate.rule(move |call| {
        if call.method == DiskMethod::Lock {
            removed.files().iter().for_each(|path| removed.remove(path).unwrap());
        }
        Ok(None)
    });
    let error = options().create(false).open_with(Arc::new(gate), ROOT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(disk.files().iter().all(|path| path.ends_with("LOCK")), "{:?}", disk.files());
}

#[test]
fn a_file_is_refused() {
    let disk = SimDisk::new();
    put(&disk, ROOT, b"dear diary");
    let mut texts = Vec::new();
    for create in [true, false] {
        let error = assert_refused_untouched(&disk, options().create(create));
        assert_eq!(error.kind(), ErrorKind::NotAnImage);
        texts.push(error.to_string());
    }
    assert_eq!(texts[0], texts[1]);
    expect!["`/ledger` is not an image: it is a file; nothing was changed; help: give the path of an image, of an empty directory, or of a directory that does not exist yet"].assert_eq(&texts[0]);
}

#[test]
fn a_directory_with_other_files_is_refused() {
    for other in [
        "photo.jpg",
        "README",
        "journal/diary.txt",
        "journal/diary.txt.tmp",
        "journal/2026/may.txt",
        "snapshot/holiday.jpg",
        "quarantine/patient.txt",
        "LOCK/key",
        "photos/1.tmp",
    ] {
        let disk = SimDisk::new();
        put(&disk, &format!("{ROOT}/{other}"), b"mine");
        for create in [true, false] {
            let before = (disk.operations(), disk.files());
            let opened = options().create(create).open_with(disk.shared(), ROOT);
            let Err(error) = opened else { panic!("an image was created next to {other}") };
            assert!(
                error.kind() == ErrorKind::NotAnImage || (!create && error.kind() == ErrorKind::NotFound),
                "{other}: {error}"
            );
            assert_eq!((disk.operations(), disk.files()), before, "{other}: {error}");
        }
    }
    let disk = SimDisk::new();
    put(&disk, &format!("{ROOT}/photo.jpg"), b"mine");
    check(
        &assert_refused_untouched(&disk, options()),
        expect![
            "`/ledger` is not an image: the directory has other files, and no journal; nothing was changed; help: give the path of an image, of an empty directory, or of a directory that does not exist yet"
        ],
    );
}

#[test]
fn a_journal_that_is_a_file_is_refused() {
    let disk = SimDisk::new();
    put(&disk, &format!("{ROOT}/journal"), b"mine");
    let error = assert_refused_untouched(&disk, options());
    assert_eq!(error.kind(), ErrorKind::NotAnImage, "{error}");
    check(
        &error,
        expect![
            "`/ledger` is not an image: `journal` in it is a file, but must be a directory; nothing was changed; help: give the path of an image, of an empty directory, or of a directory that does not exist yet"
        ],
    );
}

#[test]
fn an_unfinished_creation_is_completed() {
    let disk = SimDisk::new();
    let (forks, observed) = mpsc::channel();
    disk.observe(move |_, fork| _ = forks.send(fork.clone()));
    Image::close(open(&disk).unwrap()).unwrap();
    drop(disk);
    let mut unfinished = 0;
    for fork in observed {
        for left in [fork.fork(), fork.crash(|_| false), fork.crash(|_| true)] {
            let created = left.kind(Path::new(&segment(1))).unwrap().is_some();
            if !created {
                unfinished += 1;
                assert_eq!(assert_refused_untouched(&left, options().create(false)).kind(), ErrorKind::NotFound);
            }
            let image = open(&left).unwrap();
            assert_eq!(image.journal().seq().get(), 0);
            assert_eq!(image.admin().stats().recovery.created, !created);
            image.deposit(1, 1).unwrap();
            Image::close(image).unwrap();
            assert!(left.files().iter().all(|path| !path.to_string_lossy().ends_with(".tmp")));
            assert_eq!(open(&left).unwrap().deposit(1, 1).unwrap(), 2);
        }
    }
    assert!(unfinished > 10, "{unfinished}");
}

#[test]
fn snapshots_without_a_journal_do_not_begin_a_new_image() {
    let (disk, _) = ledger(20, &[10]);
    for path in disk.files().iter().filter(|path| path.starts_with(format!("{ROOT}/journal"))) {
        disk.remove(path).unwrap();
    }
    let mut texts = Vec::new();
    for create in [true, false] {
        let error = assert_refused_untouched(&disk, options().create(create));
        assert_eq!(error.kind(), ErrorKind::NotAnImage);
        texts.push(error.to_string());
    }
    assert_eq!(texts[0], texts[1]);
    expect!["`/ledger` is not an image: the directory has snapshots but no journal, so events may be missing; nothing was changed; help: restore the directory `journal` from a backup, or, to begin a new image, move the remaining files away"].assert_eq(&texts[0]);
}

#[test]
fn a_journal_that_lost_all_its_segments_does_not_begin_a_new_image() {
    let (disk, _) = ledger(20, &[]);
    for path in disk.files().iter().filter(|path| path.to_string_lossy().ends_with(".journal")) {
        disk.remove(path).unwrap();
    }
    let error = assert_refused_untouched(&disk, options());
    assert_eq!(error.kind(), ErrorKind::NotAnImage);
    check(
        &error,
        expect![
            "`/ledger` is not an image: the directory has no segments, but its `journal/durable` shows that the image was in use; nothing was changed; help: restore the directory `journal` from a backup, or, to begin a new image, move the remaining files away"
        ],
    );
}

#[test]
fn a_network_file_system_is_refused() {
    let disk = SimDisk::new();
    disk.set_network_filesystem(Some("nfs4"));
    check(
        &assert_refused_untouched(&disk, options()),
        expect![
            "`/ledger` is on a network file system (nfs4), where locks and syncs are not reliable; help: give a path on a local disk, or accept the risk with `allow_network(true)`, an option of the image and of each operation that makes another one"
        ],
    );
    let (disk, state) = ledger(3, &[]);
    disk.set_network_filesystem(Some("nfs4"));
    remove(&disk, &format!("{ROOT}/LOCK"));
    assert_refused_untouched(&disk, options());
    Image::close(options().allow_network(true).open_with(disk.shared(), ROOT).unwrap()).unwrap();
    disk.set_network_filesystem(None);
    assert_intact(&disk, 3, state);
}

#[test]
fn no_image_is_created_inside_an_image() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    let image = options().open(&path).unwrap();
    image.deposit(1, 1).unwrap();
    for inside in ["snapshot", "quarantine", "new", "snapshot/new"] {
        let error = options().open(path.join(inside)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        assert!(error.to_string().contains("a place inside an image"), "{error}");
    }
    // another image's branch or backup has no place there either
    let other = options().open(dir.path().join("other")).unwrap();
    let error = other.admin().backup(path.join("backup")).unwrap_err();
    assert!(error.to_string().contains("a place inside an image"), "{error}");
    let error = other.journal().branch(path.join("branch")).create().unwrap_err();
    assert!(error.to_string().contains("a place inside an image"), "{error}");
    for inside in ["new", "snapshot/LOCK", ".backup.backing-up", "backup", "branch"] {
        assert!(!path.join(inside).exists(), "{inside}");
    }
    options().open(path.join("../beside")).unwrap();
}
