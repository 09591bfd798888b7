//! `memimage::admin::void`: an event that can no longer be replayed does nothing, by a recorded decision.

use std::sync::Arc;

use memimage::admin::{Repair, RepairAction, Rewrite, Void, VoidReport};
use memimage::disk::{SimDisk, Unsynced};
use memimage::{Error, ErrorKind, Image, Retention, Seq};
use memimage_tests::{Dice, cases, changed, files};

use super::check::check;
use super::model_versions::first::{self, TillCommands as _};
use super::model_versions::second::{self, TillCommands as _};
use super::protection::{FORMS, Form, PLAIN, form, with_keys};
use super::repair::{damage, pruned, repair};
use super::{IMAGE, frames, image, open, open_as, options, record};

/// The event that the second program cannot replay.
pub(super) const BAD: Seq = Seq::new(5);

pub(super) fn void(disk: &SimDisk, seq: Seq) -> Result<VoidReport, Error> {
    let void = Void::new(seq, "nobody pays thirteen cents").by("the auditor");
    with_keys!(form(disk), void).run_with(Arc::new(disk.clone()), IMAGE)
}

/// Eight events, of which one is bad; a snapshot after each of these.
pub(super) fn recorded(snapshots: &[u64]) -> SimDisk {
    recorded_as(PLAIN, snapshots)
}

/// The same, of this form.
fn recorded_as(form: Form, snapshots: &[u64]) -> SimDisk {
    let disk = SimDisk::new();
    let till = open_as::<first::Till>(form, &disk).unwrap();
    for event in 1..=8 {
        till.put(if event == BAD.get() { 13 } else { 100 }).unwrap();
        if snapshots.contains(&event) {
            till.admin().snapshot().unwrap();
        }
    }
    Image::close(till).unwrap();
    disk
}

/// The state of all events but the bad one, as a program that can replay all of them has it.
pub(super) fn without_the_bad_one(disk: &SimDisk) -> first::Till {
    let all = open::<first::Till>(&disk.fork()).unwrap();
    let mut state = all.read_uncommitted().unwrap().clone();
    state.cents -= 13;
    state.entries.retain(|(seq, _)| *seq != BAD.get());
    state
}

pub(super) fn same(till: &Image<second::Till>, expected: &first::Till) {
    let state = till.read_uncommitted().unwrap();
    assert_eq!((state.cents, &state.entries), (expected.cents, &expected.entries));
}

#[test]
fn a_void_event_is_skipped_and_all_other_events_stay() {
    FORMS.into_iter().for_each(a_void_event_is_skipped_and_all_other_events_stay_as);
}

fn a_void_event_is_skipped_and_all_other_events_stay_as(form: Form) {
    let disk = recorded_as(form, &[]);
    let expected = without_the_bad_one(&disk);
    let error = open::<second::Till>(&disk).unwrap_err();
    assert!(error.kind() == ErrorKind::Diverged && error.position().unwrap().seq == Some(BAD), "{error}");
    assert!(error.to_string().contains("memimage::admin::void(path, Seq::new(5), reason)"), "{error}");

    let voided = void(&disk, BAD).unwrap();
    assert_eq!((voided.name.as_str(), voided.version, voided.already), ("put", 1, false));
    assert_eq!(voided.decision.by.as_deref(), Some("the auditor"));

    // on disk, whatever becomes of what was not synced
    for disk in [disk.crash(|_| false), disk.crash(|_| true)] {
        let till = open::<second::Till>(&disk).unwrap();
        assert_eq!(till.journal().seq(), Seq::new(8), "seqs stay");
        same(&till, &expected);
        assert_eq!(till.put(1).unwrap(), 701);
        till.admin().snapshot().unwrap();
        Image::close(till).unwrap();
        // by the snapshot, and without it
        assert_eq!(open::<second::Till>(&disk).unwrap().read_uncommitted().unwrap().cents, 701);
        let snapshot = format!("{IMAGE}/snapshot/00000000000000000009.snapshot");
        memimage::disk::Disk::remove(&disk, std::path::Path::new(&snapshot)).unwrap();
        assert_eq!(open::<second::Till>(&disk).unwrap().read_uncommitted().unwrap().cents, 701);
    }
}

#[test]
fn a_void_event_stays_void_with_the_reason_that_was_given_first() {
    let disk = recorded(&[]);
    let first = void(&disk, BAD).unwrap();
    let again = Void::new(BAD, "another reason").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert!(again.already);
    assert_eq!(again.decision, first.decision);
    assert_eq!(check(&disk).voids, [first.decision]);
    assert!(again.to_string().starts_with("`put` version 1 was already void: event 5: \""), "{again}");
    assert_eq!(open::<second::Till>(&disk).unwrap().journal().seq(), Seq::new(8));
}

