//! Promotions: one owner at a time, no acknowledged event lost, and only the new events are replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use memimage::disk::SimDisk;
use memimage::{Durability, ErrorKind, Image, Retention, Seq, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, with_timeout};

use super::{IMAGE, assert_follows, fill_segments, follow, open, open_with, options};

/// Catches the planted bug `PromotedUnlocked`.
#[test]
fn a_promotion_while_the_owner_lives_is_refused() {
    let disk = SimDisk::new();
    let image = open(&disk);
    image.deposit(1, 1).unwrap();
    let mut follower = follow(&disk);
    for _ in 0..3 {
        let failed = follower.promote().map(drop).unwrap_err();
        assert_eq!(failed.error().kind(), ErrorKind::Locked);
        follower = failed.into_follower();
        image.deposit(1, 1).unwrap();
        assert_follows(&follower, &image);
    }
    assert_eq!(follower.recoveries(), 0, "it goes on without a recovery");
}

/// The requests are recovered from a snapshot, replayed by the follower, and handed over.
#[test]
fn a_promoted_follower_remembers_the_requests_of_the_owner() {
    let disk = SimDisk::new();
    let image = open(&disk);
    image.once("before the snapshot").deposit(1, 5).unwrap();
    image.admin().snapshot().unwrap();
    image.once("recovered").deposit(1, 5).unwrap();
    let follower = follow(&disk);
    assert_follows(&follower, &image);
    image.once("followed").deposit(1, 5).unwrap();
    assert_follows(&follower, &image);
    let owned = disk.fork();
    Image::close(image).unwrap();
    let image = follower.promote().unwrap();
    for (key, answer) in [("before the snapshot", 5), ("recovered", 10), ("followed", 15)] {
        assert_eq!(image.once(key).deposit(1, 5).unwrap(), answer, "{key}");
    }
    assert_eq!(image.journal().seq(), Seq::new(3), "nothing was executed twice");
    let recovered = open(&owned);
    assert_eq!(recovered.once("followed").deposit(1, 5).unwrap(), 15);
}

#[test]
fn a_promotion_replays_only_what_the_follower_has_not() {
    let disk = SimDisk::new();
    let image = open(&disk);
    fill_segments(&image, 20);
    image.admin().snapshot().unwrap();
    fill_segments(&image, 20);
    let follower = follow(&disk);
    assert_follows(&follower, &image);
    let state = image.query(Ledger::clone).unwrap();
    Image::close(image).unwrap();
    let clone = follower.clone();
    let image = follower.promote().unwrap();
    let recovery = image.admin().stats().recovery;
    assert_eq!((recovery.replayed, recovery.seq, recovery.created), (0, Seq::new(80), false));
    assert_eq!(recovery.snapshot, Some(Seq::new(40)), "the follower began at the snapshot");
    assert_eq!(image.query(Ledger::clone).unwrap(), state);
    fill_segments(&image, 3);
    image.admin().snapshot().unwrap();
    image.admin().verify().unwrap();
    let ended = clone.query(|_| ()).unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Closed);
    assert_eq!(
        ended.to_string(),
        "the follower of `/ledger` was promoted, so it has ended; help: use the `Image` that `promote` returned"
    );
    assert_eq!(clone.promote().unwrap_err().error().kind(), ErrorKind::Closed);
    let state = image.query(Ledger::clone).unwrap();
    Image::close(image).unwrap();
    assert_eq!(open(&disk).query(Ledger::clone).unwrap(), state);
}

/// An owner that crashed has events that no follower may show yet; the new owner has all of them that were acknowledged.
#[test]
fn the_events_that_were_not_shown_yet_are_recovered() {
    for durability in [Durability::Synced, Durability::Buffered] {
        let disk = SimDisk::new();
        let image = open_with(&disk, options().durability(durability));
        let follower = follow(&disk);
        fill_segments(&image, 30);
        let state = image.query(Ledger::clone).unwrap();
        // the process is killed: its lock ends, and what it has written stays
        let killed = disk.fork();
        drop(image);
        let other = options().follow_with(Arc::new(killed.clone()), IMAGE).unwrap();
        let image = other.promote().unwrap();
        assert_eq!(image.query(Ledger::clone).unwrap(), state, "{durability:?}");
        assert_eq!(image.journal().durable_seq(), Seq::new(60));
        drop(follower);
    }
}

#[test]
fn of_two_promoters_one_wins() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let mut image = open(&disk);
        for round in 1..30 {
            let followers = [follow(&disk), follow(&disk), follow(&disk)];
            image.deposit(1, 1).unwrap();
            drop(image);
            let locked = AtomicU32::new(0);
            let images: Vec<Image<Ledger>> = std::thread::scope(|scope| {
                let promote = |follower: memimage::Follower<Ledger>| match follower.promote() {
                    Ok(image) => Some(image),
                    Err(failed) => {
                        assert_eq!(failed.error().kind(), ErrorKind::Locked);
                        locked.fetch_add(1, Ordering::Relaxed);
                        None
                    }
                };
                let promoters = followers.map(|follower| scope.spawn(move || promote(follower)));
                promoters.into_iter().filter_map(|promoter| promoter.join().unwrap()).collect()
            });
            assert_eq!((images.len(), locked.into_inner()), (1, 2));
            image = images.into_iter().next().unwrap();
            assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), round);
        }
    });
}

#[test]
fn the_promoted_image_has_the_options_of_the_follower() {
    let disk = SimDisk::new();
    let image = open(&disk);
    fill_segments(&image, 3);
    let options = options().snapshots(SnapshotPolicy::AfterEvents(5)).retention(Retention::Events(0));
    let follower = options.durability(Durability::Buffered).follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
    Image::close(image).unwrap();
    let image = follower.promote().unwrap();
    fill_segments(&image, 30);
    memimage_tests::wait_until("a snapshot", || image.admin().stats().snapshot.is_some());
    Image::close(image).unwrap();
}

#[test]
fn a_void_event_before_a_promotion_is_not_in_the_image() {
    let disk = SimDisk::new();
    let image = open(&disk);
    for _ in 0..3 {
        image.deposit(1, 10).unwrap();
    }
    let follower = follow(&disk);
    assert_follows(&follower, &image);
    Image::close(image).unwrap();
    let void = memimage::admin::Void::new(Seq::new(2), "a mistake");
    void.run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let image = follower.promote().unwrap();
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 20);
    assert_eq!(image.deposit(1, 1).unwrap(), 21);
}

#[test]
fn a_chain_of_promotions() {
    let disk = SimDisk::new();
    let mut image = open_with(&disk, options().retention(Retention::Events(30)));
    let mut expected = 0;
    for _ in 0..20 {
        let follower = options().retention(Retention::Events(30)).follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
        for _ in 0..10 {
            expected += 1;
            assert_eq!(image.deposit(1, 1).unwrap(), expected);
            image.file(vec![1; 1_500]).unwrap();
        }
        if expected % 30 == 0 {
            image.admin().snapshot().unwrap();
        }
        drop(image);
        image = follower.promote().unwrap();
    }
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), expected);
    assert_eq!(image.admin().verify().unwrap(), image.journal().seq());
}
