//! Views: what they show, and that nobody waits for them.

use std::sync::{Arc, Barrier};

use memimage::disk::{Disk as _, SimDisk};
use memimage::{ErrorKind, Image};
use memimage_tests::protection::MODES;
use memimage_tests::{Gate, Ledger, LedgerCommands, LedgerDeposit, with_keys, with_timeout};

use super::{DURABILITIES, REPLICAS, fill_segments, open, options};

#[test]
fn a_view_shows_every_event_that_was_acknowledged_before_it() {
    for durability in DURABILITIES {
        for replica in REPLICAS {
            let image = open(&SimDisk::new(), options().durability(durability).replica(replica));
            for balance in 1..40 {
                image.deposit(3, 1).unwrap();
                assert_eq!(image.view(|ledger| ledger.accounts[&3]).unwrap(), balance, "{durability:?} {replica:?}");
            }
            // a view in progress keeps the replica, which later views bring up to date
            image.deposit(4, 1).unwrap();
            let (entered, gate) = (Arc::new(Barrier::new(2)), Gate::default());
            std::thread::scope(|scope| {
                let inside = (Arc::clone(&entered), gate.clone());
                let viewing = scope.spawn(|| {
                    let (entered, gate) = inside;
                    image.view(|ledger| {
                        entered.wait();
                        gate.pass();
                        ledger.accounts[&4]
                    })
                });
                entered.wait();
                image.deposit(4, 1).unwrap();
                let later = scope.spawn(|| image.view(|ledger| ledger.accounts[&4]));
                gate.open();
                assert_eq!(viewing.join().unwrap().unwrap(), 1);
                assert_eq!(later.join().unwrap().unwrap(), 2);
            });
            Image::close(image).unwrap();
        }
    }
}

#[test]
fn commands_and_queries_do_not_wait_for_a_view() {
    for replica in REPLICAS {
        with_timeout(move || {
            let image = open(&SimDisk::new(), options().replica(replica));
            image.deposit(1, 5).unwrap();
            image
                .view(|ledger| {
                    let other = image.clone();
                    // waits for an answer that another thread gets while this view is in progress
                    let balance = std::thread::spawn(move || {
                        let balance = other.deposit(1, 5).unwrap();
                        assert_eq!(other.query(|ledger| ledger.accounts[&1]).unwrap(), balance);
                        balance
                    });
                    assert_eq!((balance.join().unwrap(), ledger.accounts[&1]), (10, 5));
                })
                .unwrap();
        });
    }
}

#[test]
fn views_run_side_by_side() {
    for replica in REPLICAS {
        with_timeout(move || {
            let image = open(&SimDisk::new(), options().replica(replica));
            image.deposit(1, 5).unwrap();
            let together = Barrier::new(3);
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| image.view(|_| together.wait()).unwrap());
                }
            });
        });
    }
}

#[test]
fn a_view_reads_segments_that_began_after_it_and_events_that_were_declared_after_it() {
    for protection in MODES {
        let image = with_keys!(protection, options()).open_with(Arc::new(SimDisk::new()), "/ledger").unwrap();
        image.deposit(1, 5).unwrap();
        image
            .view(|ledger| {
                assert_eq!(ledger.accounts[&1], 5);
                let other = image.clone();
                let written = std::thread::spawn(move || {
                    fill_segments(&other, 40);
                    other.settle(9, 3).unwrap_err();
                    other
                });
                let other = written.join().unwrap();
                // the second view shares the replica of the first one, which keeps its events until the first one ends
                std::thread::spawn(move || {
                    let expected = other.query(Ledger::clone).unwrap();
                    std::thread::spawn(move || assert_eq!(other.view(Ledger::clone).unwrap(), expected))
                })
                .join()
                .unwrap()
            })
            .unwrap()
            .join()
            .unwrap();
        Image::close(image).unwrap();
    }
}

#[test]
fn a_view_ends_with_an_error_if_the_journal_cannot_be_read_and_commands_go_on() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    (0..9).for_each(|_| _ = image.deposit(1, 1).unwrap());
    let segment = "/ledger/journal/00000001.journal";
    let bytes = disk.read(segment).unwrap();
    disk.write(segment, 4096 + 600, &[!bytes[4096 + 600]]).unwrap();
    let error = image.view(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(image.deposit(1, 1).unwrap(), 10);
    disk.write(segment, 4096 + 600, &bytes[4096 + 600..4096 + 601]).unwrap();
    assert_eq!(image.view(|ledger| ledger.accounts[&1]).unwrap(), 10);
}

#[test]
fn a_closed_or_poisoned_image_has_no_view() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    image.deposit(1, 1).unwrap();
    let other = image.clone();
    // a view in progress ends as it would without the close
    let shown = image.view(|ledger| {
        std::thread::spawn(move || Image::close(other).unwrap()).join().unwrap();
        ledger.accounts[&1]
    });
    assert_eq!(shown.unwrap(), 1);
    assert_eq!(image.view(|_| ()).unwrap_err().kind(), ErrorKind::Closed);

    let image = open(&disk, options());
    disk.inject(memimage::disk::Fault::io().on(&[memimage::disk::Method::SyncData]));
    image.submit(LedgerDeposit { account: 1, amount: 1 }).unwrap().wait().unwrap_err();
    assert_eq!(image.view(|_| ()).unwrap_err().kind(), ErrorKind::Poisoned);
    disk.heal();
    drop(image);
    assert!(disk.kind(std::path::Path::new("/ledger")).unwrap().is_some());
}

#[test]
fn a_panic_in_a_view_harms_nobody() {
    for replica in REPLICAS {
        let image = open(&SimDisk::new(), options().replica(replica));
        image.deposit(1, 1).unwrap();
        let view = || image.view(|_| panic!("in the view"));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(view)).unwrap_err();
        image.deposit(1, 1).unwrap();
        assert_eq!(image.view(|ledger| ledger.accounts[&1]).unwrap(), 2);
        Image::close(image).unwrap();
    }
}
