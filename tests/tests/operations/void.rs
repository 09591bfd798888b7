//! `memimage::admin::void`: an event that can no longer be replayed does nothing, by a recorded decision.

use std::sync::Arc;

use memimage::admin::{Repair, RepairAction, Rewrite, Void, VoidReport};
use memimage::disk::{SimDisk, Unsynced};
use memimage::{Error, ErrorKind, Image, Retention, Seq};
use memimage_tests::protection::{MODES, PLAIN, ProtectionMode, mode};
use memimage_tests::{SplitMix64, cases, changed, files, with_keys};

use super::check::check;
use super::frame_edits::AFTER_HEADER;
use super::model_versions::first::{self, TillCommands as _};
use super::model_versions::second::{self, TillCommands as _};
use super::repair::{damage, pruned, repair};
use super::{IMAGE, frames, image, open, open_as, options, record};

/// The event that the second program cannot replay.
pub(super) const BAD: Seq = Seq::new(5);

pub(super) fn void(disk: &SimDisk, seq: Seq) -> Result<VoidReport, Error> {
    let void = Void::new(seq, "nobody pays thirteen cents").by("the auditor");
    with_keys!(mode(disk), void).run_with(Arc::new(disk.clone()), IMAGE)
}

/// Eight events, one of them [`BAD`], with a snapshot after each event in `snapshots`.
pub(super) fn recorded(snapshots: &[u64]) -> SimDisk {
    recorded_as(PLAIN, snapshots)
}

/// As [`recorded`], with this protection mode.
fn recorded_as(mode: ProtectionMode, snapshots: &[u64]) -> SimDisk {
    let disk = SimDisk::new();
    let till = open_as::<first::Till>(mode, &disk).unwrap();
    for event in 1..=8 {
        till.put(if event == BAD.get() { 13 } else { 100 }).unwrap();
        if snapshots.contains(&event) {
            till.admin().snapshot().unwrap();
        }
    }
    Image::close(till).unwrap();
    disk
}

/// The length of an event with which the first segment of [`recorded`] is full, so that a decision after it begins the next one. No
/// further segment is preallocated then.
pub(super) const FILLS_A_SEGMENT: usize = 5_100;

/// The expected state without the bad event, computed from the state with it.
pub(super) fn without_the_bad_one(disk: &SimDisk) -> first::Till {
    let all = open::<first::Till>(&disk.fork()).unwrap();
    let mut state = all.read_uncommitted().unwrap().clone();
    state.cents -= 13;
    state.entries.retain(|(seq, _)| *seq != BAD.get());
    state
}

pub(super) fn assert_same(till: &Image<second::Till>, expected: &first::Till) {
    let state = till.read_uncommitted().unwrap();
    assert_eq!((state.cents, &state.entries), (expected.cents, &expected.entries));
}

#[test]
fn a_void_event_is_skipped_and_all_other_events_stay() {
    MODES.into_iter().for_each(a_void_event_is_skipped_and_all_other_events_stay_as);
}

fn a_void_event_is_skipped_and_all_other_events_stay_as(mode: ProtectionMode) {
    let disk = recorded_as(mode, &[]);
    let expected = without_the_bad_one(&disk);
    let error = open::<second::Till>(&disk).unwrap_err();
    assert!(error.kind() == ErrorKind::Diverged && error.position().unwrap().seq == Some(BAD), "{error}");
    assert!(error.to_string().contains("memimage::admin::void(path, Seq::new(5), reason)"), "{error}");

    let voided = void(&disk, BAD).unwrap();
    assert_eq!((voided.name.as_str(), voided.version, voided.already), ("put", 1, false));
    assert_eq!(voided.decision.by.as_deref(), Some("the auditor"));

    // the decision is synced
    for disk in [disk.crash(|_| false), disk.crash(|_| true)] {
        let till = open::<second::Till>(&disk).unwrap();
        assert_eq!(till.journal().seq(), Seq::new(8), "seqs stay");
        assert_same(&till, &expected);
        assert_eq!(till.put(1).unwrap(), 701);
        till.admin().snapshot().unwrap();
        Image::close(till).unwrap();
        // with the snapshot, and without it
        assert_eq!(open::<second::Till>(&disk).unwrap().read_uncommitted().unwrap().cents, 701);
        let snapshot = format!("{IMAGE}/snapshot/00000000000000000009.snapshot");
        memimage::disk::Disk::remove(&disk, std::path::Path::new(&snapshot)).unwrap();
        assert_eq!(open::<second::Till>(&disk).unwrap().read_uncommitted().unwrap().cents, 701);
    }
}

