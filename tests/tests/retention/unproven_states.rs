//! States that no replay has verified do not lead to pruning.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, ErrorKind, Image, Model, Retention, Seq, Shape, SnapshotPolicy};
use memimage_tests::Run;
use serde::{Deserialize, Serialize};

use super::{bases, numbers, options, remove, snapshots};

#[test]
fn a_retention_without_snapshot_verification_is_refused() {
    for retention in [Retention::Events(0), Retention::Events(1_000_000), Retention::Period(Duration::from_secs(1))] {
        let disk = SimDisk::new();
        for unproven in [options(retention).verify_snapshots(false), options(retention).verify_digests(false)] {
            let error = unproven.open_with(Arc::new(disk.clone()), "/ledger").unwrap_err();
            assert!(error.to_string().starts_with("the option `retention` cannot be"), "{error}");
        }
        assert_eq!(disk.files(), Vec::<PathBuf>::new());
    }
    Run::options(Durability::Synced, 512)
        .verify_snapshots(false)
        .open_with(Arc::new(SimDisk::new()), "/ledger")
        .unwrap();
}

/// A nondeterministic body is found before its state becomes a base.
#[test]
fn a_nondeterministic_model_is_not_pruned() {
    static COUNT: AtomicU64 = AtomicU64::new(0);

    #[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
    struct Nondeterministic {
        seen: Vec<u64>,
    }

    #[memimage::commands]
    impl Nondeterministic {
        #[command]
        fn look(&mut self, padding: Vec<u8>) -> usize {
            self.seen.push(COUNT.fetch_add(1, Ordering::SeqCst) + padding.len() as u64);
            self.seen.len()
        }
    }

    let disk = SimDisk::new();
    let image = Image::<Nondeterministic>::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .retention(Retention::Events(0))
        .open_with(Arc::new(disk.clone()), "/ledger")
        .unwrap();
    for _ in 0..4 {
        (0..5).for_each(|_| _ = image.look(vec![0; 3_000]).unwrap());
        assert_eq!(image.admin().snapshot().unwrap_err().kind(), ErrorKind::Diverged);
    }
    assert_eq!((numbers(&disk)[0], bases(&disk).len()), (1, 0));
}

/// Each snapshot is verified from the one before it, but the oldest one, which would become the base, no longer replays to the
/// same states.
#[test]
fn a_state_that_does_not_replay_to_the_newest_state_does_not_become_the_base() {
    static STEP: AtomicU64 = AtomicU64::new(1);

    #[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
    struct Changed {
        total: u64,
    }

    #[memimage::commands]
    impl Changed {
        /// The body is changed without a new version.
        #[command]
        fn add(&mut self, _padding: Vec<u8>) {
            self.total += STEP.load(Ordering::SeqCst);
        }
    }

    let disk = SimDisk::new();
    let open = || {
        let options = Image::<Changed>::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual);
        options.retention(Retention::Events(15)).open_with(Arc::new(disk.clone()), "/ledger").unwrap()
    };
    let snapshot = |image: &Image<Changed>| {
        (0..10).for_each(|_| image.add(vec![0; 3_000]).unwrap());
        image.admin().snapshot().unwrap()
    };
    let image = open();
    (0..2).for_each(|_| assert_eq!(snapshot(&image).pruned, None));
    Image::close(image).unwrap();
    STEP.store(2, Ordering::SeqCst);
    let image = open();
    let made = snapshot(&image);
    assert!(made.verified && made.pruned.is_none());
    let why = image.admin().stats().retention_failure.unwrap();
    assert!(why.starts_with("the state after event 20 differs from the recorded state"), "{why}");
    assert_eq!((numbers(&disk)[0], bases(&disk).len()), (1, 0));
    // the running state was computed from the state after event 20, so it does not prove that state, but it proves later ones
    assert_eq!(snapshot(&image).pruned, None);
    assert_eq!(snapshot(&image).pruned, Some(Seq::new(30)));
    assert_eq!(image.admin().stats().retention_failure, None);
    Image::close(image).unwrap();
    remove(&disk, &snapshots(&disk));
    assert_eq!(open().query(|model| model.total).unwrap(), 20 + 2 * 30);
}
