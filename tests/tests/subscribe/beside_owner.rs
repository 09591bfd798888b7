//! Subscriptions on `Journal::open`: beside the owner, through its restarts and crashes, and without an owner.

use std::fs;
use std::thread;
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Journal, Options, Retention, Seq, admin};
use memimage_tests::{Ledger, LedgerCommands, with_timeout};

use super::{deposit, fill_segments, journal_of, next, open, open_with, options, pruning, ready, seq, take};

fn pruned_often() -> Options<Ledger> {
    options().retention(Retention::Events(0))
}

#[test]
fn a_subscriber_beside_the_owner_survives_rolls_snapshots_pruning_and_restarts() {
    with_timeout(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        let mut image: Image<Ledger> = pruned_often().open(&path).unwrap();
        let mut subscription = Journal::<Ledger>::open(&path).unwrap().subscribe(Seq::ZERO).unwrap();
        let reader = thread::spawn(move || {
            let mut last = 0;
            while last < 600 {
                let event = next(&mut subscription);
                assert_eq!(event.seq().get(), last + 1);
                last += 1;
            }
        });
        for round in 0..10 {
            for _ in 0..20 {
                deposit(&image, 2);
                image.file(vec![5; 3_000]).unwrap();
            }
            if round < 9 {
                // the reader may be so slow that what it needs would be pruned
                thread::sleep(Duration::from_millis(100));
                image.admin().snapshot().unwrap();
                Image::close(image).unwrap();
                image = pruned_often().open(&path).unwrap();
            }
        }
        reader.join().unwrap();
        assert!(image.admin().stats().base.is_some(), "nothing was pruned");
    });
}