#[test]
fn a_second_void_of_an_event_keeps_the_first_reason() {
    let disk = recorded(&[]);
    let first = void(&disk, BAD).unwrap();
    let again = Void::new(BAD, "another reason").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert!(again.already);
    assert_eq!(again.decision, first.decision);
    assert_eq!(check(&disk).voids, [first.decision]);
    assert!(again.to_string().starts_with("`put` version 1 was void already: event 5: \""), "{again}");
    assert_eq!(open::<second::Till>(&disk).unwrap().journal().seq(), Seq::new(8));
}

/// The report quotes the text of a decision, so that it cannot imitate other output or control the terminal.
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

/// Snapshots from before the decision have the effect of the event, and so have the digests in the journal. Neither is
/// used; later ones are.
#[test]
fn snapshots_and_digests_from_before_the_decision_are_not_used() {
    let disk = recorded(&[2, 6, 8]);
    let expected = without_the_bad_one(&disk);
    let aside = disk.fork();
    let voided = void(&disk, BAD).unwrap();
    // retention kept two of the three snapshots, and both have the effect of the event
    assert_eq!(voided.removed.len(), 2, "{:?}", voided.removed);

    // the snapshots are back: a crash before their removal, or a restored copy
    for path in &voided.removed {
        let bytes = aside.read(path).unwrap();
        let dir = path.parent().unwrap();
        let file = memimage::disk::Disk::create_new(&disk, path).unwrap();
        assert_eq!(file.write_at(&bytes, 0).unwrap(), bytes.len());
        file.sync_all().unwrap();
        memimage::disk::Disk::sync_dir(&disk, dir).unwrap();
    }
    let till = open::<second::Till>(&disk).unwrap();
    assert_same(&till, &expected);
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
    assert_same(&till, &expected);
    assert_eq!(till.admin().stats().recovery.snapshot, Some(Seq::new(3)));
}

#[test]
fn a_model_rebuilt_after_a_panic_skips_the_void_event() {
    let disk = recorded(&[]);
    let expected = without_the_bad_one(&disk);
    void(&disk, BAD).unwrap();
    let till = open::<second::Till>(&disk).unwrap();
    assert_eq!(till.put(13).unwrap_err().kind(), ErrorKind::Panicked);
    assert_same(&till, &expected);
}

#[test]
fn a_rewritten_journal_has_no_void_event() {
    let disk = recorded(&[]);
    let expected = without_the_bad_one(&disk);
    void(&disk, BAD).unwrap();
    let rewrite = Rewrite::<second::Till>::new().segment_bytes(16 << 10);
    let rewritten = rewrite.run_with(Arc::new(disk.clone()), IMAGE, "/new").unwrap();
    assert_eq!((rewritten.read, rewritten.written, rewritten.dropped), (8, 8, 1));
    let till: Image<second::Till> = options().open_with(Arc::new(disk.clone()), "/new").unwrap();
    assert_same(&till, &expected);
}

/// Regression: an event that a rewrite had dropped became void again, and the journal had two decisions for it.
#[test]
fn a_void_of_an_event_that_a_rewrite_dropped_is_refused() {
    let disk = recorded(&[]);
    void(&disk, BAD).unwrap();
    let rewrite = Rewrite::<second::Till>::new().segment_bytes(16 << 10);
    rewrite.run_with(Arc::new(disk.clone()), IMAGE, "/new").unwrap();
    let before = files(&disk);
    let again = |seq| Void::new(seq, "nobody pays thirteen cents").run_with(Arc::new(disk.clone()), "/new");
    let error = again(BAD).unwrap_err();
    assert!(
        error.kind() == ErrorKind::NotApplicable && error.to_string().contains("it already has no effect"),
        "{error}"
    );
    assert!(changed(&before, &files(&disk)).is_empty());
    assert!(!again(BAD.next()).unwrap().already, "its neighbour is an event");
}

