//! Disks that fail while the journal is pruned.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memimage::disk::SimDisk;
use memimage::{Retention, Seq};
use memimage_tests::{DiskMethod, GateDisk, LedgerCommands, Run};

use super::{numbers, open, options, snapshots, ten_events};

/// A failure while the base is written changes neither the journal nor the snapshot.
#[test]
fn a_base_that_cannot_be_written_prunes_nothing() {
    let failures = [
        (DiskMethod::CreateNew, ".base.tmp"),
        (DiskMethod::Write, ".1.base.tmp"),
        (DiskMethod::Write, ".2.base.tmp"),
        (DiskMethod::SyncAll, ".2.base.tmp"),
        (DiskMethod::Rename, ".1.base"),
        (DiskMethod::Rename, ".2.base"),
    ];
    for (act, ending) in failures {
        let sim = SimDisk::new();
        let disk = GateDisk::new(sim.clone());
        let image = options(Retention::Events(0)).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
        let mut run = Run::begin(image, Vec::new(), Seq::ZERO).unwrap();
        disk.fail(act, ending, io::ErrorKind::StorageFull);
        for _ in 0..4 {
            ten_events(&mut run);
            let made = run.image().admin().snapshot().unwrap();
            assert_eq!(made.pruned, None, "{act:?} {ending}");
        }
        let stats = run.image().admin().stats();
        assert!(stats.retention_failure.is_some_and(|why| why.contains(".base.tmp")), "{act:?} {ending}");
        assert_eq!((stats.base, stats.snapshot_failure), (None, None));
        assert_eq!((numbers(&sim)[0], snapshots(&sim).len()), (1, 2), "{act:?} {ending}");
        disk.remove_rule();
        ten_events(&mut run);
        assert!(run.image().admin().snapshot().unwrap().pruned.is_some());
        assert_eq!(run.image().admin().stats().retention_failure, None);
        assert!(numbers(&sim)[0] > 1);
        let (digests, seq) = run.close();
        Run::begin(open(&sim.crash(|_| false), Retention::Everything).unwrap(), digests, seq).unwrap();
    }
}

/// The base already exists, so the remaining segments are not needed, and the next pruning removes them.
#[test]
fn segments_that_cannot_be_removed_are_removed_later() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = options(Retention::Events(0)).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let mut run = Run::begin(image, Vec::new(), Seq::ZERO).unwrap();
    disk.fail(DiskMethod::Remove, "2.journal", io::ErrorKind::PermissionDenied);
    for _ in 0..5 {
        ten_events(&mut run);
        run.image().admin().snapshot().unwrap();
    }
    assert!(run.image().admin().stats().retention_failure.is_some_and(|why| why.contains("00000002.journal")));
    // segments are removed from the oldest on, and a failure keeps all later ones
    assert_eq!(numbers(&sim)[..2], [2, 3]);
    let image = open(&sim.fork(), Retention::Everything).unwrap();
    assert_eq!(image.admin().stats().base, run.image().admin().stats().base);
    Run::begin(image, run.digests().to_vec(), run.image().journal().seq()).unwrap();
    disk.remove_rule();
    ten_events(&mut run);
    assert!(run.image().admin().snapshot().unwrap().pruned.is_some());
    assert!(numbers(&sim)[0] > 3);
}

/// A later sync of a directory may succeed although a failed one lost an entry.
#[test]
fn a_failed_sync_of_the_journal_directory_poisons() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = options(Retention::Events(0)).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let mut run = Run::begin(image, Vec::new(), Seq::ZERO).unwrap();
    let renamed = AtomicBool::new(false);
    disk.rule(move |call| {
        let base = call.method == DiskMethod::Rename && call.path.to_string_lossy().contains(".2.base");
        let renamed = renamed.fetch_or(base, Ordering::SeqCst);
        if renamed && call.is(DiskMethod::SyncDir, "/journal") {
            Err(io::Error::other("the disk is gone"))
        } else {
            Ok(None)
        }
    });
    for _ in 0..2 {
        ten_events(&mut run);
        assert_eq!(run.image().admin().snapshot().unwrap().pruned, None);
    }
    assert!(run.image().admin().stats().retention_failure.is_some_and(|why| why.contains("the disk is gone")));
    assert_eq!(numbers(&sim)[0], 1);
    assert!(run.image().deposit(1, 1).unwrap_err().is_poisoned());
    let (digests, seq) = (run.digests().to_vec(), run.image().journal().seq());
    drop(run);
    Run::begin(open(&sim.crash(|_| false), Retention::Events(0)).unwrap(), digests, seq).unwrap();
}
