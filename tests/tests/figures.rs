//! The figures of an image: what `Stats` and the report of a recovery count.

use std::sync::Arc;
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, Image, Options, Retention, Stats};
use memimage_tests::{Ledger, LedgerCommands, LedgerDeposit, Run, files, wait_until};

fn options(durability: Durability) -> Options<Ledger> {
    Run::options(durability, 8)
}

fn open(disk: &SimDisk, options: Options<Ledger>) -> Image<Ledger> {
    options.open_with(Arc::new(disk.clone()), "ledger").unwrap()
}

fn stats(image: &Image<Ledger>) -> Stats {
    image.admin().stats()
}

/// The length of the segments on the disk.
fn segment_bytes(disk: &SimDisk) -> u64 {
    files(disk)
        .iter()
        .filter(|(path, _)| path.to_string_lossy().ends_with(".journal"))
        .map(|(_, bytes)| bytes.len() as u64)
        .sum()
}

#[test]
fn the_batches_contain_all_events_and_bytes() {
    for durability in [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(1))] {
        let image = open(&SimDisk::new(), options(durability));
        for amount in 1..=50 {
            drop(image.submit(LedgerDeposit { account: 1, amount }).unwrap());
        }
        image.journal().sync().unwrap();
        let Stats { batch_events, batch_bytes, sync_latency, batches, bytes, .. } = stats(&image);
        assert_eq!(batch_events.sum(), 50);
        assert_eq!((batch_bytes.count(), batch_bytes.sum()), (batches, bytes));
        // the first batch declares the event
        assert!(batch_events.count() < batches && batch_bytes.max() <= bytes);
        assert!(sync_latency.count() >= 1 && sync_latency.max() <= sync_latency.sum());
        if durability == Durability::Synced {
            assert_eq!(sync_latency.count(), batches);
        }
    }
}

#[test]
fn the_journal_has_the_length_of_its_segments() {
    let disk = SimDisk::new();
    let image = open(&disk, options(Durability::Synced).retention(Retention::Events(10)));
    let mut longest = 0;
    for _ in 0..5 {
        for _ in 0..10 {
            image.file(vec![3; 2_000]).unwrap();
        }
        // the next segment is built in the background
        wait_until("the length of the journal", || stats(&image).journal_bytes == segment_bytes(&disk));
        longest = longest.max(stats(&image).journal_bytes);
        image.admin().snapshot().unwrap();
    }
    wait_until("the length of the journal", || stats(&image).journal_bytes == segment_bytes(&disk));
    assert!(stats(&image).journal_bytes < longest, "nothing was pruned");
    Image::close(image).unwrap();
    let image = open(&disk, options(Durability::Synced));
    wait_until("the length of the journal", || stats(&image).journal_bytes == segment_bytes(&disk));
}

#[test]
fn a_snapshot_has_an_age_and_a_length() {
    let disk = SimDisk::new();
    let image = open(&disk, options(Durability::Synced));
    image.once("a request key").deposit(1, 5).unwrap();
    let before = stats(&image);
    assert_eq!((before.snapshot_age, before.state_bytes), (None, None));
    image.admin().snapshot().unwrap();
    let made = stats(&image);
    assert!(made.snapshot_age.unwrap() < Duration::from_secs(60));
    assert!(made.state_bytes.unwrap() > 0);
    Image::close(image).unwrap();

    let image = open(&disk, options(Durability::Synced));
    let opened = stats(&image);
    assert_eq!(opened.state_bytes, made.state_bytes);
    assert!(opened.snapshot_age.unwrap() >= made.snapshot_age.unwrap());
    assert!(opened.recovery.snapshot_age.unwrap() <= opened.snapshot_age.unwrap());
}

#[test]
fn a_recovery_has_a_speed() {
    let disk = SimDisk::new();
    let image = open(&disk, options(Durability::Synced));
    assert_eq!(stats(&image).recovery.events_per_second(), None);
    for amount in 1..=20 {
        image.deposit(1, amount).unwrap();
    }
    Image::close(image).unwrap();
    let recovery = stats(&open(&disk, options(Durability::Synced))).recovery;
    assert_eq!((recovery.replayed, recovery.snapshot_age), (20, None));
    assert!(recovery.replayed_bytes >= 20 && recovery.replay_duration <= recovery.duration);
    let events = recovery.events_per_second().unwrap() * recovery.replay_duration.as_secs_f64();
    assert!((events - 20.0).abs() < 1e-6);
    assert!(recovery.bytes_per_second().unwrap() > recovery.events_per_second().unwrap());
}