#[test]
fn a_void_of_a_seq_without_an_event_is_refused_and_changes_nothing() {
    let disk = recorded(&[]);
    let before = files(&disk);
    for (seq, cause) in [(0, "numbered from 1"), (9, "ends with event 8"), (u64::MAX, "ends with event 8")] {
        let error = void(&disk, Seq::new(seq)).unwrap_err();
        assert!(error.kind() == ErrorKind::NotApplicable && error.to_string().contains(cause), "{error}");
    }
    let error = Void::new(BAD, "").run_with(Arc::new(disk.clone()), IMAGE).unwrap_err();
    assert!(error.to_string().contains("why the event is void"), "{error}");
    assert_eq!(changed(&before, &files(&disk)), [""; 0].map(std::path::PathBuf::from));

    let till = open::<first::Till>(&disk).unwrap();
    assert_eq!(void(&disk, BAD).unwrap_err().kind(), ErrorKind::Locked);
    drop(till);
    assert!(Void::new(BAD, "x").run_with(Arc::new(disk), "/elsewhere").unwrap_err().kind() == ErrorKind::NotFound);
}

/// A pruned journal begins at a state that contains the effect of the event.
#[test]
fn a_void_of_a_pruned_event_is_refused() {
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
        error.kind() == ErrorKind::NotApplicable && error.to_string().contains("contains the effect of the event"),
        "{error}"
    );

    assert!(open::<second::Till>(&disk).is_err());
    void(&disk, last.next()).unwrap();
    assert_eq!(open::<second::Till>(&disk).unwrap().journal().seq(), last.next());
}

/// After any crash the event is void or not, nothing else has changed, and the void can be repeated.
#[test]
fn after_a_crash_the_event_is_void_or_not() {
    MODES.into_iter().for_each(after_a_crash_the_event_is_void_or_not_as);
}

fn after_a_crash_the_event_is_void_or_not_as(mode: ProtectionMode) {
    let (mut void_already, mut not_yet, mut rolled) = (0, 0, 0);
    for (filler, snapshots) in [(0, &[3, 6][..]), (FILLS_A_SEGMENT, &[]), (FILLS_A_SEGMENT + 600, &[8])] {
        let disk = recorded_as(mode, snapshots);
        let till = open::<first::Till>(&disk).unwrap();
        // the decision goes to the current segment, begins the next one, or goes to one that has just begun
        till.file(vec![7; filler]).unwrap();
        Image::close(till).unwrap();
        let expected = without_the_bad_one(&disk);
        let points = record(&disk);
        void(&disk, BAD).unwrap();
        let points = std::mem::take(&mut *points.lock().unwrap());
        assert!(points.len() > 5);
        let decisions = frames(&disk).into_iter().filter(|frame| frame.kind == 7);
        rolled += decisions.filter(|frame| frame.path.ends_with("00000002.journal")).count();
        let mut rng = SplitMix64::new(7);
        for (operation, fork) in &points {
            let mut crashed = vec![fork.fork(), fork.crash(|_| false), fork.crash(|_| true)];
            for _ in 0..cases(1) {
                let mut own = SplitMix64::new(rng.u64());
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
                assert_same(&open::<second::Till>(&disk).unwrap(), &expected);
            }
        }
    }
    assert!(void_already > 10 && not_yet > 10, "{void_already} {not_yet}");
    assert_eq!(rolled, 2, "the decision should also begin a new segment");
}

