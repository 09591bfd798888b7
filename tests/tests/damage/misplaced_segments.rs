//! Whole segments in the wrong place: swapped, duplicated, missing, from an older copy, of another image.

use std::path::PathBuf;

use memimage::{ErrorKind, disk::SimDisk};
use memimage_tests::{changed, files};

use crate::campaign::{DamageInjection, OutcomeCounts, try_all};
use crate::outcome::{Depth, OpenOutcome};
use crate::replaced_files::{copy_from, put, remove};
use crate::sample_images::{HEADER, SampleImage, SampleKind, durable, open, options, segment};

#[derive(Clone, Debug)]
enum SegmentChange {
    Swapped(u64, u64),
    /// The first segment replaces the second.
    Copied(u64, u64),
    Missing(u64),
    /// This segment and all later ones are missing.
    MissingFrom(u64),
    /// The segment as it was at an earlier sync.
    Old(u64, usize),
    /// The segment of another image with the same events.
    Foreign(u64),
}

fn kind_of(change: &SegmentChange) -> String {
    match *change {
        SegmentChange::Swapped(..) => "Swapped".to_owned(),
        SegmentChange::Copied(_, to) if to > 4 => "CopiedBehind".to_owned(),
        SegmentChange::Copied(..) => "Copied".to_owned(),
        SegmentChange::Missing(number) => format!("Missing {number}"),
        SegmentChange::MissingFrom(number) => format!("MissingFrom {number}"),
        SegmentChange::Old(number, _) => format!("Old {number}"),
        SegmentChange::Foreign(number) => format!("Foreign {number}"),
    }
}

fn try_changes(name: &str, sample: &SampleImage, other: &SampleImage, changes: &[SegmentChange]) -> OutcomeCounts {
    let apply = |disk: &SimDisk, change: &SegmentChange| match *change {
        SegmentChange::Swapped(one, two) => {
            put(disk, &segment(one), sample.bytes(&segment(two)));
            put(disk, &segment(two), sample.bytes(&segment(one)));
        }
        SegmentChange::Copied(one, two) => put(disk, &segment(two), sample.bytes(&segment(one))),
        SegmentChange::Missing(number) => remove(disk, &segment(number)),
        SegmentChange::MissingFrom(number) => (number..=4).for_each(|number| remove(disk, &segment(number))),
        SegmentChange::Old(number, time) => copy_from(&sample.past[time], disk, &segment(number)),
        SegmentChange::Foreign(number) => put(disk, &segment(number), other.bytes(&segment(number))),
    };
    try_all(sample, &DamageInjection { name, depth: Depth::Use, part: &kind_of, apply: &apply }, changes)
}

fn misplaced() -> Vec<SegmentChange> {
    let mut changes = Vec::new();
    for one in 1..=4 {
        changes.extend((one + 1..=4).map(|two| SegmentChange::Swapped(one, two)));
        changes.extend((1..=6).filter(|two| *two != one).map(|two| SegmentChange::Copied(one, two)));
        changes.push(SegmentChange::Foreign(one));
    }
    changes
}

/// Each segment as it was at each sync, if it was different.
fn old(sample: &SampleImage) -> Vec<SegmentChange> {
    let differs = |number: u64, time: usize| {
        let old = sample.past[time].read(segment(number)).ok();
        old.as_deref() != Some(sample.bytes(&segment(number)))
    };
    let of =
        |number: u64| (0..sample.past.len()).filter(move |&time| differs(number, time)).map(move |time| (number, time));
    (1..=4).flat_map(of).map(|(number, time)| SegmentChange::Old(number, time)).collect()
}

#[test]
fn a_misplaced_segment_is_refused() {
    let (sample, other) = SampleImage::two(SampleKind::CLOSED);
    let counts = try_changes("segments", &sample, &other, &misplaced());
    assert_eq!(counts.all(), [OpenOutcome::Refused]);
}

