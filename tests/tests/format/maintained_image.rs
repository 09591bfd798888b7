//! Images after maintenance: with a void event, and after a repair that builds a bridge.

use std::fs;
use std::path::Path;

use memimage::admin::{self, RepairAction};
use memimage::{Image, Seq, SnapshotPolicy};
use memimage_tests::frames;

use super::fixtures::files_in;
use super::{CHARGES, Shelf, ShelfCommands, create, reader};

#[test]
fn an_image_with_a_void_event_conforms_to_the_document() {
    let directory = tempfile::tempdir().unwrap();
    create(directory.path());
    admin::void(directory.path(), Seq::new(10), "charged twice").unwrap();
    // the later frames name the void frame before them
    let shelf = Image::<Shelf>::open(directory.path()).unwrap();
    shelf.charge(1).unwrap();
    Image::close(shelf).unwrap();
    let mut files = files_in(directory.path());
    files.remove("LOCK");
    let image = reader::read(&files);
    assert_eq!(image.voids, [(10, "charged twice".to_owned())]);
    assert_eq!(image.events.len() as u64, 9 + CHARGES, "the void event keeps its number");
    assert_eq!(image.durable, (9 + CHARGES, 4), "the void frame has an epoch of its own");
}

/// The void frames of an imported image follow all events.
#[test]
fn an_imported_image_conforms_to_the_document() {
    let directory = tempfile::tempdir().unwrap();
    let [from, to] = ["from", "to"].map(|name| directory.path().join(name));
    create(&from);
    for seq in [10, 12] {
        admin::void(&from, Seq::new(seq), "charged twice").unwrap();
    }
    let shelf = Image::<Shelf>::open(&from).unwrap();
    shelf.charge(1).unwrap();
    Image::close(shelf).unwrap();
    let mut lines = Vec::new();
    admin::export(&from, &mut lines).unwrap();
    admin::import(&lines[..], &to).unwrap();
    let [old, new] = [&from, &to].map(|path| {
        let mut files = files_in(path);
        files.remove("LOCK");
        reader::read(&files)
    });
    let last = 9 + CHARGES;
    assert_eq!((new.parent, new.seed), (Some((old.uuid, last)), old.seed));
    assert_ne!(new.uuid, old.uuid);
    assert_eq!((&new.events, &new.voids), (&old.events, &old.voids));
    assert_eq!(new.durable, (last, 2), "the void frames have an epoch without events");
}

/// A repair gives up the events before a snapshot, and rebuilds the segment in which one of them is damaged.
#[test]
fn a_repaired_image_with_a_bridge_conforms_to_the_document() {
    const DAMAGED: u64 = 50;
    const BASE: u64 = 60;
    const LAST: u64 = 70;
    let directory = tempfile::tempdir().unwrap();
    let options = || Image::<Shelf>::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual);
    let shelf = options().open(directory.path()).unwrap();
    for event in 1..=LAST {
        shelf.charge(1).unwrap();
        if event == BASE {
            shelf.admin().snapshot().unwrap();
        }
    }
    Image::close(shelf).unwrap();
    let intact = reader::read(&files_in(directory.path()));
    damage_event(directory.path(), DAMAGED);
    admin::repair(directory.path(), RepairAction::BeginAt(Seq::new(BASE))).unwrap();

    let shape = intact.genesis.as_ref().unwrap().shape.clone();
    let repaired = reader::read_as(&files_in(directory.path()), Some(&shape));
    assert_eq!(repaired.bridge, Some(intact.hash(DAMAGED)), "the frame after the bridge is the one after the damage");
    assert_eq!(repaired.events, intact.events[DAMAGED as usize..]);
    assert_eq!(repaired.base.as_ref().map(|base| base.seq), Some(BASE));

    let shelf = options().open(directory.path()).unwrap();
    assert_eq!(shelf.charge(1).unwrap(), LAST as i64 + 1);
    Image::close(shelf).unwrap();
    let continued = reader::read_as(&files_in(directory.path()), Some(&shape));
    assert_eq!((continued.bridge, continued.events.len()), (repaired.bridge, repaired.events.len() + 1));
}

