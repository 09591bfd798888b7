//! Snapshots from each source: what they contain, and who waits for them.

use std::cell::Cell;
use std::sync::Arc;

use memimage::disk::{Disk as _, SimDisk};
use memimage::{Image, Model, Shape, SnapshotPolicy, SnapshotSource};
use memimage_tests::{Gate, Ledger, LedgerCommands, with_timeout};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::{DURABILITIES, REPLICAS, fill_segments, open, options, snapshots};

fn sources() -> [SnapshotSource<Ledger>; 3] {
    [SnapshotSource::Replica, SnapshotSource::Clone(Ledger::clone), SnapshotSource::InPlace]
}

#[test]
fn a_snapshot_from_each_source_contains_every_executed_event() {
    for source in sources() {
        for (durability, replica) in DURABILITIES.into_iter().flat_map(|one| REPLICAS.map(|other| (one, other))) {
            let disk = SimDisk::new();
            let settings = || options().snapshot_source(source).durability(durability).replica(replica);
            let image = open(&disk, settings());
            for round in 1..4 {
                fill_segments(&image, 12);
                let made = image.admin().snapshot().unwrap();
                assert_eq!(made.seq, image.journal().seq(), "{source:?} {durability:?} {replica:?} {round}");
                assert!(made.verified);
                assert!(image.journal().durable_seq() >= made.seq, "a snapshot contains durable events only");
            }
            let expected = image.query(Ledger::clone).unwrap();
            Image::close(image).unwrap();
            let image = open(&disk, settings());
            let recovery = image.admin().stats().recovery;
            assert_eq!((recovery.snapshot, recovery.replayed), (Some(image.journal().seq()), 0));
            assert_eq!(image.query(Ledger::clone).unwrap(), expected);
            // a snapshot of a state that has not changed
            assert!(image.admin().snapshot().unwrap().verified);
            Image::close(image).unwrap();
        }
    }
}

#[test]
fn a_snapshot_before_the_first_event() {
    for source in sources() {
        let disk = SimDisk::new();
        let image = open(&disk, options().snapshot_source(source));
        assert!(image.admin().snapshot().unwrap().verified, "{source:?}");
        image.deposit(1, 1).unwrap();
        Image::close(image).unwrap();
        assert_eq!(snapshots(&disk).len(), 1);
        assert_eq!(open(&disk, options()).query(|ledger| ledger.accounts[&1]).unwrap(), 1);
    }
}

thread_local! {
    /// Runs once, when this thread next serializes a [`Slow`].
    static HOOK: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

/// A model whose serialization can be stopped.
#[derive(Clone, Default, Deserialize, Shape, Model)]
struct Slow {
    count: u64,
}

impl Serialize for Slow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(hook) = HOOK.take() {
            hook();
        }
        let mut fields = serializer.serialize_struct("Slow", 1)?;
        fields.serialize_field("count", &self.count)?;
        fields.end()
    }
}

#[memimage::commands]
impl Slow {
    #[command]
    fn add(&mut self) -> u64 {
        self.count += 1;
        self.count
    }
}

#[test]
fn commands_do_not_wait_for_the_serialization_of_a_copy() {
    for source in [SnapshotSource::Replica, SnapshotSource::Clone(Slow::clone)] {
        with_timeout(move || {
            let settings = Image::<Slow>::options().snapshots(SnapshotPolicy::Manual).snapshot_source(source);
            let image = settings.pause_budget(std::time::Duration::ZERO).open_with(Arc::new(SimDisk::new()), "/slow");
            let image = image.unwrap();
            image.add().unwrap();
            let (gate, other) = (Gate::default(), image.clone());
            let stopped = gate.clone();
            let snapshot = std::thread::spawn(move || {
                HOOK.set(Some(Box::new(move || stopped.pass())));
                other.admin().snapshot()
            });
            // the snapshot is in progress, and none of these commands waits for it
            for expected in 2..9 {
                assert_eq!(image.add().unwrap(), expected);
            }
            gate.open();
            snapshot.join().unwrap().unwrap();
            Image::close(image).unwrap();
        });
    }
}

#[test]
fn a_clone_that_is_not_equal_is_found() {
    let disk = SimDisk::new();
    let image = open(&disk, options().snapshot_source(SnapshotSource::Clone(|_| Ledger::default())));
    image.deposit(1, 5).unwrap();
    let error = image.admin().snapshot().unwrap_err();
    assert_eq!(error.kind(), memimage::ErrorKind::Diverged, "{error}");
    assert_eq!(snapshots(&disk), Vec::<std::path::PathBuf>::new());
    assert!(disk.kind(std::path::Path::new("/ledger/snapshot")).unwrap().is_some());
}
