//! Many threads use, clone and close one image.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, Error, ErrorKind, Image, Model, Options, Seq, Shape, SnapshotPolicy, Stats, digest};
use memimage_tests::{DiskMethod, Gate, GateDisk, wait_until, with_timeout};
use serde::{Deserialize, Serialize};

const MODES: [Durability; 3] =
    [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(2))];

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Counters {
    counts: BTreeMap<u32, u64>,
}

#[memimage::commands]
impl Counters {
    #[command]
    fn add(&mut self, key: u32, by: u64) -> u64 {
        let count = self.counts.entry(key).or_default();
        *count += by;
        *count
    }

    #[command(check = may_take)]
    fn take(&mut self, key: u32, amount: u64) -> u64 {
        let count = self.counts.entry(key).or_default();
        *count -= amount;
        *count
    }

    fn may_take(&self, key: u32, amount: u64) -> Result<(), u64> {
        let count = self.counts.get(&key).copied().unwrap_or_default();
        if amount > count { Err(count) } else { Ok(()) }
    }
}

fn options(durability: Durability) -> Options<Counters> {
    Image::options().durability(durability).segment_bytes(64 << 10).snapshots(SnapshotPolicy::Manual)
}

fn open(disk: &SimDisk, durability: Durability) -> Result<Image<Counters>, Error> {
    options(durability).open_with(Arc::new(disk.clone()), "counters")
}

fn digest_of(image: &Image<Counters>) -> u64 {
    digest(&*image.read_uncommitted().unwrap()).unwrap().to_u64()
}

/// Reads each seq after the seqs that cannot exceed it.
fn assert_ordered(image: &Image<Counters>) {
    let (durable, written, seq) = (image.journal().durable_seq(), image.journal().written_seq(), image.journal().seq());
    assert!(durable <= written && written <= seq, "{durable} {written} {seq}");
    let Stats { durable_seq, written_seq, seq, .. } = image.admin().stats();
    assert!(durable_seq <= written_seq && written_seq <= seq, "stats: {durable_seq} {written_seq} {seq}");
}

#[test]
fn all_operations_run_concurrently() {
    for durability in MODES {
        with_timeout(move || {
            let disk = SimDisk::new();
            let image = options(durability)
                .batch_bytes(500)
                .snapshots(SnapshotPolicy::AfterEvents(300))
                .open_with(Arc::new(disk.clone()), "counters")
                .unwrap();
            let done = AtomicBool::new(false);
            thread::scope(|scope| {
                let callers: Vec<_> = (0..6)
                    .map(|key| {
                        let image = image.clone();
                        scope.spawn(move || call(&image, key))
                    })
                    .collect();
                scope.spawn(|| {
                    while !done.load(Ordering::Acquire) {
                        assert_ordered(&image.clone());
                    }
                });
                scope.spawn(|| {
                    while !done.load(Ordering::Acquire) {
                        image.journal().sync().unwrap();
                        image.admin().snapshot().unwrap();
                        thread::sleep(Duration::from_millis(5));
                    }
                });
                scope.spawn(|| {
                    while !done.load(Ordering::Acquire) {
                        let before = image.query(|counters| counters.counts.clone()).unwrap();
                        let guard = image.read_uncommitted().unwrap();
                        assert!(before.iter().all(|(key, count)| guard.counts[key] >= *count), "counts only grow");
                    }
                });
                let finished: Vec<_> = callers.into_iter().map(|caller| caller.join()).collect();
                done.store(true, Ordering::Release);
                finished.into_iter().for_each(|caller| caller.unwrap());
            });
            let live = digest_of(&image);
            assert_eq!(image.journal().seq().get(), 6 * 200);
            Image::close(image).unwrap();
            let again = open(&disk, durability).unwrap();
            assert_eq!(digest_of(&again), live);
            assert!(again.admin().stats().recovery.unusable_snapshots.is_empty());
        });
    }
}

fn call(image: &Image<Counters>, key: u32) {
    let mut pendings = Vec::new();
    for round in 1..=200 {
        match round % 4 {
            0 => assert_eq!(image.add(key, 1).unwrap(), round),
            1 => pendings.push((round, image.submit(CountersAdd { key, by: 1 }).unwrap())),
            2 => drop(image.submit(CountersAdd { key, by: 1 }).unwrap()),
            _ => {
                assert_eq!(image.take(key, 1_000_000).unwrap_err().refusal(), Some(&(round - 1)));
                pendings.push((round, image.clone().submit(CountersAdd { key, by: 1 }).unwrap()));
            }
        }
        if round % 50 == 0 {
            image.journal().sync().unwrap();
            assert_ordered(image);
        }
    }
    for (answer, pending) in pendings {
        assert_eq!(pending.wait().unwrap(), answer);
    }
}

/// Blocks this call on segments until the gate is opened.
fn block(disk: &GateDisk, act: DiskMethod) -> Gate {
    let gate = Gate::default();
    let at = gate.clone();
    disk.rule(move |call| {
        if call.is(act, ".journal") {
            at.pass();
        }
        Ok(None)
    });
    gate
}

