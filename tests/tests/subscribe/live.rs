//! Subscriptions on a running image in the same process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, ErrorKind, Image, Retention, Seq, SnapshotPolicy};
use memimage_tests::{DiskMethod, GateDisk, Ledger, LedgerCommands, LedgerDeposit, Run, with_timeout};

use super::{
    amount, deposit, fill_segments, next, open, open_with, options, prune, prune_after_next, pruning, ready, seq, take,
};

#[test]
fn a_subscriber_gets_the_events_on_disk_and_then_each_new_one() {
    with_timeout(|| {
        let image = open(&SimDisk::new());
        deposit(&image, 3);
        let mut all = image.journal().subscribe(Seq::ZERO).unwrap();
        let mut later = image.journal().subscribe(seq(2)).unwrap();
        let mut new = image.journal().subscribe(image.journal().durable_seq()).unwrap();
        assert_eq!(take(&mut all, 3), [1, 2, 3]);
        assert_eq!(all.next_timeout(Duration::from_millis(5)).unwrap().map(|event| event.seq()), None);
        assert!(!all.is_ended());
        let writer = image.clone();
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            deposit(&writer, 2);
        });
        assert_eq!(take(&mut all, 2), [4, 5]);
        assert_eq!(take(&mut later, 3), [3, 4, 5]);
        assert_eq!(take(&mut new, 2), [4, 5]);
        thread.join().unwrap();
        assert_eq!((all.seq(), all.lag().unwrap()), (seq(5), 0));
    });
}

#[test]
fn a_subscription_ends_when_the_image_is_closed_after_its_last_event() {
    with_timeout(|| {
        let image = open(&SimDisk::new());
        deposit(&image, 2);
        let mut waiting = image.journal().subscribe(seq(2)).unwrap();
        let mut behind = image.journal().subscribe(Seq::ZERO).unwrap();
        let waiter =
            thread::spawn(move || waiting.by_ref().map(|event| event.unwrap().seq().get()).collect::<Vec<_>>());
        deposit(&image, 1);
        Image::close(image).unwrap();
        assert_eq!(waiter.join().unwrap(), [3]);
        assert_eq!(behind.lag().unwrap(), 3);
        assert_eq!(take(&mut behind, 9), [1, 2, 3]);
        assert!(behind.is_ended());
        assert!(behind.next().is_none());
    });
}

#[test]
fn dropping_the_image_ends_a_subscription_too() {
    with_timeout(|| {
        let image = open(&SimDisk::new());
        let journal = (*image.journal()).clone();
        let mut subscription = journal.subscribe(Seq::ZERO).unwrap();
        drop(image);
        assert!(subscription.next().is_none());
        assert_eq!(journal.subscribe(Seq::ZERO).unwrap_err().kind(), ErrorKind::Closed);
    });
}

#[test]
fn a_poisoned_image_ends_a_subscription_with_the_error_after_the_durable_events() {
    with_timeout(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = options().open_with(Arc::new(disk.clone()), "/ledger").unwrap();
        deposit(&image, 2);
        let mut waiting = image.journal().subscribe(seq(2)).unwrap();
        let waiter = thread::spawn(move || waiting.next().unwrap().unwrap_err().kind());
        let mut behind = image.journal().subscribe(Seq::ZERO).unwrap();
        disk.fail(DiskMethod::Write, ".journal", std::io::ErrorKind::Other);
        image.deposit(1, 1).unwrap_err();
        disk.remove_rule();
        assert_eq!(waiter.join().unwrap(), ErrorKind::Poisoned);
        assert_eq!(take(&mut behind, 2), [1, 2]);
        assert_eq!(behind.next().unwrap().unwrap_err().kind(), ErrorKind::Poisoned);
        assert!(behind.next().is_none() && behind.is_ended());
    });
}

