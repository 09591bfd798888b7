//! A standing replica: it follows the journal, and replaces the model after a panic.

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Replica, Retention, SnapshotSource};
use memimage_tests::{Ledger, LedgerCommands, with_timeout};

use super::{DURABILITIES, fill_segments, open, options, wait_for_replica};

#[test]
fn a_standing_replica_follows_the_journal() {
    for durability in DURABILITIES {
        let image = open(&SimDisk::new(), options().durability(durability).replica(Replica::Standing));
        for _ in 0..5 {
            fill_segments(&image, 10);
            image.journal().sync().unwrap();
            wait_for_replica(&image);
        }
        let expected = image.query(Ledger::clone).unwrap();
        assert_eq!(image.view(Ledger::clone).unwrap(), expected);
        Image::close(image).unwrap();
    }
}

#[test]
fn a_panic_in_a_body_needs_no_file_but_the_end_of_the_journal() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let image = open(&disk, options().replica(Replica::Standing));
        fill_segments(&image, 30);
        wait_for_replica(&image);
        // a recovery from disk would now fail
        let first = "/ledger/journal/00000001.journal";
        let bytes = disk.read(first).unwrap();
        disk.write(first, 4096 + 600, &[!bytes[4096 + 600]]).unwrap();
        let before = image.query(Ledger::clone).unwrap();
        assert_eq!(image.explode(1).unwrap_err().kind(), ErrorKind::Panicked);
        assert_eq!(image.query(Ledger::clone).unwrap(), before, "the half-changed model was replaced");
        image.deposit(1, 1).unwrap();
        disk.write(first, 4096 + 600, &bytes[4096 + 600..4096 + 601]).unwrap();
        // the thread makes a new replica
        wait_for_replica(&image);
        image.explode(1).unwrap_err();
        let expected = image.query(Ledger::clone).unwrap();
        assert_eq!(image.view(Ledger::clone).unwrap(), expected);
        Image::close(image).unwrap();
        assert_eq!(open(&disk, options()).query(Ledger::clone).unwrap(), expected);
    });
}

#[test]
fn a_body_that_panics_during_a_view_is_rebuilt_from_disk() {
    with_timeout(|| {
        let image = open(&SimDisk::new(), options().replica(Replica::Standing));
        fill_segments(&image, 10);
        let expected = image.query(Ledger::clone).unwrap();
        image
            .view(|_| {
                let other = image.clone();
                std::thread::spawn(move || assert_eq!(other.explode(1).unwrap_err().kind(), ErrorKind::Panicked))
                    .join()
                    .unwrap();
            })
            .unwrap();
        assert_eq!(image.query(Ledger::clone).unwrap(), expected);
        Image::close(image).unwrap();
    });
}

#[test]
fn a_replica_that_lags_behind_a_pruned_journal_is_recovered_from_the_snapshot() {
    with_timeout(|| {
        let settings = options().retention(Retention::Events(0)).snapshot_source(SnapshotSource::InPlace);
        let image = open(&SimDisk::new(), settings.replica(Replica::Standing));
        fill_segments(&image, 10);
        wait_for_replica(&image);
        image
            .view(|_| {
                let other = image.clone();
                let pruning = std::thread::spawn(move || {
                    for _ in 0..4 {
                        fill_segments(&other, 20);
                        other.admin().snapshot().unwrap();
                    }
                    assert!(other.admin().stats().base.is_some(), "{:?}", other.admin().stats());
                });
                pruning.join().unwrap();
            })
            .unwrap();
        let expected = image.query(Ledger::clone).unwrap();
        assert_eq!(image.view(Ledger::clone).unwrap(), expected);
        Image::close(image).unwrap();
    });
}
