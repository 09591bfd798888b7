//! Branches that end early, and what a branch keeps of each event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::disk::SimDisk;
use memimage::{BranchStep, Image, Journal, Metadata, Timestamp};
use memimage_tests::{changed, files};

use super::till::{Till, TillCommands as _, TillDeposit};
use super::{BRANCH, PARENT, branch, journal, journal_at, open, options, parent_image, seq, seqs, state, strays};

#[test]
fn a_branch_has_the_state_of_its_last_event() {
    let disk = parent_image();
    for end in 0..=10 {
        let disk = disk.fork();
        let report = branch::<Till>(&disk).until(seq(end)).create().unwrap();
        assert_eq!((report.parent.seq, report.conflicts.len()), (seq(end), 0));
        let past = journal::<Till>(&disk).at(seq(end)).unwrap();
        let image = open::<Till>(&disk, BRANCH);
        assert_eq!(image.query(Clone::clone).unwrap(), *past, "after event {end}");
        assert_eq!((image.journal().seq(), image.admin().stats().uuid), (seq(end), report.uuid));
        assert_eq!(strays(&disk), Vec::<std::path::PathBuf>::new());
        // it opens from its snapshot
        let snapshot = image.admin().stats().recovery.snapshot;
        assert_eq!(snapshot, (end > 0).then(|| seq(end)));
        // and is used like any other image
        image.open(99).unwrap();
        Image::close(image).unwrap();
    }
}

#[test]
fn a_branch_ends_at_a_time() {
    let disk = parent_image();
    let time = journal::<Till>(&disk).at(seq(6)).unwrap().time();
    let report = branch::<Till>(&disk).until(Timestamp::from_micros(time.as_micros() + 1)).create().unwrap();
    assert_eq!(report.parent.seq, seq(6));
}

#[test]
fn a_branch_keeps_time_metadata_outcome_and_random_values_of_each_event() {
    let disk = parent_image();
    branch::<Till>(&disk).without(seqs(&[8])).create().unwrap();
    let branched: Journal<Till> = journal_at(&disk, BRANCH);
    for (was, is) in journal::<Till>(&disk).history().into_iter().zip(branched.history()) {
        let (was, is) = (was.unwrap(), is.unwrap());
        assert_eq!((was.seq(), was.time(), was.is_rejected()), (is.seq(), is.time(), is.is_rejected()));
        match was.seq().get() {
            8 => assert_eq!((is.event().is_none(), is.metadata().get(Metadata::BRANCH)), (true, Some("left out"))),
            _ => {
                assert_eq!(was.metadata(), is.metadata());
                assert_eq!(was.recorded().bytes(), is.recorded().bytes());
            }
        }
    }
    assert_eq!(state::<Till>(&disk, BRANCH).draws, state::<Till>(&disk, PARENT).draws);
}

#[test]
fn stats_and_check_show_the_parent() {
    let disk = parent_image();
    let report = branch::<Till>(&disk).until(seq(4)).create().unwrap();
    let image = open::<Till>(&disk, BRANCH);
    assert_eq!(image.admin().stats().parent, Some(report.parent));
    assert_eq!(report.parent.uuid, open::<Till>(&disk, PARENT).admin().stats().uuid);
    assert_eq!(open::<Till>(&disk, PARENT).admin().stats().parent, None);
    let check = memimage::admin::check_with(Arc::new(disk.clone()), BRANCH).unwrap();
    assert_eq!(check.parent, Some(report.parent));
    assert!(check.is_sound() && check.findings.is_empty(), "{check}");
    assert!(check.to_string().contains("rewritten or branched from"), "{check}");
    assert!(check.to_string().contains("up to event 4"), "{check}");
}

#[test]
fn a_branch_beside_a_running_owner_has_each_acknowledged_event_and_does_not_touch_it() {
    let disk = SimDisk::new();
    let till: Image<Till> = options().open_with(Arc::new(disk.clone()), PARENT).unwrap();
    till.open(1).unwrap();
    for cents in 1..=200 {
        till.deposit(1, cents).unwrap();
    }
    let before = files(&disk);
    let report = till.journal().branch(BRANCH).without(seqs(&[2])).create().unwrap();
    let after = files(&disk);
    let touched = changed(&before, &after).into_iter().filter(|path| path.starts_with(PARENT)).count();
    assert_eq!((report.parent.seq, touched), (seq(201), 0));
    assert_eq!(state::<Till>(&disk, BRANCH).accounts[&1], 200 * 201 / 2 - 1);
    till.deposit(1, 1).unwrap();
    // from another process, as it were
    let other = journal::<Till>(&disk).branch("/other").create().unwrap();
    assert_eq!(other.parent.seq, seq(202));
}

#[test]
fn a_branch_can_be_branched() {
    let disk = parent_image();
    let first = branch::<Till>(&disk).without(seqs(&[8])).create().unwrap();
    let journal: Journal<Till> = journal_at(&disk, BRANCH);
    let second = journal.branch("/second").without(seqs(&[8, 9])).create().unwrap();
    assert_eq!((second.parent.uuid, second.left_out, second.already_void), (first.uuid, seqs(&[9]), seqs(&[8])));
    assert_eq!(state::<Till>(&disk, "/second").audits, 0);
}

#[test]
fn a_corrected_clock_is_kept() {
    let disk = SimDisk::new();
    let clock = Arc::new(AtomicU64::new(9_000_000));
    let reading = Arc::clone(&clock);
    let till: Image<Till> = options()
        .clock(move || Timestamp::from_micros(reading.load(Ordering::Relaxed)))
        .open_with(Arc::new(disk.clone()), PARENT)
        .unwrap();
    till.open(1).unwrap();
    till.deposit(1, 1).unwrap();
    clock.store(2_000_000, Ordering::Relaxed);
    till.admin().correct_time(Timestamp::from_micros(2_000_000), "the clock was ahead").unwrap();
    till.deposit(1, 2).unwrap();
    till.journal().branch(BRANCH).without(seqs(&[2])).create().unwrap();
    let times = |journal: &Journal<Till>| {
        journal.history().into_iter().map(|event| event.unwrap().time().as_micros()).collect::<Vec<_>>()
    };
    assert_eq!(times(&till.journal()), [9_000_000, 9_000_000, 2_000_000]);
    assert_eq!(times(&journal_at(&disk, BRANCH)), times(&till.journal()));
    // it goes on from the corrected time
    let branched: Image<Till> = open(&disk, BRANCH);
    assert_eq!(branched.query(|till| till.accounts[&1]).unwrap(), 2);
}

#[test]
fn progress_reports_each_step() {
    let disk = parent_image();
    let mut steps = Vec::new();
    let event = TillDeposit { account: 7, cents: 1_000 };
    let branching = branch::<Till>(&disk).replacing(seq(2), event).progress(|progress| {
        assert!(progress.events <= progress.total, "{progress:?}");
        steps.push(progress.step);
    });
    branching.create().unwrap();
    steps.dedup();
    assert_eq!(steps, [BranchStep::Replay, BranchStep::Execute, BranchStep::Write, BranchStep::Verify]);
}
