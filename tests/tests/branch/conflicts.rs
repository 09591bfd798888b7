//! Events that do not apply on the branch as they did in the parent, and replacements.

use std::sync::Arc;

use memimage::{ConflictKind, Image, Journal, Metadata, Seq};

use super::till::{Till, TillCommands as _, TillDeposit, TillSettle};
use super::{BRANCH, PARENT, branch, journal_at, open, options, parent_image, seq, seqs, state};

/// The conflicts of a report: the seq, the kind, and whether the event is left out.
fn conflicts(report: &memimage::BranchReport) -> Vec<(u64, ConflictKind, bool)> {
    report.conflicts.iter().map(|found| (found.seq.get(), found.kind.clone(), found.is_left_out)).collect()
}

#[test]
fn an_event_whose_check_refuses_it_now_is_left_out_and_reported() {
    let disk = parent_image();
    let report = branch::<Till>(&disk).without(seqs(&[2])).create().unwrap();
    let expected =
        [(4, ConflictKind::Refused("account 7 holds 0 cents".to_owned()), true), (5, ConflictKind::Rejected, false)];
    assert_eq!(conflicts(&report), expected);
    assert_eq!(report.left_out, seqs(&[2]));
    let lines: Vec<String> = report.conflicts.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "event 4 (`withdraw` version 1) is left out: its check refuses it: account 7 holds 0 cents",
            "event 5 (`settle` version 1) is kept: it was applied, and is rejected now",
        ]
    );
    let is: Till = state(&disk, BRANCH);
    assert_eq!((is.accounts[&7], is.accounts[&8], is.settlements), (0, 5, 2));
    let branched: Journal<Till> = journal_at(&disk, BRANCH);
    let events: Vec<_> = branched.history().into_iter().map(Result::unwrap).collect();
    assert_eq!(events[3].metadata().get(Metadata::BRANCH), Some("refused"));
    assert!(events[3].event().is_none() && events[4].is_rejected() && events[5].is_rejected());
    assert_eq!(events[1].metadata().get(Metadata::ACTOR), Some("ada"), "who ran the event that is left out");
}

#[test]
fn a_refused_event_can_be_kept() {
    let disk = parent_image();
    let report = branch::<Till>(&disk).without(seqs(&[2])).keep_refused().create().unwrap();
    let expected =
        [(4, ConflictKind::Refused("account 7 holds 0 cents".to_owned()), false), (5, ConflictKind::Rejected, false)];
    assert_eq!(conflicts(&report), expected);
    let branched: Journal<Till> = journal_at(&disk, BRANCH);
    assert!(branched.history().into_iter().nth(3).unwrap().unwrap().event().is_some());
}

/// The check refuses the event, and its body rejects it.
#[test]
fn a_refused_event_that_is_kept_is_reported_once() {
    let disk = memimage::disk::SimDisk::new();
    let till: Image<Till> = options().open_with(Arc::new(disk.clone()), PARENT).unwrap();
    till.open(1).unwrap();
    till.deposit(1, 50).unwrap();
    till.pay(1, 20).unwrap();
    till.withdraw(1, 30).unwrap();
    let report = till.journal().branch(BRANCH).without(seqs(&[2])).keep_refused().create().unwrap();
    let refused = || ConflictKind::Refused("account 1 holds 0 cents".to_owned());
    assert_eq!(conflicts(&report), [(3, refused(), false), (4, refused(), false)]);
    assert_eq!(report.conflicts.iter().map(|found| found.is_rejected).collect::<Vec<_>>(), [true, false]);
    let lines: Vec<String> = report.conflicts.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "event 3 (`pay` version 1) is kept: its check refuses it: account 1 holds 0 cents; its body rejects it",
            "event 4 (`withdraw` version 1) is kept: its check refuses it: account 1 holds 0 cents",
        ]
    );
    let left_out = till.journal().branch("/second").without(seqs(&[2])).create().unwrap();
    assert!(left_out.conflicts.iter().all(|found| found.is_left_out && !found.is_rejected));
    Image::close(till).unwrap();
    assert_eq!(state::<Till>(&disk, BRANCH).accounts[&1], 0);
}

#[test]
fn an_event_whose_body_panics_is_left_out_without_a_trace() {
    let disk = parent_image();
    // the refused deposit comes before the panic, so the state is rebuilt without it
    let report = branch::<Till>(&disk).without(seqs(&[7])).create().unwrap();
    let expected = [
        (8, ConflictKind::Refused("there is no account 8".to_owned()), true),
        (9, ConflictKind::Panicked("no account 8 to audit".to_owned()), true),
    ];
    assert_eq!(conflicts(&report), expected);
    let (was, is): (Till, Till) = (state(&disk, PARENT), state(&disk, BRANCH));
    assert_eq!((is.audits, is.accounts.len(), &is.draws), (0, 1, &was.draws));
    let branched: Journal<Till> = journal_at(&disk, BRANCH);
    let event = branched.history().into_iter().nth(8).unwrap().unwrap();
    assert_eq!(event.metadata().get(Metadata::BRANCH), Some("panicked"));
}

