//! Verification of the running state: within the pause budget, on request, at the close, and before pruning.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Model, Options, Replica, Retention, Shape, SnapshotPolicy};
use memimage_tests::{LedgerCommands, wait_until, with_timeout};
use serde::{Deserialize, Serialize};

use super::{REPLICAS, fill_segments, open, options};

#[test]
fn a_snapshot_beyond_the_budget_is_verified_on_request_and_at_the_close() {
    for replica in REPLICAS {
        let disk = SimDisk::new();
        let image = open(&disk, options().pause_budget(Duration::ZERO).replica(replica));
        assert_eq!(image.admin().stats().unverified_since, None);
        fill_segments(&image, 3);
        let first = image.admin().snapshot().unwrap();
        image.deposit(1, 1).unwrap();
        let second = image.admin().snapshot().unwrap();
        assert_eq!((first.verified, second.verified), (false, false));
        assert_eq!(image.admin().stats().unverified_since, Some(first.seq));
        image.deposit(1, 1).unwrap();
        assert_eq!(image.admin().verify().unwrap(), image.journal().seq());
        assert_eq!(image.admin().stats().unverified_since, None);
        image.admin().snapshot().unwrap();
        Image::close(image).unwrap();
        let image = open(&disk, options());
        assert_eq!(image.admin().stats().recovery.unusable_snapshots, []);
        Image::close(image).unwrap();
    }
}

/// A number that differs from call to call, as a body must never read one.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// A model whose body depends on a global.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
struct Fickle {
    last: u64,
}

#[memimage::commands]
impl Fickle {
    #[command]
    fn draw(&mut self) {
        self.last = CALLS.fetch_add(1, Ordering::Relaxed);
    }
}

fn fickle(disk: &SimDisk, budget: Duration, replica: Replica) -> Image<Fickle> {
    let settings: Options<Fickle> = Image::options().snapshots(SnapshotPolicy::Manual).pause_budget(budget);
    settings.replica(replica).open_with(Arc::new(disk.clone()), "/fickle").unwrap()
}

#[test]
fn verification_finds_a_body_that_is_not_deterministic() {
    for replica in REPLICAS {
        let disk = SimDisk::new();
        let image = fickle(&disk, Duration::MAX, replica);
        image.draw().unwrap();
        let error = image.admin().snapshot().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
        assert!(error.to_string().contains("`last` is "), "{error}");
        assert_eq!(disk.files().into_iter().find(|path| path.starts_with("/fickle/snapshot")), None);
        assert_eq!(image.admin().verify().unwrap_err().kind(), ErrorKind::Diverged);
        Image::close(image).unwrap();
    }
}

#[test]
fn verification_at_the_close_finds_what_the_budget_left_out() {
    let disk = SimDisk::new();
    let image = fickle(&disk, Duration::ZERO, Replica::OnDemand);
    image.draw().unwrap();
    assert!(!image.admin().snapshot().unwrap().verified);
    let error = Image::close(image).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
    // the image is closed all the same
    drop(fickle(&disk, Duration::ZERO, Replica::OnDemand));
}

/// A model whose snapshots lose the next number.
#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
struct Forgetful {
    numbers: Vec<u64>,
    next: Hidden,
}

/// A number that is not written.
#[derive(Debug, Default, Shape)]
#[shape(opaque = "test::hidden")]
struct Hidden(u64);

impl Serialize for Hidden {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Hidden, D::Error> {
        <()>::deserialize(deserializer).map(|()| Hidden(0))
    }
}

#[memimage::commands]
impl Forgetful {
    #[command]
    fn push(&mut self, filler: Vec<u8>) {
        self.next.0 += 1;
        self.numbers.push(self.next.0 + filler.len() as u64);
        if self.numbers.len() > 50 {
            self.numbers.remove(0);
        }
    }

    #[command]
    fn explode(&mut self) {
        self.numbers.clear();
        panic!("after half of the change");
    }
}

fn forgetful(disk: &SimDisk, budget: Duration, retention: Retention) -> Image<Forgetful> {
    forgetful_with(disk, budget, retention, Replica::OnDemand)
}

fn forgetful_with(disk: &SimDisk, budget: Duration, retention: Retention, replica: Replica) -> Image<Forgetful> {
    let settings: Options<Forgetful> = Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual);
    let settings = settings.pause_budget(budget).retention(retention).replica(replica);
    settings.open_with(Arc::new(disk.clone()), "/forgetful").unwrap()
}

