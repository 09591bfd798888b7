//! Subscriptions on `Journal::open`: beside the owner, through its restarts and crashes, and without an owner.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use memimage::disk::{Disk as _, SimDisk};
use memimage::{Durability, ErrorKind, Image, Journal, Options, Retention, Seq, admin};
use memimage_tests::{DiskMethod, GateDisk, Ledger, LedgerCommands, checksums, frames, wait_until, with_timeout};

use super::{
    deposit, fill_segments, journal_of, next, open, open_with, options, prune_after_next, pruning, ready, seq, take,
};

const DURABLE: &str = "/ledger/journal/durable";

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
    let mut removed = 0;
    for events in 1..12 {
        let disk = SimDisk::new();
        let image = open_with(&disk, pruning());
        let mut subscription = journal_of(disk.clone()).subscribe(Seq::ZERO).unwrap();
        fill_segments(&image, events);
        // the files prove a little later than the owner that an event was synced
        assert_eq!(take(&mut subscription, events as usize).len() as u64, events);
        removed += u32::from(prune_after_next(&disk, &image));
        fill_segments(&image, 1);
        assert_eq!(take(&mut subscription, 3), [events + 1, events + 2, events + 3], "after {events} events");
    }
    assert!(removed > 0, "no subscriber's segment was removed");
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
            assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
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
        assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
    });
}

/// Regression: a subscription that had returned no event did not know the frame before its position, and skipped the events with
/// the numbers that it took for known.
#[test]
fn a_new_subscription_notices_that_an_older_copy_replaced_the_image_before_its_first_event() {
    for later in [0, 2, 4, 9] {
        let disk = SimDisk::new();
        let image = open(&disk);
        deposit(&image, 3);
        Image::close(image).unwrap();
        let copy = disk.fork();
        let image = open(&disk);
        deposit(&image, 4);
        Image::close(image).unwrap();
        let mut subscription = journal_of(disk.clone()).subscribe(seq(7)).unwrap();
        assert_eq!(ready(&mut subscription).unwrap(), [0; 0]);
        // a program goes on in the older copy, and reaches or passes the position of the subscription
        let image = open(&copy);
        deposit(&image, later);
        Image::close(image).unwrap();
        replace(&disk, &copy);
        let error = ready(&mut subscription).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Replaced, "{later} events: {error}");
        assert!(subscription.next().is_none());
    }
}

/// Puts the files of another disk in place of those of the image.
fn replace(disk: &SimDisk, other: &SimDisk) {
    for path in disk.files().into_iter().filter(|path| path.starts_with(super::PATH)) {
        disk.remove(&path).unwrap();
    }
    for path in other.files().into_iter().filter(|path| path.starts_with(super::PATH)) {
        let bytes = other.read(&path).unwrap();
        let copy = disk.create_new(&path).unwrap();
        assert_eq!(copy.write_at(&bytes, 0).unwrap(), bytes.len());
    }
}

/// Regression: the search for synced events began at the start of the segment, looked 8 MiB ahead, and never reached the position
/// of a subscription that began behind that.
#[test]
fn a_subscription_far_inside_a_segment_gets_the_events_of_an_owner_that_never_rests() {
    let disk = SimDisk::new();
    let image = open_with(&disk, options().segment_bytes(32 << 20));
    let durable = disk.read(DURABLE).unwrap();
    let file = |count| {
        for _ in 0..count {
            image.file(vec![5; 200_000]).unwrap();
        }
        // the file that shows that the owner has come to rest
        let last = image.journal().seq();
        wait_until("the owner rests", || journal_of(disk.clone()).durable_seq().unwrap() == last);
        disk.write(DURABLE, 0, &durable).unwrap();
    };
    // segments become longer; event 135 lies in the second half of one of 16 MiB
    file(140);
    let mut subscription = journal_of(disk.clone()).subscribe(seq(135)).unwrap();
    assert_eq!(ready(&mut subscription).unwrap(), (136..=139).collect::<Vec<_>>());
    file(1);
    assert_eq!(ready(&mut subscription).unwrap(), [140]);
}

/// Regression: each look read the headers of all frames after the last synced one again.
#[test]
fn a_subscriber_looks_at_each_unsynced_frame_once() {
    let disk = SimDisk::new();
    let options = options().durability(Durability::Buffered).segment_bytes(4 << 20);
    let image = options.open_with(Arc::new(disk.clone()), super::PATH).unwrap();
    deposit(&image, 1);
    image.journal().sync().unwrap();
    let gate = GateDisk::new(disk.clone());
    let mut subscription = journal_of(gate.clone()).subscribe(Seq::ZERO).unwrap();
    // the owner may sync in between
    while image.journal().seq().get() < image.journal().durable_seq().get() + 80 {
        image.file(vec![5; 5_000]).unwrap();
    }
    let known = ready(&mut subscription).unwrap().len();
    let read = |subscription: &mut _| {
        gate.trace();
        assert_eq!(ready(subscription).unwrap(), [0; 0]);
        let calls = gate.trace();
        let reads = calls.iter().filter(|call| call.is(DiskMethod::Read, ".journal"));
        reads.map(|call| call.len).sum::<usize>()
    };
    read(&mut subscription);
    let idle = read(&mut subscription);
    assert!(idle < 64 << 10, "a look at 400 KB of unsynced frames read {idle} bytes");
    image.journal().sync().unwrap();
    assert_eq!((known + ready(&mut subscription).unwrap().len()) as u64, image.journal().seq().get());
}

/// A program of a newer version wrote it: nothing is damaged.
#[test]
fn a_frame_of_a_newer_format_is_no_damage() {
    let disk = SimDisk::new();
    let image = open(&disk);
    deposit(&image, 5);
    Image::close(image).unwrap();
    let is_segment = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "journal");
    let path = disk.files().into_iter().filter(is_segment).min().unwrap();
    let mut segment = disk.read(&path).unwrap();
    let frame = frames::frames(&segment).into_iter().rfind(|frame| frames::events(&segment, frame) > 0).unwrap();
    // a kind of frame that this version does not know, and must not skip
    segment[frame.start + 6] = 99;
    checksums::update_frame_checksums(&mut segment, frame);
    disk.write(&path, 0, &segment).unwrap();
    let mut subscription = journal_of(disk).subscribe(Seq::ZERO).unwrap();
    let error = subscription.find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::Incompatible, "{error}");
    assert!(error.to_string().contains("unknown kind 99"), "{error}");
}

#[test]
fn new_void_events_are_collected_from_the_position_of_the_subscription_on() {
    let disk = SimDisk::new();
    let image = open(&disk);
    fill_segments(&image, 60);
    let last = image.journal().seq();
    Image::close(image).unwrap();
    let gate = GateDisk::new(disk.clone());
    let mut subscription = journal_of(gate.clone()).subscribe(seq(last.get() - 1)).unwrap();
    assert_eq!(ready(&mut subscription).unwrap(), [last.get()]);
    admin::Void::new(last, "a mistake").run_with(Arc::new(disk.clone()), super::PATH).unwrap();
    gate.trace();
    assert_eq!(ready(&mut subscription).unwrap(), [0; 0]);
    let calls = gate.trace();
    let (mut first, mut all) = (0, 0);
    for call in calls.iter().filter(|call| call.is(DiskMethod::Read, ".journal")) {
        all += 1;
        first += if call.is(DiskMethod::Read, "/00000001.journal") { call.len } else { 0 };
    }
    assert!(all > 0 && first <= 2 * 4096, "{first} bytes of the first segment were read again");
}