/// A repair gives up two damaged frames alone, one of which is the last before a seal.
#[test]
fn an_image_with_recorded_gaps_conforms_to_the_document() {
    const LAST: u64 = 70;
    let directory = tempfile::tempdir().unwrap();
    let options = || Image::<Shelf>::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual);
    let shelf = options().open(directory.path()).unwrap();
    (1..=LAST).for_each(|_| assert!(shelf.charge(1).is_ok()));
    Image::close(shelf).unwrap();
    let intact = reader::read(&files_in(directory.path()));
    [9, 10, 50].iter().for_each(|event| damage_event(directory.path(), *event));
    let report = admin::repair(directory.path(), RepairAction::GiveUp(Seq::new(9))).unwrap();

    let repaired = reader::read(&files_in(directory.path()));
    assert_eq!(repaired.gaps, [(9, 11, report.epoch), (50, 51, report.epoch)]);
    let kept: Vec<_> = intact.events.into_iter().filter(|event| ![9, 10, 50].contains(&event.seq)).collect();
    assert_eq!(repaired.events, kept);
    assert_eq!(repaired.durable.1, report.epoch);

    let shelf = options().open(directory.path()).unwrap();
    assert_eq!(shelf.charge(1).unwrap(), LAST as i64 - 2);
    Image::close(shelf).unwrap();
    let continued = reader::read(&files_in(directory.path()));
    assert_eq!((continued.gaps, continued.events.len()), (repaired.gaps, kept.len() + 1));
}

/// An export, a branch and a rewriting take over a recorded gap, which has the form of one in the place of damage.
#[test]
fn images_that_take_over_a_gap_conform_to_the_document() {
    let directory = tempfile::tempdir().unwrap();
    let [path, imported, branched, rewritten] =
        ["image", "imported", "branched", "rewritten"].map(|name| directory.path().join(name));
    let options = || Image::<Shelf>::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual);
    let shelf = options().open(&path).unwrap();
    (1..=70).for_each(|_| assert!(shelf.charge(1).is_ok()));
    Image::close(shelf).unwrap();
    [9, 10, 50].iter().for_each(|event| damage_event(&path, *event));
    admin::repair(&path, RepairAction::GiveUp(Seq::new(9))).unwrap();
    let events =
        |path: &Path| -> Vec<u64> { reader::read(&files_in(path)).events.iter().map(|event| event.seq).collect() };
    let expected = events(&path);

    let mut lines = Vec::new();
    admin::Export::new().carry_gaps(true).run(&path, &mut lines).unwrap();
    admin::import(&lines[..], &imported).unwrap();
    let journal = Image::<Shelf>::options().open_journal(&path).unwrap();
    journal.branch(&branched).segment_bytes(16 << 10).carry_gaps(true).create().unwrap();
    admin::Rewrite::<Shelf>::new().segment_bytes(16 << 10).carry_gaps(true).run(&path, &rewritten).unwrap();
    for (copy, epoch) in [(imported, 2), (branched, 1), (rewritten, 1)] {
        assert_eq!(reader::read(&files_in(&copy)).gaps, [(9, 11, epoch), (50, 51, epoch)], "{}", copy.display());
        assert_eq!(events(&copy), expected);
        let shelf = options().open(&copy).unwrap();
        assert_eq!(shelf.charge(1).unwrap(), 70 - 2);
        Image::close(shelf).unwrap();
        assert_eq!(events(&copy).len(), expected.len() + 1);
    }
}

/// Damages the body of the frame with this event, in an image whose frames have one event each.
fn damage_event(root: &Path, event: u64) {
    for (path, mut bytes) in files_in(root).into_iter().filter(|(path, _)| path.ends_with(".journal")) {
        for frame in frames::frames(&bytes) {
            if frames::events(&bytes, &frame) > 0 && frames::first_event(&bytes, &frame) == event {
                bytes[frame.end - frames::TRAILER - 1] ^= 1;
                return fs::write(root.join(path), bytes).unwrap();
            }
        }
    }
    panic!("no frame has event {event}");
}
