//! Files of two timelines of one image: a copy of the image ran separately, or a repair gave up events, and files of the one
//! history stand in the place of the other's. The image is refused, or opens in the whole state of one history.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use memimage::admin::{Repair, RepairAction, check_with};
use memimage::disk::SimDisk;
use memimage::{Image, Retention, Seq};
use memimage_tests::{Book, BookCommands, files};

use crate::replaced_files::{copy_from, put, remove};
use crate::sample_images::{HEADER, ROOT, SEGMENT, durable, open, options, segment};

/// What the two histories have in common, and how they go on.
#[derive(Clone, Copy, Debug)]
struct Parting {
    /// The events before the image was copied.
    common: u32,
    /// Whether both histories have the same commands after that.
    same_commands: bool,
    /// Whether each history makes snapshots. Without them, its journal has no digests of states.
    snapshots: [bool; 2],
    /// Whether each history prunes its journal.
    pruned: bool,
    /// Whether the second history is opened again for each page. Then its epochs are higher, and lives do not contradict.
    reopened: bool,
}

/// One history of an image: its files, and all states that it went through.
struct History {
    disk: SimDisk,
    states: Vec<Book>,
}

/// Writes pages until the journal has four segments with frames.
fn go_on(
    disk: SimDisk,
    mut states: Vec<Book>,
    first_page: u32,
    parting: Parting,
    snapshots: bool,
    reopened: bool,
) -> History {
    let retention = if parting.pruned { Retention::Events(0) } else { Retention::Everything };
    let open_again = || open(&disk, options(512).retention(retention)).unwrap();
    let mut image = open_again();
    let has_frames = |disk: &SimDisk, number| {
        disk.read(segment(number)).is_ok_and(|bytes| bytes[HEADER..].iter().any(|&byte| byte != 0))
    };
    for page in first_page.. {
        image.write(page, "x".repeat(SEGMENT / 8)).unwrap();
        states.push(image.read_uncommitted().unwrap().clone());
        if snapshots && page % 5 == 0 {
            image.admin().snapshot().unwrap();
        }
        if has_frames(&disk, 4) {
            break;
        }
        if reopened {
            Image::close(image).unwrap();
            image = open_again();
        }
    }
    Image::close(image).unwrap();
    History { disk, states }
}

/// Two histories that part after some common events.
fn part(parting: Parting) -> [History; 2] {
    let disk = SimDisk::new();
    let image = open(&disk, options(512)).unwrap();
    let mut states = vec![Book::default()];
    for page in 1..=parting.common {
        image.write(page, "common".to_owned()).unwrap();
        states.push(image.read_uncommitted().unwrap().clone());
    }
    Image::close(image).unwrap();
    let other_page = if parting.same_commands { 1_000 } else { 2_000 };
    let [one, other] = parting.snapshots;
    [(1_000, one, false), (other_page, other, parting.reopened)]
        .map(|(page, snapshots, reopened)| go_on(disk.fork(), states.clone(), page, parting, snapshots, reopened))
}

/// The files in which the histories differ.
fn differing(histories: &[History; 2]) -> Vec<PathBuf> {
    let [one, other] = histories.each_ref().map(|history| files(&history.disk));
    let paths: BTreeSet<_> = one.keys().chain(other.keys()).cloned().collect();
    paths.into_iter().filter(|path| one.get(path) != other.get(path)).collect()
}

/// Opens an image with mixed files. Returns the history in whose last state it opens; `None` if it is refused.
fn opened_as(disk: &SimDisk, histories: &[History; 2], what: &str) -> Option<usize> {
    let before = files(disk);
    match open(&disk.fork(), options(512).create(false)) {
        Err(_) => {
            assert_eq!(files(disk), before, "{what}: a refused image is unchanged");
            None
        }
        Ok(image) => {
            let state = image.read_uncommitted().unwrap();
            let is_last = |history: &History| history.states.last() == Some(&*state);
            let found = histories.iter().position(is_last);
            assert!(found.is_some(), "{what}: it opened in a state that is the last of neither history");
            found
        }
    }
}

