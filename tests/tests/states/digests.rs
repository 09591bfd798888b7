//! A digest enters the journal only once a replay has given the same state, and a difference names the first part that differs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::disk::{Disk, SimDisk};
use memimage::{Error, ErrorKind, Image, Model, Seq, Shape};
use serde::{Deserialize, Serialize};

use super::{IMAGE, assert_sound, open, options, snapshots};

/// Counts the executions of a body in this process, replays included.
static STAMPS: AtomicU64 = AtomicU64::new(0);

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Stamped {
    kept: u64,
    stamps: HashMap<u32, Vec<u64>>,
}

#[memimage::commands]
impl Stamped {
    #[command]
    fn keep(&mut self, number: u64) {
        self.kept += number;
    }

    #[command]
    fn stamp(&mut self, number: u32) {
        self.stamps.entry(number).or_default().push(STAMPS.fetch_add(1, Ordering::SeqCst));
    }
}

/// Regression: the digest of a snapshot was recorded before the snapshot was verified, and every later open was refused.
#[test]
fn a_nondeterministic_model_is_not_locked_out_by_a_digest_that_no_replay_gave() {
    let disk = SimDisk::new();
    let image = open::<Stamped>(&disk).unwrap();
    image.keep(1).unwrap();
    image.admin().snapshot().unwrap();
    image.stamp(7).unwrap();
    let error = image.admin().snapshot().unwrap_err();
    assert_eq!((error.kind(), error.position().unwrap().seq), (ErrorKind::Diverged, Some(Seq::new(2))), "{error}");
    let message = error.to_string();
    assert!(message.contains("`stamps[7][0]` is ") && message.contains(" in the running image and "), "{message}");
    assert!(message.contains("a command body that ran for event 2 or a later event is not deterministic"), "{message}");
    Image::close(image).unwrap();
    assert_sound(&disk);
    for _ in 0..2 {
        let image = open::<Stamped>(&disk).unwrap();
        assert_eq!(image.query(|stamped| (stamped.kept, stamped.stamps[&7].len())).unwrap(), (1, 1));
        Image::close(image).unwrap();
        snapshots(&disk).iter().for_each(|path| disk.remove(path).unwrap());
    }
}

#[test]
fn a_snapshot_that_is_not_verified_records_no_digest() {
    let disk = SimDisk::new();
    for accepting in [false, true] {
        let options = || options::<Stamped>().verify_snapshots(false).verify_digests(!accepting);
        let image = options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
        image.stamp(1).unwrap();
        assert!(!image.admin().snapshot().unwrap().verified);
        Image::close(image).unwrap();
        snapshots(&disk).iter().for_each(|path| disk.remove(path).unwrap());
        Image::close(open::<Stamped>(&disk).unwrap()).unwrap();
    }
}

/// The body of `add` adds this number.
static STEP: AtomicU64 = AtomicU64::new(1);
/// Whether the body of `add` counts its executions too.
static COUNTS: AtomicU64 = AtomicU64::new(0);

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Changed {
    sums: Vec<u64>,
}

#[memimage::commands]
impl Changed {
    #[command]
    fn add(&mut self) {
        let counted = COUNTS.load(Ordering::SeqCst) * STAMPS.fetch_add(1, Ordering::SeqCst);
        self.sums.push(STEP.load(Ordering::SeqCst) + counted);
    }
}

#[test]
fn a_refusal_says_whether_two_replays_differ_and_where() {
    let disk = SimDisk::new();
    let open = || -> Result<Image<Changed>, Error> { open::<Changed>(&disk) };
    let image = open().unwrap();
    image.add().unwrap();
    // a command comes between the state and its verified digest
    let pending = image.submit(ChangedAdd {}).unwrap();
    image.admin().snapshot().unwrap();
    image.add().unwrap();
    pending.wait().unwrap();
    Image::close(image).unwrap();
    snapshots(&disk).iter().for_each(|path| disk.remove(path).unwrap());
    Image::close(open().unwrap()).unwrap();

    STEP.store(5, Ordering::SeqCst);
    let error = open().unwrap_err();
    assert_eq!((error.kind(), error.position().unwrap().seq), (ErrorKind::Diverged, Some(Seq::new(2))), "{error}");
    assert!(
        error.to_string().contains("two replays of the same events gave the same state; so a command body"),
        "{error}"
    );
    COUNTS.store(1, Ordering::SeqCst);
    let error = open().unwrap_err().to_string();
    assert!(error.contains("two replays of the same events gave different states: `sums[0]` is "), "{error}");
    assert!(
        error.contains(" in the first and ") && error.contains("so a command body is not deterministic"),
        "{error}"
    );
    STEP.store(1, Ordering::SeqCst);
    COUNTS.store(0, Ordering::SeqCst);
    assert!(open().is_ok(), "with the old body");
}