#[test]
fn a_void_clears_a_torn_write_first() {
    let disk = recorded(&[]);
    // a torn frame after the last one: one of two sectors was written
    let journal = format!("{IMAGE}/journal/00000001.journal");
    let bytes = disk.read(&journal).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap().next_multiple_of(512);
    disk.write(&journal, end as u64 + 512, &[7; 512]).unwrap();
    let voided = void(&disk, BAD).unwrap();
    let copy = voided.quarantined.expect("it was torn");
    assert_eq!(disk.read(copy).unwrap().len(), 1024);
    assert_eq!(open::<second::Till>(&disk).unwrap().journal().seq(), Seq::new(8));
}

/// Regression: nothing proved that the decision was synced. A damaged byte in it brought the event back, and a check called
/// the image sound.
#[test]
fn a_damaged_decision_is_detected() {
    let disk = image(&[]);
    void(&disk, Seq::new(10)).unwrap();
    let decision = frames(&disk).into_iter().find(|frame| frame.kind == 7).unwrap();
    let bytes = disk.read(&decision.path).unwrap();
    for damage in [vec![0; 512], vec![0; AFTER_HEADER as usize], vec![bytes[decision.offset as usize] ^ 4]] {
        let disk = disk.fork();
        disk.write(&decision.path, decision.offset, &damage).unwrap();
        let error = open::<first::Till>(&disk).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(!check(&disk).is_sound());
    }
}

/// Regression: a cut silently gave up later decisions, and the event came back.
#[test]
fn a_cut_reports_the_decisions_that_it_gives_up() {
    let disk = image(&[]);
    void(&disk, Seq::new(10)).unwrap();
    let damaged = frames(&disk).into_iter().find(|frame| frame.kind == 1 && frame.first == 20).unwrap();
    disk.write(&damaged.path, damaged.offset + AFTER_HEADER + 10, &[9; 9]).unwrap();
    let checked = check(&disk).to_string();
    assert!(checked.contains("a cut also loses the decision that makes event 10 void"), "{checked}");
    let repaired = Repair::new(RepairAction::CutFrom(Seq::new(20))).run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!(repaired.revived, [Seq::new(10)]);
    assert!(repaired.to_string().contains("because the repair lost the decisions about them: event 10"), "{repaired}");
    void(&disk, Seq::new(10)).unwrap();
    assert_eq!(check(&disk).voids.len(), 1);
}

/// The void would remove the snapshots that have the effect of the event. The image opens only with these snapshots,
/// because the journal before them is damaged.
#[test]
fn a_void_is_refused_if_the_image_would_not_open_without_its_snapshots() {
    let disk = image(&[12, 28]);
    damage(&disk, 3);
    assert_eq!(open::<first::Till>(&disk.fork()).unwrap().journal().seq(), Seq::new(30), "by a snapshot");
    let before = files(&disk);
    let error = void(&disk, Seq::new(20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(changed(&before, &files(&disk)).is_empty());

    // after the reported repair the void succeeds
    repair(&disk, check(&disk).repairs()[0].action).unwrap();
    let error = void(&disk, Seq::new(20)).unwrap_err();
    assert!(
        error.kind() == ErrorKind::NotApplicable && error.to_string().contains("was pruned from the journal"),
        "{error}"
    );
    assert_eq!(void(&disk, Seq::new(30)).unwrap().decision.seq, Seq::new(30));
    assert_eq!(open::<first::Till>(&disk).unwrap().journal().seq(), Seq::new(30));
}

/// The image was pruned, and both copies of its base are damaged after the header.
#[test]
fn a_void_is_refused_if_no_base_is_usable() {
    let (disk, base, last, _) = pruned(PLAIN);
    for copy in [1, 2] {
        disk.write(format!("{IMAGE}/journal/{:020}.{copy}.base", base.get()), 4_110, &[1, 2, 3]).unwrap();
    }
    let before = files(&disk);
    let error = void(&disk, last).unwrap_err();
    assert!(error.kind() == ErrorKind::NotApplicable && error.to_string().contains("or cannot be used"), "{error}");
    assert!(changed(&before, &files(&disk)).is_empty());
}