#[test]
fn a_subscriber_of_an_idle_owner_gets_each_event_soon() {
    with_timeout(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        let image: Image<Ledger> = options().open(&path).unwrap();
        let mut subscription = Journal::<Ledger>::open(&path).unwrap().subscribe(Seq::ZERO).unwrap();
        for number in 1..20 {
            deposit(&image, 1);
            let event = subscription.next_timeout(Duration::from_secs(10)).unwrap().unwrap();
            assert_eq!(event.seq(), seq(number));
            assert_eq!(subscription.lag().unwrap(), 0);
        }
        assert!(subscription.next_timeout(Duration::from_millis(50)).unwrap().is_none());
        let stop = subscription.stop_handle();
        let waiter = thread::spawn(move || subscription.next().is_none());
        thread::sleep(Duration::from_millis(30));
        stop.stop();
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn lag_counts_all_durable_events() {
    let disk = SimDisk::new();
    let image = open(&disk);
    fill_segments(&image, 30);
    let mut subscription = journal_of(disk.clone()).subscribe(seq(3)).unwrap();
    assert_eq!(take(&mut subscription, 2), [4, 5]);
    memimage_tests::wait_until("the files prove all syncs", || subscription.lag().unwrap() == 25);
    assert_eq!(subscription.seq(), seq(5));
    // an event that the files do not prove to be synced yet
    journal_of(disk.clone()).subscribe(seq(30)).unwrap();
    assert_eq!(journal_of(disk).subscribe(seq(31)).unwrap_err().kind(), ErrorKind::OutOfRange);
}

/// Regression: the subscriber had returned all events of a segment, and lacked only the seal after them.
#[test]
fn a_subscriber_that_has_read_all_pruned_events_continues() {
    for events in 1..12 {
        let disk = SimDisk::new();
        let image = open_with(&disk, pruning());
        let mut subscription = journal_of(disk.clone()).subscribe(Seq::ZERO).unwrap();
        fill_segments(&image, events);
        // the files prove a little later than the owner that an event was synced
        assert_eq!(take(&mut subscription, events as usize).len() as u64, events);
        image.admin().snapshot().unwrap();
        fill_segments(&image, 1);
        image.admin().snapshot().unwrap();
        fill_segments(&image, 1);
        assert_eq!(take(&mut subscription, 2), [events + 1, events + 2], "after {events} events");
    }
}

#[test]
fn a_subscriber_that_was_pruned_away_gets_an_error() {
    let disk = SimDisk::new();
    let image = open_with(&disk, pruning());
    let mut subscription = journal_of(disk.clone()).subscribe(Seq::ZERO).unwrap();
    fill_segments(&image, 20);
    image.admin().snapshot().unwrap();
    fill_segments(&image, 1);
    image.admin().snapshot().unwrap();
    let error = subscription.find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::Pruned, "{error}");
}

#[test]
fn an_event_that_was_made_void_meanwhile_comes_as_void() {
    let disk = SimDisk::new();
    let image = open(&disk);
    deposit(&image, 3);
    Image::close(image).unwrap();
    let mut subscription = journal_of(disk.clone()).subscribe(Seq::ZERO).unwrap();
    assert!(!next(&mut subscription).is_void());
    admin::Void::new(seq(2), "a mistake").run_with(std::sync::Arc::new(disk.clone()), super::PATH).unwrap();
    // events that were known to be durable before come as they were then
    let mut later = journal_of(disk.clone()).subscribe(seq(1)).unwrap();
    assert!(next(&mut later).is_void());
    let image = open(&disk);
    deposit(&image, 1);
    Image::close(image).unwrap();
    assert_eq!(ready(&mut later).unwrap(), [3, 4]);
    admin::Void::new(seq(4), "a mistake").run_with(std::sync::Arc::new(disk.clone()), super::PATH).unwrap();
    let image = open(&disk);
    deposit(&image, 1);
    Image::close(image).unwrap();
    admin::Void::new(seq(5), "a mistake").run_with(std::sync::Arc::new(disk.clone()), super::PATH).unwrap();
    let event = next(&mut later);
    assert_eq!((event.seq(), event.is_void()), (seq(5), true));
}

#[test]
fn a_removed_or_replaced_image_ends_the_subscription_with_an_error() {
    with_timeout(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger");
        for is_replaced in [false, true] {
            let image: Image<Ledger> = options().open(&path).unwrap();
            deposit(&image, 1);
            Image::close(image).unwrap();
            let mut subscription = Journal::<Ledger>::open(&path).unwrap().subscribe(seq(1)).unwrap();
            assert!(subscription.next_timeout(Duration::ZERO).unwrap().is_none());
            fs::remove_dir_all(&path).unwrap();
            if is_replaced {
                let image: Image<Ledger> = options().open(&path).unwrap();
                deposit(&image, 5);
                Image::close(image).unwrap();
            }
            let error = subscription.next().unwrap().unwrap_err();
            let expected = if is_replaced { ErrorKind::Replaced } else { ErrorKind::NotFound };
            assert_eq!(error.kind(), expected, "{error}");
            assert!(subscription.next().is_none());
        }
    });
}

#[test]
fn an_image_that_was_restored_to_an_earlier_state_ends_the_subscription_with_an_error() {
    with_timeout(|| {
        let dir = tempfile::tempdir().unwrap();
        let (path, backup) = (dir.path().join("ledger"), dir.path().join("backup"));
        let image: Image<Ledger> = options().open(&path).unwrap();
        deposit(&image, 3);
        Image::close(image).unwrap();
        let copied = std::process::Command::new("cp").arg("-r").args([&path, &backup]).status().unwrap();
        assert!(copied.success());
        let image: Image<Ledger> = options().open(&path).unwrap();
        deposit(&image, 5);
        let mut subscription = Journal::<Ledger>::open(&path).unwrap().subscribe(Seq::ZERO).unwrap();
        assert_eq!(take(&mut subscription, 8).len(), 8);
        Image::close(image).unwrap();
        fs::remove_dir_all(&path).unwrap();
        fs::rename(&backup, &path).unwrap();
        for _ in 0..2 {
            // its epoch is higher than that of the events that are gone
            let image: Image<Ledger> = options().open(&path).unwrap();
            Image::close(image).unwrap();
        }
        let error = subscription.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
    });
}