#[test]
fn a_query_returns_only_durable_data() {
    with_timeout(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = options(Durability::Synced).open_with(Arc::new(disk.clone()), "counters").unwrap();
        image.add(1, 5).unwrap();
        let gate = block(&disk, DiskMethod::SyncData);
        thread::scope(|scope| {
            let adding = scope.spawn(|| image.add(1, 1));
            gate.wait_until_blocked();
            let asking = scope.spawn(|| image.query(|counters| counters.counts[&1]));
            // a refusal depends on the same data as an answer
            let refused = scope.spawn(|| image.take(1, 100));
            // a query waits even if it does not read the new data
            let unrelated = scope.spawn(|| image.query(|_| 0));
            thread::sleep(Duration::from_millis(30));
            assert!(!adding.is_finished() && !asking.is_finished() && !refused.is_finished());
            assert!(!unrelated.is_finished());
            assert_eq!(image.read_uncommitted().unwrap().counts[&1], 6, "a guard reads the newest state");
            assert_eq!((image.journal().seq(), image.journal().durable_seq()), (Seq::new(2), Seq::new(1)));
            gate.open();
            assert_eq!(adding.join().unwrap().unwrap(), 6);
            assert_eq!(asking.join().unwrap().unwrap(), 6);
            assert_eq!(refused.join().unwrap().unwrap_err().refusal(), Some(&6));
        });
        disk.remove_rule();
        assert_eq!(image.query(|counters| counters.counts[&1]).unwrap(), 6);
    });
}

#[test]
fn in_the_other_modes_written_data_is_enough() {
    for durability in [Durability::Buffered, Durability::Interval(Duration::from_secs(3600))] {
        with_timeout(move || {
            let disk = GateDisk::new(SimDisk::new());
            let image = options(durability).open_with(Arc::new(disk.clone()), "counters").unwrap();
            let gate = block(&disk, DiskMethod::SyncData);
            assert_eq!(image.add(1, 5).unwrap(), 5);
            assert_eq!(image.query(|counters| counters.counts[&1]).unwrap(), 5);
            assert_eq!((image.journal().written_seq().get(), image.journal().durable_seq().get()), (1, 0));
            thread::scope(|scope| {
                let syncing = scope.spawn(|| image.journal().sync());
                gate.wait_until_blocked();
                assert!(!syncing.is_finished(), "sync waits for the disk in all modes");
                gate.open();
                syncing.join().unwrap().unwrap();
            });
            assert_eq!(image.journal().durable_seq().get(), 1);
            let gate = block(&disk, DiskMethod::Write);
            thread::scope(|scope| {
                let adding = scope.spawn(|| image.add(1, 1));
                gate.wait_until_blocked();
                let asking = scope.spawn(|| image.query(|counters| counters.counts[&1]));
                thread::sleep(Duration::from_millis(30));
                assert!(!adding.is_finished() && !asking.is_finished());
                gate.open();
                assert_eq!(asking.join().unwrap().unwrap(), 6);
            });
        });
    }
}

/// A sync waits only for the commands executed before it.
#[test]
fn a_sync_returns_while_commands_continue() {
    for durability in MODES {
        with_timeout(move || {
            // the disk is so slow that unwritten data is always left
            let disk = GateDisk::new(SimDisk::new());
            let image = options(durability).open_with(Arc::new(disk.clone()), "counters").unwrap();
            disk.rule(|call| {
                if call.is(DiskMethod::Write, ".journal") {
                    thread::sleep(Duration::from_millis(1));
                }
                Ok(None)
            });
            let done = AtomicBool::new(false);
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        while !done.load(Ordering::Acquire) {
                            drop(image.submit(CountersAdd { key: 1, by: 1 }).unwrap());
                        }
                    });
                }
                wait_until("commands are running", || image.journal().seq().get() > 100);
                let synced = thread::scope(|scope| {
                    let syncing = scope.spawn(|| (0..5).try_for_each(|_| image.journal().sync()));
                    for _ in 0..500 {
                        thread::sleep(Duration::from_millis(10));
                        if syncing.is_finished() {
                            break;
                        }
                    }
                    let returned = syncing.is_finished();
                    done.store(true, Ordering::Release);
                    returned && syncing.join().unwrap().is_ok()
                });
                assert!(synced, "the sync waited for later commands");
            });
        });
    }
}

#[test]
fn an_image_is_synced_after_the_interval() {
    let image = open(&SimDisk::new(), Durability::Interval(Duration::from_millis(2))).unwrap();
    for round in 1..=20 {
        image.add(1, 1).unwrap();
        wait_until("the event is synced without a request", || image.journal().durable_seq().get() == round);
    }
}

