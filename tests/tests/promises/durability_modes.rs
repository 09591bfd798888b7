//! Promise 9: the events that survive a kill or a power cut in each durability mode.

use std::sync::atomic::Ordering;
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, Seq};
use memimage_tests::{Request, Run, SplitMix64};

use crate::BackgroundCall;

const HOUR: Durability = Durability::Interval(Duration::from_secs(3600));

/// A ledger with a few synced events.
fn prepared(disk: &SimDisk, mode: Durability) -> Run {
    let mut run = Run::open(disk.clone(), mode, 512, Vec::new(), Seq::ZERO).unwrap();
    run.execute(&Request::Deposit(1, 100));
    run.sync();
    run
}

/// Recovers a disk. Asserts that it has a prefix of the events, at least up to `at_least`, and returns the last one.
#[track_caller]
fn assert_survives(disk: SimDisk, run: &Run, at_least: Seq) -> Seq {
    Run::open(disk, Durability::Synced, 512, run.digests().to_vec(), at_least).unwrap().image().journal().seq()
}

fn requests() -> impl Iterator<Item = Request> {
    let some = [
        Request::Deposit(1, 5),
        Request::File(1_500),
        Request::Settle(2, 7),
        Request::Draw(None),
        Request::Withdraw(1, 1),
    ];
    some.into_iter().cycle().take(40)
}

#[test]
fn promise_9_synced_neither_a_kill_nor_a_power_cut_loses_acknowledged_events() {
    let disk = SimDisk::new();
    let mut run = prepared(&disk, Durability::Synced);
    for request in requests() {
        run.execute(&request);
        let answered = run.image().journal().seq();
        assert_eq!(run.image().journal().durable_seq(), answered);
        assert_eq!(assert_survives(disk.fork(), &run, answered), answered, "a kill");
        assert_eq!(assert_survives(disk.crash(|_| false), &run, answered), answered, "a power cut");
    }
}

/// A power cut loses only events after the last sync.
fn assert_a_kill_loses_nothing_and_a_power_cut_only_unsynced_events(mode: Durability) {
    let disk = SimDisk::new();
    let mut run = prepared(&disk, mode);
    let mut lost = false;
    for (nth, request) in requests().enumerate() {
        run.execute(&request);
        let answered = run.image().journal().seq();
        assert_eq!(run.image().journal().written_seq(), answered);
        assert_eq!(assert_survives(disk.fork(), &run, answered), answered, "a kill");
        let durable = Seq::new(run.durable().load(Ordering::SeqCst));
        lost |= assert_survives(disk.crash(|_| false), &run, durable) < answered;
        let mut rng = SplitMix64::new(nth as u64);
        assert_survives(disk.crash(|_| rng.once_in(2)), &run, durable);
    }
    assert!(lost, "at least one power cut should lose an event");

    run.sync();
    let answered = run.image().journal().seq();
    assert_eq!(assert_survives(disk.crash(|_| false), &run, answered), answered, "after `sync`");

    run.execute(&Request::Deposit(1, 5));
    let digests = run.digests().to_vec();
    let (_, answered) = run.close();
    let closed = Run::open(disk.crash(|_| false), Durability::Synced, 512, digests, answered).unwrap();
    assert_eq!(closed.image().journal().seq(), answered, "after `close`");
}

#[test]
fn promise_9_interval_a_kill_loses_no_acknowledged_event_and_a_power_cut_only_unsynced_ones() {
    assert_a_kill_loses_nothing_and_a_power_cut_only_unsynced_events(HOUR);
}

#[test]
fn promise_9_buffered_a_kill_loses_no_acknowledged_event_and_a_power_cut_only_unsynced_ones() {
    assert_a_kill_loses_nothing_and_a_power_cut_only_unsynced_events(Durability::Buffered);
}

#[test]
fn promise_9_interval_syncs_without_a_request() {
    let disk = SimDisk::new();
    let mut run = prepared(&disk, Durability::Interval(Duration::from_millis(1)));
    for _ in 0..3 {
        run.execute(&Request::Deposit(1, 5));
        let (image, answered) = (run.image().clone(), run.image().journal().seq());
        let synced = BackgroundCall::of(move || {
            while image.journal().durable_seq() < answered {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        synced.result();
        assert_eq!(assert_survives(disk.crash(|_| false), &run, answered), answered);
    }
}

#[test]
fn promise_9_buffered_is_synced_at_a_snapshot_and_at_a_new_segment() {
    let disk = SimDisk::new();
    let mut run = prepared(&disk, Durability::Buffered);
    run.execute(&Request::Deposit(1, 5));
    run.image().admin().snapshot().unwrap();
    let answered = run.image().journal().seq();
    assert_eq!(assert_survives(disk.crash(|_| false), &run, answered), answered, "at a snapshot");

    // each payload takes more than half of a segment, so the second one begins a new segment
    let first = answered.next();
    run.execute(&Request::File(9_000));
    run.execute(&Request::File(9_000));
    assert_survives(disk.crash(|_| false), &run, first);
}