#[test]
fn many_panics_are_each_left_out() {
    let disk = memimage::disk::SimDisk::new();
    let till: Image<Till> = options().open_with(Arc::new(disk.clone()), PARENT).unwrap();
    till.open(1).unwrap();
    till.open(2).unwrap();
    for round in 0..50 {
        till.audit(1).unwrap();
        till.deposit(2, round).unwrap();
        till.settle(1, 5).unwrap_err();
        till.draw().unwrap();
    }
    let report = till.journal().branch(BRANCH).without(seqs(&[1])).create().unwrap();
    assert_eq!(report.conflicts.len(), 50);
    let is: Till = state(&disk, BRANCH);
    let was = till.query(Clone::clone).unwrap();
    assert_eq!((is.audits, is.settlements, is.accounts[&2], is.draws), (0, 50, 49 * 50 / 2, was.draws));
}

#[test]
fn an_event_that_was_rejected_can_be_applied_on_the_branch() {
    let disk = parent_image();
    let report = branch::<Till>(&disk).without(seqs(&[4])).create().unwrap();
    assert_eq!(conflicts(&report), [], "settling 60 of 40 is still rejected");
    let disk = parent_image();
    let report = branch::<Till>(&disk).without(seqs(&[5])).create().unwrap();
    assert_eq!(conflicts(&report), [(6, ConflictKind::Applied, false)]);
    assert_eq!(state::<Till>(&disk, BRANCH).accounts[&7], 10);
}

#[test]
fn a_replacement_is_executed_in_the_place_of_the_event() {
    let disk = parent_image();
    let event = TillDeposit { account: 7, cents: 1_000 };
    let report = branch::<Till>(&disk).replacing(seq(2), event).create().unwrap();
    assert_eq!(conflicts(&report), [(6, ConflictKind::Applied, false)]);
    assert_eq!(report.replaced.iter().map(|replaced| replaced.seq).collect::<Vec<_>>(), [seq(2)]);
    assert_eq!(state::<Till>(&disk, BRANCH).accounts[&7], 1_000 - 30 - 60 - 60);
    let branched: Journal<Till> = journal_at(&disk, BRANCH);
    let event = branched.history().into_iter().nth(1).unwrap().unwrap();
    let entries: Vec<_> = event.metadata().iter().collect();
    assert_eq!(entries, [("actor", "ada"), ("memimage.branch", "replaced")]);
    assert_eq!(event.recorded().name(), "deposit");
}

#[test]
fn a_replacement_by_another_command_may_be_rejected_by_its_body() {
    let disk = parent_image();
    let report = branch::<Till>(&disk)
        .replacing(seq(2), TillSettle { account: 3, cents: 1 })
        .replacing(seq(3), TillDeposit { account: 7, cents: 200 })
        .create()
        .unwrap();
    let replaced: Vec<_> = report.replaced.iter().map(|replaced| (replaced.seq, replaced.is_rejected)).collect();
    assert_eq!(replaced, [(seq(2), true), (seq(3), false)]);
    let is: Till = state(&disk, BRANCH);
    assert_eq!((is.accounts[&7], is.draws.len(), is.settlements), (200 - 30 - 60 - 60, 1, 3));
}

#[test]
fn a_void_event_can_be_named_and_replaced() {
    let disk = parent_image();
    let void = memimage::admin::Void::new(seq(8), "a mistake");
    void.run_with(Arc::new(disk.clone()), PARENT).unwrap();
    let report = branch::<Till>(&disk).without(seqs(&[8, 9, 9])).create().unwrap();
    assert_eq!((report.left_out, report.already_void), (seqs(&[9]), seqs(&[8])));
    assert_eq!(state::<Till>(&disk, BRANCH).accounts[&8], 0);
    let event = TillDeposit { account: 8, cents: 6 };
    let report = super::journal::<Till>(&disk).branch("/second").replacing(seq(8), event).create().unwrap();
    assert_eq!((conflicts(&report), report.replaced[0].seq), (Vec::new(), Seq::new(8)));
    assert_eq!(state::<Till>(&disk, "/second").accounts[&8], 6);
    // the branch has no void events: it has other records in their place
    assert!(memimage::admin::check_with(Arc::new(disk.clone()), BRANCH).unwrap().voids.is_empty());
}

#[test]
fn outcomes_that_a_void_event_changed_in_the_parent_are_no_conflicts() {
    let disk = parent_image();
    memimage::admin::Void::new(seq(5), "a mistake").run_with(Arc::new(disk.clone()), PARENT).unwrap();
    let whole = branch::<Till>(&disk).create().unwrap();
    assert_eq!(conflicts(&whole), []);
    assert_eq!(state::<Till>(&disk, BRANCH), state(&disk, PARENT));
    let report = super::journal::<Till>(&disk).branch("/second").without(seqs(&[3])).create().unwrap();
    assert_eq!(conflicts(&report), []);
    drop(open::<Till>(&disk, "/second"));
}