#[test]
fn closing_a_clone_closes_all_clones() {
    for durability in MODES {
        with_timeout(move || {
            let disk = SimDisk::new();
            let image = open(&disk, durability).unwrap();
            let other = image.clone();
            image.add(1, 1).unwrap();
            Image::close(image).unwrap();
            for error in [
                other.add(1, 1).unwrap_err(),
                other.submit(CountersAdd { key: 1, by: 1 }).unwrap_err(),
                other.try_submit(CountersAdd { key: 1, by: 1 }).unwrap_err(),
                other.query(|_| ()).unwrap_err(),
                other.read_uncommitted().map(drop).unwrap_err(),
                other.journal().sync().unwrap_err(),
                other.admin().snapshot().unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
            }
            assert_eq!(other.admin().stats().durable_seq.get(), 1);
            // the lock is free although a handle is left, and closing that handle has no effect
            let again = open(&disk, durability).unwrap();
            Image::close(other.clone()).unwrap();
            drop(other);
            assert_eq!(again.add(1, 1).unwrap(), 2);
            assert_eq!(open(&disk, durability).unwrap_err().kind(), ErrorKind::Locked);
        });
    }
}

#[test]
fn dropping_the_last_clone_closes_the_image() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counters");
    let image = Image::<Counters>::open(&path).unwrap();
    let clones: Vec<_> = (0..3).map(|_| image.clone()).collect();
    drop(image.submit(CountersAdd { key: 1, by: 1 }).unwrap());
    drop(image);
    let error = Image::<Counters>::open(&path).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    let text = error.to_string();
    assert!(text.contains(&format!("{}", std::process::id())), "the error does not name the owner: {text}");
    assert!(text.contains(path.to_str().unwrap()), "{text}");
    drop(clones);
    for round in 2..20 {
        let again = Image::<Counters>::options().create(false).open(&path).unwrap();
        assert_eq!(again.add(1, 1).unwrap(), round);
        if round % 2 == 0 {
            Image::close(again).unwrap();
        }
    }
}

#[test]
fn closing_loses_no_acknowledged_event() {
    for durability in MODES {
        for round in 0..10 {
            with_timeout(move || {
                let disk = SimDisk::new();
                let image = options(durability)
                    .batch_bytes(if round % 2 == 0 { 1 } else { 1 << 20 })
                    .pending_batches_max(2)
                    .open_with(Arc::new(disk.clone()), "counters")
                    .unwrap();
                let acknowledged = AtomicU64::new(0);
                thread::scope(|scope| {
                    for caller in 0..4 {
                        let (image, acknowledged) = (image.clone(), &acknowledged);
                        scope.spawn(move || submit_until_closed(&image, caller, acknowledged));
                    }
                    thread::sleep(Duration::from_millis(round));
                    let other = image.clone();
                    scope.spawn(move || {
                        Image::close(other).unwrap();
                    });
                    Image::close(image).unwrap();
                    // the image is closed as soon as one close returns, so that it can be opened again
                    drop(open(&disk, durability).unwrap());
                });
                let again = open(&disk, durability).unwrap();
                let counted = again.query(|counters| counters.counts.get(&1).copied().unwrap_or_default()).unwrap();
                let acknowledged = acknowledged.into_inner();
                assert!(
                    counted >= acknowledged,
                    "{acknowledged} commands were acknowledged, but only {counted} were recovered"
                );
                assert_eq!(again.journal().seq().get(), counted);
            });
        }
    }
}

fn submit_until_closed(image: &Image<Counters>, caller: u64, acknowledged: &AtomicU64) {
    for round in caller.. {
        let result = match round % 3 {
            0 => image.add(1, 1).map(drop),
            1 => image.submit(CountersAdd { key: 1, by: 1 }).map(|pending| {
                // closing writes all submitted commands
                pending.wait().unwrap();
            }),
            _ => image.query(|_| ()).and_then(|()| image.journal().sync()).and_then(|()| image.add(1, 1).map(drop)),
        };
        match result {
            Ok(()) => acknowledged.fetch_add(1, Ordering::Relaxed),
            Err(error) => return assert_eq!(error.kind(), ErrorKind::Closed, "{error}"),
        };
    }
}

/// The lock is not released while a snapshot is being written.
#[test]
fn closing_waits_for_a_snapshot() {
    for durability in MODES {
        with_timeout(move || {
            let disk = GateDisk::new(SimDisk::new());
            let image = options(durability).open_with(Arc::new(disk.clone()), "counters").unwrap();
            image.add(1, 1).unwrap();
            let gate = Gate::default();
            let at = gate.clone();
            disk.rule(move |call| {
                if call.path.to_string_lossy().contains("snapshot") && call.method == DiskMethod::Write {
                    at.pass();
                }
                Ok(None)
            });
            thread::scope(|scope| {
                let snapshot = scope.spawn(|| image.admin().snapshot());
                gate.wait_until_blocked();
                let closing = scope.spawn(|| Image::close(image.clone()));
                thread::sleep(Duration::from_millis(20));
                assert!(!closing.is_finished(), "the image was closed during a snapshot");
                gate.open();
                closing.join().unwrap().unwrap();
                assert_eq!(snapshot.join().unwrap().unwrap().seq.get(), 1);
            });
        });
    }
}

#[test]
fn an_image_can_be_sent_and_shared_between_threads() {
    fn both<T: Send + Sync + Clone>() {}
    fn sent<T: Send>() {}
    both::<Image<Counters>>();
    sent::<memimage::Pending<u64>>();
    both::<Error>();
}