#[test]
fn a_stop_ends_a_waiting_subscriber() {
    with_timeout(|| {
        let image = open(&SimDisk::new());
        let mut subscription = image.journal().subscribe(Seq::ZERO).unwrap();
        let stop = subscription.stop_handle();
        let waiter = thread::spawn(move || subscription.next().is_none() && subscription.is_ended());
        thread::sleep(Duration::from_millis(20));
        stop.stop();
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn an_event_that_is_not_synced_does_not_come_and_no_sync_is_forced() {
    for durability in [Durability::Buffered, Durability::Interval(Duration::from_secs(3_600))] {
        let image = open_with(&SimDisk::new(), Run::options(durability, 512).segment_bytes(64 << 10));
        let mut subscription = image.journal().subscribe(Seq::ZERO).unwrap();
        deposit(&image, 3);
        assert_eq!(ready(&mut subscription).unwrap(), [0; 0]);
        assert_eq!(image.journal().durable_seq(), Seq::ZERO, "the subscriber forced a sync");
        image.journal().sync().unwrap();
        assert_eq!(ready(&mut subscription).unwrap(), [1, 2, 3]);
        deposit(&image, 1);
        Image::close(image).unwrap();
        assert_eq!(ready(&mut subscription).unwrap(), [4]);
        assert!(subscription.next().is_none());
    }
}

#[test]
fn an_event_does_not_come_before_its_sync_has_returned() {
    with_timeout(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = options().open_with(Arc::new(disk.clone()), "/ledger").unwrap();
        deposit(&image, 1);
        let mut subscription = image.journal().subscribe(seq(1)).unwrap();
        let released = Arc::new(AtomicBool::new(false));
        let reached = Arc::new(AtomicBool::new(false));
        let (open_gate, at_gate) = (Arc::clone(&released), Arc::clone(&reached));
        disk.rule(move |call| {
            if call.is(DiskMethod::SyncData, ".journal") {
                at_gate.store(true, Ordering::SeqCst);
                while !open_gate.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_micros(100));
                }
            }
            Ok(None)
        });
        let writer = thread::spawn(move || deposit(&image, 1));
        while !reached.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_micros(100));
        }
        assert!(subscription.next_timeout(Duration::from_millis(20)).unwrap().is_none());
        released.store(true, Ordering::SeqCst);
        assert_eq!(next(&mut subscription).seq(), seq(2));
        writer.join().unwrap();
    });
}

#[test]
fn waiting_for_an_event_inside_a_call_on_the_image_is_refused() {
    let image = open(&SimDisk::new());
    let mut subscription = image.journal().subscribe(Seq::ZERO).unwrap();
    let inside = image.query(|_| subscription.next().unwrap().unwrap_err().kind()).unwrap();
    assert_eq!(inside, ErrorKind::Reentrant);
}