fn every_exchange(parting: Parting) {
    let histories = part(parting);
    let paths = differing(&histories);
    assert!(paths.len() <= 12, "{paths:?}");
    let is_segment = |at: &usize| paths[*at].extension().is_some_and(|end| end == "journal");
    let mut with_frames: Vec<usize> = (0..paths.len()).filter(is_segment).collect();
    // the last one is preallocated: it has only a header
    with_frames.pop();
    let (all, mut refused) = (1u32 << paths.len(), 0);
    for subset in 0..all {
        let disk = histories[0].disk.fork();
        for (at, path) in paths.iter().enumerate() {
            if subset & (1 << at) != 0 {
                copy_from(&histories[1].disk, &disk, path);
            }
        }
        let what =
            format!("{parting:?}, files of the other history: {subset:0width$b} of {paths:?}", width = paths.len());
        let found = opened_as(&disk, &histories, &what);
        refused += usize::from(found.is_none());
        let taken: BTreeSet<bool> = with_frames.iter().map(|at| subset & (1 << at) != 0).collect();
        let is_mixed = taken.len() > 1;
        if is_mixed && parting.snapshots == [false; 2] && !parting.pruned {
            assert_eq!(found, None, "{what}: segments of two histories");
        }
        if is_mixed {
            let report = check_with(Arc::new(disk.clone()), ROOT).unwrap();
            assert!(!report.is_sound(), "{what}: a check finds it sound\n{report}");
        }
        if subset == 0 || subset == all - 1 {
            assert!(found.is_some(), "{what}: all files of one history");
        }
    }
    assert!(refused > 0, "no mixture was refused");
}

const PARTING: Parting =
    Parting { common: 3, same_commands: false, snapshots: [false; 2], pruned: false, reopened: false };

#[test]
fn every_exchange_of_files_between_two_copies_is_refused_or_harmless() {
    every_exchange(PARTING);
}

/// The frames of both histories have the same events.
#[test]
fn copies_with_the_same_commands_are_two_histories_too() {
    every_exchange(Parting { same_commands: true, ..PARTING });
}

#[test]
fn a_snapshot_of_another_copy_is_never_believed() {
    every_exchange(Parting { snapshots: [true; 2], ..PARTING });
    every_exchange(Parting { snapshots: [true; 2], reopened: true, ..PARTING });
    // neither a digest nor an epoch contradicts the snapshot, only the hash of the frame with its last event
    every_exchange(Parting { snapshots: [false, true], reopened: true, ..PARTING });
}

#[test]
fn a_base_of_another_copy_is_never_believed() {
    every_exchange(Parting { snapshots: [true; 2], pruned: true, ..PARTING });
}

#[test]
fn copies_that_part_before_their_first_event_are_two_histories() {
    every_exchange(Parting { common: 0, ..PARTING });
}

/// Only the hash of the frame before tells that the later segments of the other history do not follow here.
#[test]
fn copies_with_different_numbers_of_openings_are_two_histories() {
    every_exchange(Parting { reopened: true, ..PARTING });
}

/// A cut makes another history of the events after it. The old segments, restored from a backup, are not part of it.
#[test]
fn a_segment_from_before_a_cut_does_not_continue_the_new_history() {
    let [old, _] = part(PARTING);
    let events = old.states.len() as u64 - 1;
    let disk = old.disk.fork();
    // damage in the middle of segment 2
    let mut bytes = disk.read(segment(2)).unwrap();
    bytes[SEGMENT / 2] ^= 1;
    put(&disk, &segment(2), &bytes);
    let report = check_with(Arc::new(disk.clone()), ROOT).unwrap();
    let action = report.repairs()[0].action;
    let RepairAction::CutFrom(from) = action else { panic!("{report}") };
    assert!(from > Seq::new(1) && from < Seq::new(events), "{report}");
    Repair::new(action).run_with(Arc::new(disk.clone()), ROOT).unwrap();
    let states = old.states[..from.get() as usize].to_vec();
    let new = go_on(disk, states, 5_000, PARTING, false, false);
    let histories = [new, old];
    for number in 2..=4 {
        let disk = histories[0].disk.fork();
        copy_from(&histories[1].disk, &disk, &segment(number));
        assert_eq!(opened_as(&disk, &histories, &format!("segment {number}")), None);
        assert!(!check_with(Arc::new(disk.clone()), ROOT).unwrap().is_sound(), "segment {number}");
        // nor without the evidence in `durable`
        remove(&disk, &durable());
        assert_eq!(opened_as(&disk, &histories, &format!("segment {number}, without durable")), None);
    }
}