/// Only the preallocated segment is not needed.
#[test]
fn a_missing_segment_is_refused_unless_it_is_preallocated() {
    let sample = SampleImage::new(SampleKind::CLOSED);
    let changes: Vec<_> =
        (1..=4).flat_map(|number| [SegmentChange::Missing(number), SegmentChange::MissingFrom(number)]).collect();
    // a directory without segments is not an image, and is refused as such
    let (none, some): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|change| matches!(change, SegmentChange::MissingFrom(1)));
    let counts = try_changes("segments", &sample, &sample, &some);
    for number in 1..=3 {
        assert_eq!(counts.of(&format!("Missing {number}")), [OpenOutcome::Refused]);
    }
    assert_eq!(counts.of("Missing 4"), [OpenOutcome::Unnoticed]);
    assert_eq!(counts.of("MissingFrom 2"), [OpenOutcome::Refused]);
    assert_eq!(counts.of("MissingFrom 3"), [OpenOutcome::Refused]);
    assert_eq!(counts.of("MissingFrom 4"), [OpenOutcome::Unnoticed]);
    assert_eq!(none.len(), 1);
    let disk = sample.disk.fork();
    (1..=4).for_each(|number| remove(&disk, &segment(number)));
    let before = files(&disk);
    for create in [false, true] {
        let error = open(&disk, options(512).create(create)).expect_err("the journal is missing");
        assert!(
            error.kind() == ErrorKind::Corrupt
                || error.kind() == ErrorKind::NotFound
                || error.kind() == ErrorKind::NotAnImage,
            "{error}"
        );
        assert_eq!(changed(&before, &files(&disk)), Vec::<PathBuf>::new());
    }
}

/// As after the restore of a single file, or on a disk that lost synced data.
#[test]
fn an_old_copy_of_a_segment_is_refused() {
    let sample = SampleImage::new(SampleKind::CLOSED);
    let changes = old(&sample);
    let counts = try_changes("segments", &sample, &sample, &changes);
    for number in 1..=3 {
        assert_eq!(counts.of(&format!("Old {number}")), [OpenOutcome::Refused]);
    }
    // the preallocated segment was created in the same epoch and never written, or did not exist yet
    assert_eq!(counts.of("Old 4"), [OpenOutcome::Unnoticed]);
}

/// An old copy of all files contains no evidence of later events. It opens with its old state.
#[test]
fn a_consistent_older_copy_opens_in_its_older_state() {
    let sample = SampleImage::new(SampleKind::CLOSED);
    // all files from an earlier time, as after the restore of a backup
    let times: Vec<usize> = (0..sample.past.len()).collect();
    let restore = |disk: &SimDisk, time: &usize| {
        let past = &sample.past[*time];
        for (path, _) in &sample.files {
            copy_from(past, disk, path);
        }
    };
    let part = |_: &usize| "all files".to_owned();
    let damage = DamageInjection { name: "an earlier time", depth: Depth::Use, part: &part, apply: &restore };
    let begun = |time: &usize| sample.past[*time].read(segment(1)).is_ok_and(|bytes| bytes[HEADER] != 0);
    let times: Vec<usize> = times.into_iter().filter(begun).collect();
    let counts = try_all(&sample, &damage, &times);
    assert!(counts.all().contains(&OpenOutcome::Earlier));
    assert!(
        counts.all().iter().all(|outcome| matches!(outcome, OpenOutcome::Earlier | OpenOutcome::Unnoticed)),
        "{counts:?}"
    );

    // the last segments and `durable` are missing, and there is no snapshot
    let cut = |disk: &SimDisk, from: &u64| {
        (*from..=4).for_each(|number| remove(disk, &segment(number)));
        remove(disk, &durable());
    };
    let part = |from: &u64| format!("without segments from {from} on, and durable");
    let damage = DamageInjection { name: "cut", depth: Depth::Use, part: &part, apply: &cut };
    assert_eq!(try_all(&sample, &damage, &[2, 3]).all(), [OpenOutcome::Earlier]);
}
