//! A disk without space for new files.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use expect_test::expect;
use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image};
use memimage_tests::{DiskMethod, GateDisk, LedgerCommands, LedgerFile};

use super::{ROOT, assert_intact, check, ledger, open, snapshot, state};

/// Refuses all new files and directories.
fn fill_disk(gate: &GateDisk) {
    gate.rule(|call| match call.method {
        DiskMethod::CreateNew | DiskMethod::CreateDir => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(None),
    });
}

#[test]
fn without_space_for_the_next_segment_commands_are_refused() {
    let (disk, _) = ledger(2, &[]);
    let gate = GateDisk::new(disk.clone());
    let image = open(&gate).unwrap();
    for (act, kind) in [
        (DiskMethod::CreateNew, io::ErrorKind::StorageFull),
        (DiskMethod::Write, io::ErrorKind::StorageFull),
        (DiskMethod::Write, io::ErrorKind::QuotaExceeded),
        (DiskMethod::SyncAll, io::ErrorKind::StorageFull),
    ] {
        gate.fail(act, ".journal.tmp", kind);
        // the preallocated segment is filled first
        let mut accepted = 0;
        let error = loop {
            let before = (image.journal().seq(), state(&image));
            match image.submit(LedgerFile { bytes: vec![7; 1_000] }) {
                Ok(pending) => _ = pending.wait().unwrap(),
                Err(error) => {
                    assert_eq!((image.journal().seq(), state(&image)), before);
                    break error;
                }
            }
            accepted += 1;
            assert!(accepted < 40);
        };
        assert!(error.kind() == ErrorKind::StorageFull && error.is_io() && !error.is_poisoned(), "{error}");
        if act == DiskMethod::CreateNew {
            check(
                &error,
                expect![
                    "the disk is full: creating `/ledger/journal/00000003.journal.tmp` failed: no storage space; help: free some space and try again: a new segment takes 16384 bytes; smaller ones take less (`options().segment_bytes`)"
                ],
            );
        }
        // the refusal can be repeated, by each kind of call
        let before = (image.journal().seq(), state(&image));
        assert_eq!(image.file(vec![7; 1_000]).unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(image.file(vec![7; 40_000]).unwrap_err().kind(), ErrorKind::StorageFull);
        let busy = image.try_submit(LedgerFile { bytes: vec![7; 1_000] }).map(drop).unwrap_err();
        assert!(busy.kind() == ErrorKind::StorageFull || busy.kind() == ErrorKind::Busy, "{busy}");
        assert_eq!((image.journal().seq(), state(&image)), before);
        image.journal().sync().unwrap();

        gate.remove_rule();
        image.file(vec![7; 1_000]).unwrap();
    }
    let (seq, state) = (image.journal().seq().get(), state(&image));
    Image::close(image).unwrap();
    assert_intact(&disk, seq, state);
}

#[test]
fn an_image_opens_on_a_full_disk() {
    // a closed image, and one after a kill or power cut while the next segment was preallocated
    let (disk, state_before) = ledger(20, &[10]);
    let running = open(&disk).unwrap();
    for left in [disk.fork(), disk.crash(|_| false)] {
        let gate = GateDisk::new(left.clone());
        fill_disk(&gate);
        let image = open(&gate).unwrap();
        assert_eq!((image.journal().seq().get(), state(&image)), (20, state_before));
        let mut accepted = 0;
        let error = loop {
            match image.file(vec![7; 1_000]) {
                Ok(_) => accepted += 1,
                Err(error) => break error,
            }
        };
        assert!(error.kind() == ErrorKind::StorageFull && accepted < 20, "{error}");
        let after = state(&image);
        Image::close(image).unwrap();
        // the disk is still full, and no segment is preallocated
        let image = open(&gate).unwrap();
        assert_eq!((image.journal().seq().get(), state(&image)), (20 + accepted, after));
        Image::close(image).unwrap();
        assert_intact(&left, 20 + accepted, after);
    }
    drop(running);
}

#[test]
fn a_creation_on_a_full_disk_is_completed_later() {
    for nth in 0.. {
        let disk = SimDisk::new();
        let gate = GateDisk::new(disk.clone());
        let calls = AtomicUsize::new(0);
        gate.rule(move |call| {
            let takes_space = matches!(
                call.method,
                DiskMethod::CreateNew
                    | DiskMethod::CreateDir
                    | DiskMethod::Rename
                    | DiskMethod::Write
                    | DiskMethod::SyncData
                    | DiskMethod::SyncAll
                    | DiskMethod::SyncDir
            );
            // the preallocated segment is not needed yet
            if call.path.to_string_lossy().contains("00000002.journal") || !takes_space {
                return Ok(None);
            }
            let now = calls.fetch_add(1, Ordering::Relaxed);
            if now == nth { Err(io::ErrorKind::StorageFull.into()) } else { Ok(None) }
        });
        match open(&gate) {
            Ok(image) if image.deposit(1, 1).is_ok() => {
                assert!(nth > 10, "{nth}");
                return;
            }
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::StorageFull, "call {nth}: {error}"),
        }
        gate.remove_rule();
        for left in [disk.crash(|_| false), disk] {
            let image = open(&left).unwrap_or_else(|error| panic!("call {nth}: {error}"));
            image.deposit(1, 1).unwrap();
            Image::close(image).unwrap();
        }
    }
}

#[test]
fn a_snapshot_on_a_full_disk_leaves_the_image_running() {
    let (disk, _) = ledger(20, &[10]);
    let gate = GateDisk::new(disk.clone());
    let image = open(&gate).unwrap();
    for (act, ending) in [
        (DiskMethod::CreateNew, ".snapshot.tmp"),
        (DiskMethod::Write, ".snapshot.tmp"),
        (DiskMethod::SyncData, ".snapshot.tmp"),
        (DiskMethod::SyncAll, ".snapshot.tmp"),
        (DiskMethod::Rename, ".snapshot"),
    ] {
        gate.fail(act, ending, io::ErrorKind::StorageFull);
        let error = image.admin().snapshot().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        if act == DiskMethod::Write {
            check(
                &error,
                expect![
                    "the disk is full: writing `/ledger/snapshot/00000000000000000021.snapshot.tmp` failed: no storage space; help: free some space and try again"
                ],
            );
        }
        image.deposit(1, 1).unwrap();
        let left = disk.files().into_iter().filter(|path| path.starts_with(format!("{ROOT}/snapshot")));
        assert_eq!(left.collect::<Vec<_>>(), [PathBuf::from(snapshot(10))]);
    }
    gate.remove_rule();
    assert_eq!(image.admin().snapshot().unwrap().seq, image.journal().seq());
    let (seq, state) = (image.journal().seq().get(), state(&image));
    Image::close(image).unwrap();
    assert_intact(&disk, seq, state);
}