/// Whoever wonders later is told by a check, in words that cannot pass for others, nor do anything to a terminal.
#[test]
fn a_check_reports_who_made_the_decision_and_why() {
    let disk = recorded(&[]);
    let task = Void::new(BAD, "it was\ndamage: \u{1b}[2J").by("Ann");
    let voided = task.run_with(Arc::new(disk.clone()), IMAGE).unwrap().to_string();
    let words = r#"event 5: "it was\ndamage: \u{1b}[2J", decided at "#;
    assert!(voided.starts_with(&format!("`put` version 1 is void from now on: {words}")), "{voided}");
    assert!(voided.ends_with(r#" by "Ann""#), "{voided}");
    let checked = check(&disk).to_string();
    assert!(checked.contains(&format!("\n  void: {words}")) && checked.contains(" by \"Ann\"\n"), "{checked}");
}

/// Snapshots made while the event still counted have it in their state, and the digests in the journal tell of it: neither
/// may be believed any more, and those made since must be.
#[test]
fn snapshots_and_digests_from_before_no_longer_count() {
    let disk = recorded(&[2, 6, 8]);
    let expected = without_the_bad_one(&disk);
    let aside = disk.fork();
    let voided = void(&disk, BAD).unwrap();
    // of three, two were kept, and both have the event
    assert_eq!(voided.removed.len(), 2, "{:?}", voided.removed);

    // as if they were still there: a crash before they were removed, or a copy put back
    for path in &voided.removed {
        let bytes = aside.read(path).unwrap();
        let dir = path.parent().unwrap();
        let file = memimage::disk::Disk::create_new(&disk, path).unwrap();
        assert_eq!(file.write_at(&bytes, 0).unwrap(), bytes.len());
        file.sync_all().unwrap();
        memimage::disk::Disk::sync_dir(&disk, dir).unwrap();
    }
    let till = open::<second::Till>(&disk).unwrap();
    same(&till, &expected);
    let recovery = till.admin().stats().recovery;
    assert_eq!((recovery.snapshot, recovery.unusable_snapshots.len()), (None, 2));
    till.admin().snapshot().unwrap();
    till.put(1).unwrap();
    till.admin().snapshot().unwrap();
    Image::close(till).unwrap();

    let till = open::<second::Till>(&disk).unwrap();
    assert_eq!(till.admin().stats().recovery.snapshot, Some(Seq::new(9)));
    assert_eq!(till.read_uncommitted().unwrap().cents, expected.cents + 1);
}

#[test]
fn a_snapshot_from_before_the_event_is_used() {
    let disk = recorded(&[3]);
    let expected = without_the_bad_one(&disk);
    assert!(void(&disk, BAD).unwrap().removed.is_empty());
    let till = open::<second::Till>(&disk).unwrap();
    same(&till, &expected);
    assert_eq!(till.admin().stats().recovery.snapshot, Some(Seq::new(3)));
}

#[test]
fn a_model_rebuilt_after_a_panic_is_without_it() {
    let disk = recorded(&[]);
    let expected = without_the_bad_one(&disk);
    void(&disk, BAD).unwrap();
    let till = open::<second::Till>(&disk).unwrap();
    assert_eq!(till.put(13).unwrap_err().kind(), ErrorKind::Panicked);
    same(&till, &expected);
}

#[test]
fn a_rewritten_journal_has_none_of_it() {
    let disk = recorded(&[]);
    let expected = without_the_bad_one(&disk);
    void(&disk, BAD).unwrap();
    let rewrite = Rewrite::<second::Till>::new().segment_bytes(16 << 10);
    let rewritten = rewrite.run_with(Arc::new(disk.clone()), IMAGE, "/new").unwrap();
    assert_eq!((rewritten.read, rewritten.written, rewritten.dropped), (8, 8, 1));
    let till: Image<second::Till> = options().open_with(Arc::new(disk.clone()), "/new").unwrap();
    same(&till, &expected);
}

/// It was made void though it was nothing already, and the journal said so of it twice.
#[test]
fn a_rewritten_event_is_refused() {
    let disk = recorded(&[]);
    void(&disk, BAD).unwrap();
    let rewrite = Rewrite::<second::Till>::new().segment_bytes(16 << 10);
    rewrite.run_with(Arc::new(disk.clone()), IMAGE, "/new").unwrap();
    let before = files(&disk);
    let again = |seq| Void::new(seq, "nobody pays thirteen cents").run_with(Arc::new(disk.clone()), "/new");
    let error = again(BAD).unwrap_err();
    assert!(
        error.kind() == ErrorKind::NotApplicable && error.to_string().contains("it has no effect already"),
        "{error}"
    );
    assert!(changed(&before, &files(&disk)).is_empty());
    assert!(!again(BAD.next()).unwrap().already, "its neighbour is an event");
}

#[test]
fn a_seq_without_an_event_or_inside_the_base_is_refused_and_nothing_changes() {
    let disk = recorded(&[]);
    let before = files(&disk);
    for (seq, what) in [(0, "numbered from 1"), (9, "ends with event 8"), (u64::MAX, "ends with event 8")] {
        let error = void(&disk, Seq::new(seq)).unwrap_err();
        assert!(error.kind() == ErrorKind::NotApplicable && error.to_string().contains(what), "{error}");
    }
    let error = Void::new(BAD, "").run_with(Arc::new(disk.clone()), IMAGE).unwrap_err();
    assert!(error.to_string().contains("say why"), "{error}");
    assert_eq!(changed(&before, &files(&disk)), [""; 0].map(std::path::PathBuf::from));

    let till = open::<first::Till>(&disk).unwrap();
    assert_eq!(void(&disk, BAD).unwrap_err().kind(), ErrorKind::Locked);
    drop(till);
    assert!(Void::new(BAD, "x").run_with(Arc::new(disk), "/elsewhere").unwrap_err().kind() == ErrorKind::NotFound);
}

/// A pruned journal goes on from a state that has the event; one before that cannot be taken out of it any more.
#[test]
fn an_event_that_a_pruned_journal_begins_after_is_refused() {
    let disk = recorded(&[]);
    let till: Image<first::Till> =
        options().retention(Retention::Events(0)).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    while till.admin().snapshot().unwrap().pruned.is_none() {
        till.file(vec![7; 5_000]).unwrap();
    }
    let base = till.admin().stats().base.unwrap();
    let last = till.journal().seq();
    till.put(13).unwrap();
    Image::close(till).unwrap();
    let error = void(&disk, BAD).unwrap_err();
    assert!(error.kind() == ErrorKind::NotApplicable && error.to_string().contains("pruned"), "{error}");
    let error = void(&disk, base).unwrap_err();
    assert!(
        error.kind() == ErrorKind::NotApplicable && error.to_string().contains("has the effect of the event"),
        "{error}"
    );

    assert!(open::<second::Till>(&disk).is_err());
    void(&disk, last.next()).unwrap();
    assert_eq!(open::<second::Till>(&disk).unwrap().journal().seq(), last.next());
}

/// After any crash the event is void or it is not, nothing else changed, and it can be made void again.
#[test]
fn a_crash_leaves_it_void_or_not() {
    FORMS.into_iter().for_each(a_crash_leaves_it_void_or_not_as);
}

fn a_crash_leaves_it_void_or_not_as(form: Form) {
    let (mut void_already, mut not_yet, mut rolled) = (0, 0, 0);
    for (filler, snapshots) in [(0, &[3, 6][..]), (5_100, &[]), (5_700, &[8])] {
        let disk = recorded_as(form, snapshots);
        let till = open::<first::Till>(&disk).unwrap();
        // so that the decision goes to this segment, begins the next, or goes to one that was just begun
        till.file(vec![7; filler]).unwrap();
        Image::close(till).unwrap();
        let expected = without_the_bad_one(&disk);
        let points = record(&disk);
        void(&disk, BAD).unwrap();
        let points = std::mem::take(&mut *points.lock().unwrap());
        assert!(points.len() > 5);
        let decisions = frames(&disk).into_iter().filter(|frame| frame.kind == 7);
        rolled += decisions.filter(|frame| frame.path.ends_with("00000002.journal")).count();
        let mut dice = Dice::new(7);
        for (operation, fork) in &points {
            let mut crashed = vec![fork.fork(), fork.crash(|_| false), fork.crash(|_| true)];
            for _ in 0..cases(3) {
                let mut own = Dice::new(dice.u64());
                crashed.push(fork.crash(|_: &Unsynced| own.once_in(2)));
            }
            for disk in crashed {
                let till = open::<first::Till>(&disk.fork()).unwrap_or_else(|error| panic!("{operation:?}: {error}"));
                assert_eq!(till.journal().seq(), Seq::new(9));
                let cents = till.read_uncommitted().unwrap().cents;
                match cents == expected.cents {
                    true => void_already += 1,
                    false => {
                        assert_eq!(cents, expected.cents + 13);
                        not_yet += 1;
                    }
                }
                drop(till);
                void(&disk, BAD).unwrap_or_else(|error| panic!("{operation:?}: {error}"));
                same(&open::<second::Till>(&disk).unwrap(), &expected);
            }
        }
    }
    assert!(void_already > 10 && not_yet > 10, "{void_already} {not_yet}");
    assert_eq!(rolled, 2, "the decision goes to this segment and to the next");
}

#[test]
fn a_write_that_was_cut_short_is_cleared_first() {
    let disk = recorded(&[]);
    // what a crash left of a frame after the last one: one sector of two
    let journal = format!("{IMAGE}/journal/00000001.journal");
    let bytes = disk.read(&journal).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap().next_multiple_of(512);
    disk.write(&journal, end as u64 + 512, &[7; 512]).unwrap();
    let voided = void(&disk, BAD).unwrap();
    let copy = voided.quarantined.expect("it was torn");
    assert_eq!(disk.read(copy).unwrap().len(), 1024);
    assert_eq!(open::<second::Till>(&disk).unwrap().journal().seq(), Seq::new(8));
}

/// Nothing proved that the decision was ever synced: a byte of it that was damaged brought the event back, and the image was
/// called sound.
#[test]
fn a_damaged_decision_is_detected() {
    let disk = image(&[]);
    void(&disk, Seq::new(10)).unwrap();
    let decision = frames(&disk).into_iter().find(|frame| frame.kind == 7).unwrap();
    let bytes = disk.read(&decision.path).unwrap();
    for damage in [vec![0; 512], vec![0; 80], vec![bytes[decision.offset as usize] ^ 4]] {
        let disk = disk.fork();
        disk.write(&decision.path, decision.offset, &damage).unwrap();
        let error = open::<first::Till>(&disk).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(!check(&disk).is_sound());
    }
}

/// A cut gave up a decision behind it without a word, and the event was back.
#[test]
fn a_cut_reports_the_decisions_that_it_gives_up() {
    let disk = image(&[]);
    void(&disk, Seq::new(10)).unwrap();
    let damaged = frames(&disk).into_iter().find(|frame| frame.kind == 1 && frame.first == 20).unwrap();
    disk.write(&damaged.path, damaged.offset + 90, &[9; 9]).unwrap();
    let checked = check(&disk).to_string();
    assert!(checked.contains("a cut also gives up the decision that makes event 10 void"), "{checked}");
    let repaired = Repair::new(RepairAction::CutFrom(Seq::new(20))).run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!(repaired.revived, [Seq::new(10)]);
    assert!(repaired.to_string().contains("no longer void, since the decision was lost: event 10"), "{repaired}");
    void(&disk, Seq::new(10)).unwrap();
    assert_eq!(check(&disk).voids.len(), 1);
}

/// Who reads the journal from the event on only, makes damage before it matter that the snapshots made good: those rest on the
/// event, and go.
#[test]
fn an_event_does_not_become_void_in_an_image_that_would_not_open_without_its_snapshots() {
    let disk = image(&[12, 28]);
    damage(&disk, 3);
    assert_eq!(open::<first::Till>(&disk.fork()).unwrap().journal().seq(), Seq::new(30), "by a snapshot");
    let before = files(&disk);
    let error = void(&disk, Seq::new(20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(changed(&before, &files(&disk)).is_empty());

    // it says what else to do first, and then it goes
    repair(&disk, check(&disk).repairs()[0].action).unwrap();
    let error = void(&disk, Seq::new(20)).unwrap_err();
    assert!(
        error.kind() == ErrorKind::NotApplicable && error.to_string().contains("no longer has the event"),
        "{error}"
    );
    assert_eq!(void(&disk, Seq::new(30)).unwrap().decision.seq, Seq::new(30));
    assert_eq!(open::<first::Till>(&disk).unwrap().journal().seq(), Seq::new(30));
}

/// Nor in one that was pruned to a base of which only the header is good.
#[test]
fn an_event_does_not_become_void_where_no_base_can_be_read() {
    let (disk, base, last, _) = pruned(PLAIN);
    for copy in [1, 2] {
        disk.write(format!("{IMAGE}/journal/{:020}.{copy}.base", base.get()), 4_110, &[1, 2, 3]).unwrap();
    }
    let before = files(&disk);
    let error = void(&disk, last).unwrap_err();
    assert!(error.kind() == ErrorKind::NotApplicable && error.to_string().contains("or is not usable"), "{error}");
    assert!(changed(&before, &files(&disk)).is_empty());
}
