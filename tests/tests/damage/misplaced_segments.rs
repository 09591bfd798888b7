//! Whole segments in the wrong place: swapped, duplicated, missing, from an older copy, of another image.

use std::path::PathBuf;

use memimage::{ErrorKind, disk::SimDisk};
use memimage_tests::{changed, files};

use crate::campaign::{Damage, Tally, try_all};
use crate::outcome::{Depth, Outcome};
use crate::replaced_files::{put, remove, take_from};
use crate::sample_images::{HEADER, Making, Sample, durable, open, options, segment};

#[derive(Clone, Debug)]
enum Change {
    Swapped(u64, u64),
    /// The first stands under the number of the second too.
    Copied(u64, u64),
    Missing(u64),
    /// This one and all after it.
    MissingFrom(u64),
    /// One segment as it was at an earlier sync.
    Old(u64, usize),
    /// One segment of another image that lived the same life.
    Foreign(u64),
}

fn kind_of(change: &Change) -> String {
    match *change {
        Change::Swapped(..) => "Swapped".to_owned(),
        Change::Copied(_, to) if to > 4 => "CopiedBehind".to_owned(),
        Change::Copied(..) => "Copied".to_owned(),
        Change::Missing(number) => format!("Missing {number}"),
        Change::MissingFrom(number) => format!("MissingFrom {number}"),
        Change::Old(number, _) => format!("Old {number}"),
        Change::Foreign(number) => format!("Foreign {number}"),
    }
}

fn try_changes(name: &str, sample: &Sample, other: &Sample, changes: &[Change]) -> Tally {
    let apply = |disk: &SimDisk, change: &Change| match *change {
        Change::Swapped(one, two) => {
            put(disk, &segment(one), sample.bytes(&segment(two)));
            put(disk, &segment(two), sample.bytes(&segment(one)));
        }
        Change::Copied(one, two) => put(disk, &segment(two), sample.bytes(&segment(one))),
        Change::Missing(number) => remove(disk, &segment(number)),
        Change::MissingFrom(number) => (number..=4).for_each(|number| remove(disk, &segment(number))),
        Change::Old(number, time) => take_from(&sample.past[time], disk, &segment(number)),
        Change::Foreign(number) => put(disk, &segment(number), other.bytes(&segment(number))),
    };
    try_all(sample, &Damage { name, depth: Depth::Live, part: &kind_of, apply: &apply }, changes)
}

fn misplaced() -> Vec<Change> {
    let mut changes = Vec::new();
    for one in 1..=4 {
        changes.extend((one + 1..=4).map(|two| Change::Swapped(one, two)));
        changes.extend((1..=6).filter(|two| *two != one).map(|two| Change::Copied(one, two)));
        changes.push(Change::Foreign(one));
    }
    changes
}

/// Each segment as it was at each sync, where it was another then.
fn old(sample: &Sample) -> Vec<Change> {
    let differs = |number: u64, time: usize| {
        let old = sample.past[time].read(segment(number)).ok();
        old.as_deref() != Some(sample.bytes(&segment(number)))
    };
    let of =
        |number: u64| (0..sample.past.len()).filter(move |&time| differs(number, time)).map(move |time| (number, time));
    (1..=4).flat_map(of).map(|(number, time)| Change::Old(number, time)).collect()
}

#[test]
fn each_segment_out_of_its_place_is_refused() {
    let (sample, other) = Sample::two(Making::CLOSED);
    let tally = try_changes("segments", &sample, &other, &misplaced());
    assert_eq!(tally.all(), [Outcome::Refused]);
}

/// What nobody has to have: the segment made ahead.
#[test]
fn each_missing_segment_is_refused_but_for_the_one_made_ahead() {
    let sample = Sample::new(Making::CLOSED);
    let changes: Vec<_> = (1..=4).flat_map(|number| [Change::Missing(number), Change::MissingFrom(number)]).collect();
    // without any segment it is no image any more, and refused as such
    let (none, some): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|change| matches!(change, Change::MissingFrom(1)));
    let tally = try_changes("segments", &sample, &sample, &some);
    for number in 1..=3 {
        assert_eq!(tally.of(&format!("Missing {number}")), [Outcome::Refused]);
    }
    assert_eq!(tally.of("Missing 4"), [Outcome::Unnoticed]);
    assert_eq!(tally.of("MissingFrom 2"), [Outcome::Refused]);
    assert_eq!(tally.of("MissingFrom 3"), [Outcome::Refused]);
    assert_eq!(tally.of("MissingFrom 4"), [Outcome::Unnoticed]);
    assert_eq!(none.len(), 1);
    let disk = sample.disk.fork();
    (1..=4).for_each(|number| remove(&disk, &segment(number)));
    let before = files(&disk);
    for create in [false, true] {
        let error = open(&disk, options(512).create(create)).expect_err("its journal is gone");
        assert!(
            error.kind() == ErrorKind::Corrupt
                || error.kind() == ErrorKind::NotFound
                || error.kind() == ErrorKind::NotAnImage,
            "{error}"
        );
        assert_eq!(changed(&before, &files(&disk)), Vec::<PathBuf>::new());
    }
}

/// As by a restored file, or a disk that lost what it had synced.
#[test]
fn each_segment_of_an_earlier_time_is_refused() {
    let sample = Sample::new(Making::CLOSED);
    let changes = old(&sample);
    let tally = try_changes("segments", &sample, &sample, &changes);
    for number in 1..=3 {
        assert_eq!(tally.of(&format!("Old {number}")), [Outcome::Refused]);
    }
    // it was made in the same epoch, and was never written to; or it was not there yet
    assert_eq!(tally.of("Old 4"), [Outcome::Unnoticed]);
}

/// What nobody can see: everything that tells of later events is of an earlier time too. It is the image as it once was, and
/// opens as that.
#[test]
fn a_consistent_older_copy_opens_in_its_older_state() {
    let sample = Sample::new(Making::CLOSED);
    // all of the image, from before the restoring of a backup
    let whole: Vec<usize> = (0..sample.past.len()).collect();
    let restore = |disk: &SimDisk, time: &usize| {
        let past = &sample.past[*time];
        for (path, _) in &sample.files {
            take_from(past, disk, path);
        }
    };
    let part = |_: &usize| "all files".to_owned();
    let damage = Damage { name: "an earlier time", depth: Depth::Live, part: &part, apply: &restore };
    let begun = |time: &usize| sample.past[*time].read(segment(1)).is_ok_and(|bytes| bytes[HEADER] != 0);
    let whole: Vec<usize> = whole.into_iter().filter(begun).collect();
    let tally = try_all(&sample, &damage, &whole);
    assert!(tally.all().contains(&Outcome::Earlier));
    assert!(tally.all().iter().all(|outcome| matches!(outcome, Outcome::Earlier | Outcome::Unnoticed)), "{tally:?}");

    // the last segments and `durable` gone together, and no snapshot
    let cut = |disk: &SimDisk, from: &u64| {
        (*from..=4).for_each(|number| remove(disk, &segment(number)));
        remove(disk, &durable());
    };
    let part = |from: &u64| format!("without segments from {from} on, and durable");
    let damage = Damage { name: "cut", depth: Depth::Live, part: &part, apply: &cut };
    assert_eq!(try_all(&sample, &damage, &[2, 3]).all(), [Outcome::Earlier]);
}
