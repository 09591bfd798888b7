//! Branches that are refused, and the files that they leave: none.

use std::path::Path;
use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{Branch, ErrorKind, Image, Retention, Timestamp};
use memimage_tests::{changed, files};

use super::till::{Till, TillCommands as _, TillDeposit, TillReset, TillWithdraw};
use super::{BRANCH, PARENT, branch, journal, options, parent_image, seq, seqs};

/// Asserts that no branch is created, with an error of this kind that contains `text`, and that nothing on the disk changes.
#[track_caller]
fn assert_refused(disk: &SimDisk, branch: Branch<'_, Till>, kind: ErrorKind, text: &str) {
    let before = files(disk);
    let error = branch.create().unwrap_err();
    assert_eq!(changed(&before, &files(disk)), Vec::<std::path::PathBuf>::new(), "{error}");
    assert!(error.kind() == kind && error.to_string().contains(text), "{:?}: {error}", error.kind());
}

fn put(disk: &SimDisk, path: &str) {
    disk.create_new(Path::new(path)).unwrap().write_at(b"mine", 0).unwrap();
}

#[test]
fn changes_of_events_that_are_not_on_the_branch_are_refused() {
    let disk = parent_image();
    let event = || TillDeposit { account: 7, cents: 1 };
    let begin = || branch::<Till>(&disk);
    assert_refused(&disk, begin().without(seqs(&[0])), ErrorKind::NotApplicable, "there is no event 0");
    assert_refused(&disk, begin().without(seqs(&[11])), ErrorKind::OutOfRange, "whose last durable event is 10");
    assert_refused(&disk, begin().replacing(seq(11), event()), ErrorKind::OutOfRange, "event 11 is not in the journal");
    let text = "the branch ends with event 4";
    assert_refused(&disk, begin().until(seq(4)).without(seqs(&[5])), ErrorKind::NotApplicable, text);
    assert_refused(&disk, begin().until(seq(4)).replacing(seq(5), event()), ErrorKind::NotApplicable, text);
    let both = begin().without(seqs(&[2])).replacing(seq(2), event());
    assert_refused(&disk, both, ErrorKind::NotApplicable, "event 2 is to be left out and to be replaced");
    let twice = begin().replacing(seq(2), event()).replacing(seq(2), event());
    assert_refused(&disk, twice, ErrorKind::NotApplicable, "event 2 is to be replaced twice");
}

#[test]
fn an_end_outside_the_history_is_refused() {
    let disk = parent_image();
    assert_refused(&disk, branch(&disk).until(seq(11)), ErrorKind::OutOfRange, "whose last durable event is 10");
    assert_refused(&disk, branch(&disk).until(Timestamp::from_micros(1)), ErrorKind::OutOfRange, "was created at");
    let future = Timestamp::from_micros(u64::MAX / 2);
    assert_refused(&disk, branch(&disk).until(future), ErrorKind::OutOfRange, "is in the future");
}

#[test]
fn a_replacement_that_a_live_call_would_refuse_is_refused() {
    let disk = parent_image();
    let refused = branch::<Till>(&disk).replacing(seq(2), TillWithdraw { account: 7, cents: 1 });
    let text = "the check of `withdraw` refuses the event that is to replace event 2, as it would refuse a call: account 7 \
                holds 0 cents";
    assert_refused(&disk, refused, ErrorKind::NotApplicable, text);
    let panicking = branch::<Till>(&disk).replacing(seq(2), super::till::TillAudit { account: 1 });
    assert_refused(&disk, panicking, ErrorKind::NotApplicable, "the body of `audit` panicked");
    let replayed = branch::<Till>(&disk).replacing(seq(2), TillReset {});
    assert_refused(&disk, replayed, ErrorKind::NotApplicable, "is only replayed and cannot be executed");
}

#[test]
fn an_existing_path_or_one_inside_the_image_is_refused() {
    let disk = parent_image();
    disk.create_dir(Path::new("/full")).unwrap();
    for file in ["/file", "/full/file"] {
        put(&disk, file);
    }
    for (target, text) in [
        ("/file", "the path leads to a file"),
        ("/full", "a directory that is not empty"),
        (PARENT, "a place inside the source image"),
        ("/parent/branch", "a place inside the source image"),
        ("/parent/journal/branch", "a place inside the source image"),
    ] {
        assert_refused(&disk, journal::<Till>(&disk).branch(target), ErrorKind::AlreadyExists, text);
    }
    branch::<Till>(&disk).create().unwrap();
    assert_refused(&disk, branch(&disk), ErrorKind::AlreadyExists, "not empty");
    assert_refused(&disk, journal::<Till>(&disk).branch("/none/branch"), ErrorKind::Io, "create its parent directory");
}

#[test]
fn a_foreign_directory_with_the_temporary_name_stays() {
    let disk = parent_image();
    disk.create_dir(Path::new("/.branch.branching")).unwrap();
    put(&disk, "/.branch.branching/mine");
    assert_refused(&disk, branch(&disk), ErrorKind::AlreadyExists, "`/.branch.branching`");
}

#[test]
fn a_pruned_image_is_refused_with_what_to_do_instead() {
    let disk = SimDisk::new();
    let keeps_little = options::<Till>().retention(Retention::Events(0));
    let till = keeps_little.open_with(Arc::new(disk.clone()), PARENT).unwrap();
    till.open(1).unwrap();
    for _ in 0..3 {
        for _ in 0..800 {
            till.deposit(1, 1).unwrap();
        }
        till.admin().snapshot().unwrap();
    }
    Image::close(till).unwrap();
    assert!(disk.read("/parent/journal/00000001.journal").is_err(), "the journal should be pruned");
    assert_refused(&disk, branch(&disk), ErrorKind::Pruned, "make it void with `memimage::admin::void`");
}

#[test]
fn an_image_in_memory_is_refused() {
    let till = Image::<Till>::in_memory().unwrap();
    till.open(1).unwrap();
    let error = till.journal().branch(BRANCH).create().unwrap_err();
    assert!(error.kind() == ErrorKind::NotApplicable && error.to_string().contains("in memory"), "{error}");
}

#[test]
fn an_option_outside_its_range_is_refused() {
    let disk = parent_image();
    let branching = branch::<Till>(&disk).segment_bytes(1);
    assert_refused(&disk, branching, ErrorKind::InvalidOption, "segment_bytes");
}

#[test]
fn a_branch_from_inside_a_query_is_refused() {
    let disk = parent_image();
    let till: Image<Till> = options().open_with(Arc::new(disk.clone()), PARENT).unwrap();
    let error = till.query(|_| till.journal().branch(BRANCH).create().unwrap_err()).unwrap();
    assert_eq!(error.kind(), ErrorKind::Reentrant, "{error}");
}
