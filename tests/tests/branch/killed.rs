//! Branches of an image whose owner was killed, or whose machine lost power: without an owner, a branch takes over the events that
//! an opening would find.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Durability, Image, Seq};

use super::till::{Till, TillCommands as _};
use super::{BRANCH, PARENT, branch, journal, open, options, seq, state};

/// The disks after each operation of a till, each with the events that were acknowledged before it.
fn history(durability: Durability) -> Vec<(SimDisk, Seq)> {
    let disk = SimDisk::new();
    let till: Image<Till> = options().durability(durability).open_with(Arc::new(disk.clone()), PARENT).unwrap();
    till.open(1).unwrap();
    let (send, points) = std::sync::mpsc::channel();
    disk.observe(move |_, fork| drop(send.send(fork.fork())));
    let mut history = Vec::new();
    for round in 0..6 {
        let acknowledged = till.journal().seq();
        // some of them fill a segment
        for _ in 0..1 + round * 20 {
            till.deposit(1, 1).unwrap();
        }
        history.extend(points.try_iter().map(|point| (point, acknowledged)));
        history.push((disk.fork(), till.journal().seq()));
    }
    history
}

/// Asserts that a branch and an opening find the same events, and that the branch changes no file of its parent.
fn assert_same(disk: &SimDisk, what: &str) -> Seq {
    let before = memimage_tests::files(disk);
    let report = branch::<Till>(disk).create().unwrap_or_else(|error| panic!("{what}: {error}"));
    let changed = memimage_tests::changed(&before, &memimage_tests::files(disk));
    assert!(changed.iter().all(|path| !path.starts_with(PARENT)), "{what}: {changed:?}");
    let opened = open::<Till>(disk, PARENT);
    assert_eq!(report.parent.seq, opened.journal().seq(), "{what}");
    assert_eq!(state::<Till>(disk, BRANCH), opened.query(Clone::clone).unwrap(), "{what}");
    // what is in the branch survives a power cut in the parent, too
    assert!(open::<Till>(&disk.crash(|_| false), PARENT).journal().seq() >= report.parent.seq, "{what}");
    report.parent.seq
}

#[test]
fn after_a_kill_a_branch_has_the_last_acknowledged_event() {
    for durability in [Durability::Synced, Durability::Buffered] {
        let mut newer = 0;
        for (number, (disk, acknowledged)) in history(durability).into_iter().enumerate().step_by(61) {
            let of_files = journal::<Till>(&disk).durable_seq().unwrap();
            let found = assert_same(&disk, &format!("{durability:?}, point {number}"));
            if durability == Durability::Synced {
                assert!(found >= acknowledged, "point {number}: event {acknowledged} was acknowledged");
            }
            newer += u32::from(found > of_files);
        }
        assert!(newer > 2, "the files alone prove fewer events: {newer} times");
    }
}

#[test]
fn after_a_power_cut_a_branch_has_what_an_opening_finds() {
    for (number, (disk, acknowledged)) in history(Durability::Synced).into_iter().enumerate().step_by(97) {
        for crash in [false, true] {
            let found = assert_same(&disk.crash(|_| crash), &format!("point {number}, {crash}"));
            assert!(found >= acknowledged, "point {number}: event {acknowledged} was acknowledged");
        }
    }
}

#[test]
fn beside_a_running_owner_a_branch_has_the_durable_events_only() {
    let disk = SimDisk::new();
    let till: Image<Till> =
        options().durability(Durability::Buffered).open_with(Arc::new(disk.clone()), PARENT).unwrap();
    till.open(1).unwrap();
    till.journal().sync().unwrap();
    till.deposit(1, 1).unwrap();
    till.deposit(1, 1).unwrap();
    let durable = till.journal().durable_seq();
    let report = branch::<Till>(&disk).create().unwrap();
    assert!(report.parent.seq <= durable.max(seq(2)) && report.parent.seq < seq(3), "{}", report.parent.seq);
    // the program itself knows more
    assert_eq!(till.journal().branch("/second").create().unwrap().parent.seq, seq(3));
}

/// An end before the damage needs no reading of the journal's end.
#[test]
fn a_branch_that_ends_before_a_damaged_end_is_created() {
    let disk = super::parent_image();
    let segment = "/parent/journal/00000001.journal";
    let bytes = disk.read(segment).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    disk.write(segment, last as u64, &[bytes[last] ^ 1]).unwrap();
    branch::<Till>(&disk).create().unwrap_err();
    assert_eq!(branch::<Till>(&disk).until(seq(5)).create().unwrap().parent.seq, seq(5));
}
