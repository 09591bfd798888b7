//! Files that cannot be read or written.

use std::io;

use expect_test::expect;
use memimage::ErrorKind;
use memimage_tests::{DiskMethod, GateDisk};

use super::{DiskClone as _, ROOT, assert_intact, assert_refused_through, ledger, open, options};

#[test]
fn unreadable_files_are_named() {
    let (disk, state) = ledger(20, &[10, 16]);
    let gate = GateDisk::new(disk.clone());
    let mut texts = String::new();
    for (act, ending) in [
        (DiskMethod::List, ROOT),
        (DiskMethod::List, "/journal"),
        (DiskMethod::List, "/snapshot"),
        (DiskMethod::Lock, "LOCK"),
        (DiskMethod::Open, "00000001.journal"),
        (DiskMethod::Read, "00000001.journal"),
        (DiskMethod::Open, "00000003.journal"),
        (DiskMethod::Read, "00000003.journal"),
        (DiskMethod::Open, "durable"),
        (DiskMethod::Read, "durable"),
    ] {
        gate.fail(act, ending, io::ErrorKind::PermissionDenied);
        let error = assert_refused_through(&disk, &gate, options());
        assert!(error.is_io() && error.kind() != ErrorKind::Corrupt, "{error}");
        texts += &format!("{error}\n");
    }
    expect![[r#"
        listing `/ledger` failed: permission denied; help: give the user of this process permission to read and write the image's directory and files
        listing `/ledger/journal` failed: permission denied; help: give the user of this process permission to read and write the image's directory and files
        listing `/ledger/snapshot` failed: permission denied; help: give the user of this process permission to read and write the image's directory and files
        locking `/ledger/LOCK` failed: permission denied; help: give the user of this process permission to read and write the image's directory and files
        opening `/ledger/journal/00000001.journal` failed: permission denied; help: give the user of this process permission to read and write the image's directory and files
        reading `/ledger/journal/00000001.journal` failed: permission denied; help: give the user of this process permission to read and write the image's directory and files
        opening `/ledger/journal/00000003.journal` failed: permission denied; help: give the user of this process permission to read and write the image's directory and files
        reading `/ledger/journal/00000003.journal` failed: permission denied; help: give the user of this process permission to read and write the image's directory and files
        opening `/ledger/journal/durable` failed: permission denied; help: give the user of this process permission to read and write the image's directory and files
        reading `/ledger/journal/durable` failed: permission denied; help: give the user of this process permission to read and write the image's directory and files
    "#]].assert_eq(&texts);
    assert_intact(&disk, 20, state);
}

/// A snapshot is only a cache: an unreadable one is skipped and reported.
#[test]
fn an_unreadable_snapshot_is_skipped() {
    let (disk, _) = ledger(20, &[10, 16]);
    for act in [DiskMethod::Open, DiskMethod::Read] {
        let gate = GateDisk::new(disk.fork());
        gate.fail(act, "16.snapshot", io::ErrorKind::PermissionDenied);
        let image = options().open_with(gate.shared(), ROOT).unwrap();
        let recovery = image.admin().stats().recovery;
        assert_eq!((image.journal().seq(), recovery.snapshot), (memimage::Seq::new(20), Some(memimage::Seq::new(10))));
        assert_eq!(recovery.unusable_snapshots.len(), 1);
        assert!(recovery.unusable_snapshots[0].1.contains("permission denied"));
    }
}

#[test]
fn unwritable_files_are_named() {
    let (disk, state) = ledger(20, &[10]);
    let gate = GateDisk::new(disk.clone());
    let mut texts = String::new();
    for (act, ending) in [
        (DiskMethod::Write, "durable"),
        (DiskMethod::SyncData, "durable"),
        (DiskMethod::SyncData, ".journal"),
        (DiskMethod::SyncDir, ROOT),
        (DiskMethod::SyncDir, "/journal"),
    ] {
        gate.fail(act, ending, io::ErrorKind::ReadOnlyFilesystem);
        let error = open(&gate).unwrap_err();
        assert!(error.is_io(), "{error}");
        texts += &format!("{error}\n");
    }
    expect![[r#"
        writing `/ledger/journal/durable` failed: read-only filesystem or storage medium; help: put the image on a writable file system
        syncing `/ledger/journal/durable` failed: read-only filesystem or storage medium; help: put the image on a writable file system
        syncing `/ledger/journal/00000003.journal` failed: read-only filesystem or storage medium; help: put the image on a writable file system
        syncing `/ledger` failed: read-only filesystem or storage medium; help: put the image on a writable file system
        syncing `/ledger/journal` failed: read-only filesystem or storage medium; help: put the image on a writable file system
    "#]].assert_eq(&texts);
    assert_intact(&disk, 20, state);
}
