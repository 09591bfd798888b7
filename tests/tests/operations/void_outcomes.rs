//! A void decision that changes the outcome of later events: the image opens all the same, and a dry run says so before.

use std::path::Path;
use std::sync::Arc;

use memimage::admin::{Rewrite, Void, VoidDryRun};
use memimage::disk::{Disk, SimDisk};
use memimage::{Error, ErrorKind, Image, Seq};
use memimage_tests::{Ledger, LedgerCommands, changed, files};

use super::{IMAGE, open};

/// A deposit, a withdrawal of a part of it, another deposit, and a rejected call.
fn recorded() -> SimDisk {
    let disk = SimDisk::new();
    let ledger = open::<Ledger>(&disk).unwrap();
    ledger.deposit(1, 100).unwrap();
    ledger.settle(1, 60).unwrap();
    ledger.deposit(1, 50).unwrap();
    ledger.settle(1, 500).unwrap_err();
    Image::close(ledger).unwrap();
    disk
}

fn dry_run(disk: &SimDisk, seq: u64) -> Result<VoidDryRun, Error> {
    Void::new(Seq::new(seq), "entered twice").dry_run_with::<Ledger>(Arc::new(disk.clone()), IMAGE)
}

fn void(disk: &SimDisk, seq: u64) {
    Void::new(Seq::new(seq), "entered twice").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
}

/// Each event whose outcome changes, and whether it is rejected now.
fn outcomes(run: &VoidDryRun) -> Vec<(u64, bool)> {
    run.outcomes.iter().map(|change| (change.seq.get(), change.is_rejected)).collect()
}

#[test]
fn an_accepted_event_behind_a_void_one_may_be_rejected() {
    let disk = recorded();
    let run = dry_run(&disk, 1).unwrap();
    assert_eq!((outcomes(&run), run.failure.is_none(), run.already), (vec![(2, true)], true, false));
    let text = run.to_string();
    assert!(text.contains("event 2: was accepted, and would be rejected"), "{text}");
    void(&disk, 1);
    assert!(dry_run(&disk, 1).unwrap().already);

    let ledger = open::<Ledger>(&disk).unwrap();
    assert_eq!(ledger.admin().stats().recovery.changed_outcomes, 1);
    assert_eq!(ledger.journal().seq(), Seq::new(4));
    let state = ledger.read_uncommitted().unwrap().clone();
    // the image is used, snapshots are verified by replay, and each later opening gives the same state
    ledger.deposit(2, 7).unwrap();
    assert!(ledger.admin().snapshot().unwrap().verified);
    ledger.settle(2, 3).unwrap();
    let later = ledger.read_uncommitted().unwrap().clone();
    Image::close(ledger).unwrap();
    assert_ne!(later, state);
    let ledger = open::<Ledger>(&disk).unwrap();
    assert_eq!(
        (&*ledger.read_uncommitted().unwrap(), ledger.admin().stats().recovery.snapshot),
        (&later, Some(Seq::new(5)))
    );
    drop(ledger);
    disk.remove(Path::new(&format!("{IMAGE}/snapshot/00000000000000000005.snapshot"))).unwrap();
    assert_eq!(*open::<Ledger>(&disk).unwrap().read_uncommitted().unwrap(), later);
}

#[test]
fn a_rejected_event_behind_a_void_one_may_be_accepted() {
    let disk = SimDisk::new();
    let ledger = open::<Ledger>(&disk).unwrap();
    ledger.deposit(1, 100).unwrap();
    ledger.settle(1, 100).unwrap();
    ledger.settle(1, 60).unwrap_err();
    Image::close(ledger).unwrap();
    assert_eq!(outcomes(&dry_run(&disk, 2).unwrap()), [(3, false)]);
    void(&disk, 2);
    assert_eq!(open::<Ledger>(&disk).unwrap().admin().stats().recovery.changed_outcomes, 1);
}

/// A snapshot contains the effect of the event, so the dry run begins before it.
#[test]
fn a_dry_run_does_not_begin_at_a_snapshot_with_the_effect_of_the_event() {
    let disk = recorded();
    let ledger = open::<Ledger>(&disk).unwrap();
    ledger.admin().snapshot().unwrap();
    ledger.deposit(2, 7).unwrap();
    Image::close(ledger).unwrap();
    for seq in [1, 2, 3, 4, 5] {
        let expected = if seq == 1 { vec![(2, true)] } else { vec![] };
        assert_eq!(outcomes(&dry_run(&disk, seq).unwrap()), expected, "event {seq}");
    }
}

/// An event that was recorded after the decision must have its recorded outcome.
#[test]
fn an_outcome_after_the_decision_must_not_change() {
    let disk = recorded();
    assert_eq!(outcomes(&dry_run(&disk, 4).unwrap()), []);
    void(&disk, 4);
    let ledger = open::<Ledger>(&disk).unwrap();
    assert_eq!(ledger.admin().stats().recovery.changed_outcomes, 0);
    ledger.deposit(3, 10).unwrap();
    ledger.settle(3, 10).unwrap();
    Image::close(ledger).unwrap();
    // event 6 depends on event 5, which a second decision makes void
    assert_eq!(outcomes(&dry_run(&disk, 5).unwrap()), [(6, true)]);
    open::<Ledger>(&disk).unwrap();
}

#[test]
fn a_dry_run_changes_nothing_and_refuses_what_a_run_refuses() {
    let disk = recorded();
    let before = files(&disk);
    dry_run(&disk, 1).unwrap();
    assert_eq!(changed(&before, &files(&disk)), [] as [std::path::PathBuf; 0]);
    for seq in [0, 9] {
        assert_eq!(dry_run(&disk, seq).unwrap_err().kind(), ErrorKind::NotApplicable);
    }
    let _owner = open::<Ledger>(&disk).unwrap();
    assert_eq!(dry_run(&disk, 1).unwrap_err().kind(), ErrorKind::Locked);
}

/// The rewritten journal has the new outcomes, since the decision is not in it.
#[test]
fn a_rewrite_records_the_new_outcomes() {
    let disk = recorded();
    void(&disk, 1);
    let state = open::<Ledger>(&disk).unwrap().read_uncommitted().unwrap().clone();
    Rewrite::<Ledger>::new().run_with(Arc::new(disk.clone()), IMAGE, "/rewritten").unwrap();
    let rewritten = Image::<Ledger>::options().open_with(Arc::new(disk.clone()), "/rewritten").unwrap();
    assert_eq!(*rewritten.read_uncommitted().unwrap(), state);
    assert_eq!(rewritten.admin().stats().recovery.changed_outcomes, 0);
}