#[test]
fn a_seq_that_does_not_exist_is_refused() {
    let image = open(&SimDisk::new());
    deposit(&image, 2);
    let error = image.journal().subscribe(seq(3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    assert!(error.to_string().contains("event 3"), "{error}");
}

#[test]
fn a_subscriber_that_falls_behind_the_pruned_part_gets_an_error_that_says_what_is_left() {
    let image = open_with(&SimDisk::new(), pruning());
    let mut subscription = image.journal().subscribe(Seq::ZERO).unwrap();
    deposit(&image, 1);
    assert_eq!(next(&mut subscription).seq(), seq(1));
    fill_segments(&image, 20);
    prune(&image);
    let error = subscription.find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::Pruned);
    assert!(error.to_string().contains("and begins with event"), "{error}");
    assert_eq!(image.journal().subscribe(seq(1)).unwrap_err().kind(), ErrorKind::Pruned);
}

/// Regression: the subscriber had returned all events of a segment, and lacked only the seal after them.
#[test]
fn a_subscriber_that_has_read_all_pruned_events_continues() {
    let mut removed = 0;
    for events in 1..12 {
        let disk = SimDisk::new();
        let image = open_with(&disk, pruning());
        let mut subscription = image.journal().subscribe(Seq::ZERO).unwrap();
        fill_segments(&image, events);
        assert_eq!(take(&mut subscription, events as usize).len() as u64, events);
        removed += u32::from(prune_after_next(&disk, &image));
        assert_eq!(ready(&mut subscription).unwrap(), [events + 1, events + 2], "after {events} events");
    }
    assert!(removed > 0, "no subscriber's segment was removed");
}

#[test]
fn concurrent_writers_with_rolls_snapshots_and_pruning_miss_and_double_nothing() {
    const WRITERS: u32 = 4;
    const EACH: u32 = 1_500;
    with_timeout(|| {
        let dir = tempfile::tempdir().unwrap();
        let image: Image<Ledger> = Image::options()
            .segment_bytes(64 << 10)
            .snapshots(SnapshotPolicy::AfterEvents(400))
            .retention(Retention::Events(0))
            .open(dir.path().join("ledger"))
            .unwrap();
        let total = u64::from(WRITERS * EACH);
        let read = Arc::new(AtomicU64::new(0));
        let mut subscribers = Vec::new();
        for number in 0..3 {
            // the events that a slow subscriber needs are kept
            let mut subscription = image.journal().subscribe_as(&format!("reader-{number}"), Seq::ZERO).unwrap();
            let read = Arc::clone(&read);
            subscribers.push(thread::spawn(move || {
                let mut sum = 0;
                for expected in 1..=total {
                    let event = next(&mut subscription);
                    assert_eq!(event.seq(), Seq::new(expected));
                    sum += u64::from(amount(&event));
                    subscription.acknowledge(&event).unwrap();
                    read.fetch_add(1, Ordering::Relaxed);
                    if number > 0 && expected % 500 == 0 {
                        thread::sleep(Duration::from_millis(20 * number));
                    }
                }
                sum
            }));
        }
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let image = &image;
                scope.spawn(move || {
                    for amount in 0..EACH {
                        if amount % 8 == 0 {
                            image.deposit(writer, amount).unwrap();
                        } else {
                            drop(image.submit(LedgerDeposit { account: writer, amount }).unwrap());
                        }
                    }
                });
            }
        });
        image.journal().sync().unwrap();
        let expected = u64::from(WRITERS) * (0..u64::from(EACH)).sum::<u64>();
        for subscriber in subscribers {
            assert_eq!(subscriber.join().unwrap(), expected);
        }
        assert_eq!(read.load(Ordering::Relaxed), 3 * total);
        image.admin().snapshot().unwrap();
        image.deposit(0, 0).unwrap();
        image.admin().snapshot().unwrap();
        assert!(image.admin().stats().base.is_some(), "nothing was pruned");
        Image::close(image).unwrap();
    });
}

#[test]
fn a_slow_subscriber_holds_up_no_command() {
    with_timeout(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = options().open_with(Arc::new(disk.clone()), "/ledger").unwrap();
        let (mut slow, mut other) =
            (image.journal().subscribe(Seq::ZERO).unwrap(), image.journal().subscribe(Seq::ZERO).unwrap());
        let (released, reached) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (open_gate, at_gate) = (Arc::clone(&released), Arc::clone(&reached));
        let thread = thread::spawn(move || {
            let reader = thread::current().id();
            // its first read of the journal takes until the gate opens
            disk.rule(move |call| {
                while thread::current().id() == reader
                    && call.is(DiskMethod::Read, ".journal")
                    && !open_gate.load(Ordering::SeqCst)
                {
                    at_gate.store(true, Ordering::SeqCst);
                    thread::sleep(Duration::from_micros(100));
                }
                Ok(None)
            });
            take(&mut slow, 201)
        });
        deposit(&image, 1);
        memimage_tests::wait_until("the slow subscriber reads", || reached.load(Ordering::SeqCst));
        let waiting = thread::spawn(move || take(&mut other, 201));
        deposit(&image, 200);
        image.admin().snapshot().unwrap();
        assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 201);
        assert_eq!(waiting.join().unwrap(), (1..=201).collect::<Vec<_>>());
        assert!(!thread.is_finished());
        released.store(true, Ordering::SeqCst);
        assert_eq!(thread.join().unwrap(), (1..=201).collect::<Vec<_>>());
    });
}