/// Pushes numbers that fill a segment.
fn push(image: &Image<Forgetful>) {
    (0..12).for_each(|_| image.push(vec![7; 2_000]).unwrap());
}

#[test]
fn verification_of_the_running_state_finds_an_incomplete_snapshot() {
    let disk = SimDisk::new();
    let image = forgetful(&disk, Duration::ZERO, Retention::Everything);
    push(&image);
    image.admin().snapshot().unwrap();
    push(&image);
    let expected = image.query(|state| state.numbers.clone()).unwrap();
    let error = Image::close(image).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModel, "{error}");
    // the incomplete snapshot is in the quarantine, so the next opening has the right state
    let quarantined: Vec<PathBuf> =
        disk.files().into_iter().filter(|path| path.starts_with("/forgetful/quarantine")).collect();
    assert_eq!(quarantined.len(), 1, "{quarantined:?}");
    let image = forgetful(&disk, Duration::ZERO, Retention::Everything);
    assert_eq!(image.query(|state| state.numbers.clone()).unwrap(), expected);
}

#[test]
fn verification_ends_the_use_of_a_replica_that_began_at_an_incomplete_snapshot() {
    with_timeout(|| {
        let image = forgetful_with(&SimDisk::new(), Duration::ZERO, Retention::Everything, Replica::Standing);
        push(&image);
        image.admin().snapshot().unwrap();
        push(&image);
        let numbers = |state: &Forgetful| state.numbers.clone();
        let expected = image.query(numbers).unwrap();
        let up_to_date = || image.admin().stats().replica_seq >= Some(image.journal().durable_seq());
        wait_until("the replica is up to date", up_to_date);
        // the replica, which began at genesis, replaces the model, and the next one begins at the snapshot
        assert_eq!(image.explode().unwrap_err().kind(), ErrorKind::Panicked);
        assert_eq!(image.query(numbers).unwrap(), expected);
        wait_until("there is another replica", up_to_date);
        assert_ne!(image.view(numbers).unwrap(), expected, "the snapshot lost the next number");

        assert_eq!(image.admin().verify().unwrap_err().kind(), ErrorKind::InvalidModel);
        assert_eq!(image.view(numbers).unwrap(), expected);
        image.explode().unwrap_err();
        assert_eq!(image.query(numbers).unwrap(), expected, "a refuted replica does not replace the model");
    });
}

#[test]
fn verification_before_pruning_needs_two_replays_if_the_running_state_is_not_compared() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let image = forgetful(&disk, Duration::ZERO, Retention::Events(0));
        for _ in 0..4 {
            push(&image);
            image.admin().snapshot().unwrap();
        }
        let stats = image.admin().stats();
        assert_eq!(stats.base, None, "an incomplete snapshot must not replace events");
        assert!(stats.retention_failure.is_some());
        // the process is killed, so nothing is compared at a close
        let left = disk.fork();
        drop(image);
        for replica in REPLICAS {
            let disk = left.fork();
            let image = forgetful_with(&disk, Duration::ZERO, Retention::Events(0), replica);
            for _ in 0..3 {
                push(&image);
                let _ = image.admin().snapshot();
                assert_eq!(
                    image.admin().stats().base,
                    None,
                    "all is computed from an incomplete snapshot: {replica:?}"
                );
            }
            let comparing = forgetful_with(&left.fork(), Duration::MAX, Retention::Events(0), replica);
            for _ in 0..3 {
                push(&comparing);
                let _ = comparing.admin().snapshot();
                assert_eq!(comparing.admin().stats().base, None, "the running state began there too: {replica:?}");
            }
        }

        // a complete model is pruned without any comparison with the running state
        let ledger = open(&SimDisk::new(), options().pause_budget(Duration::ZERO).retention(Retention::Events(0)));
        for _ in 0..4 {
            fill_segments(&ledger, 12);
            assert!(!ledger.admin().snapshot().unwrap().verified);
        }
        let stats = ledger.admin().stats();
        assert_eq!(stats.retention_failure, None);
        assert!(stats.base.is_some());
        ledger.deposit(1, 1).unwrap();
        Image::close(ledger).unwrap();
    });
}
