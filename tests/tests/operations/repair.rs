//! `memimage::admin::repair`: each repair that a check offers results in a sound image with the promised state.

use std::io;
use std::path::Path;
use std::sync::Arc;

use memimage::admin::{Repair, RepairAction, RepairReport, Severity};
use memimage::disk::{Disk, SimDisk};
use memimage::{Error, ErrorKind, Image, Retention, Seq};
use memimage_tests::protection::{MODES, PLAIN, ProtectionMode, mode};
use memimage_tests::{DiskMethod, GateDisk, SplitMix64, cases, changed, files, with_keys};

use super::check::{check, offers};
use super::frame_edits::AFTER_HEADER;
use super::model_versions::first::{Till, TillCommands as _};
use super::{IMAGE, frames, image, image_as, is_thorough, open, options, record};

pub(super) fn repair(disk: &SimDisk, action: RepairAction) -> Result<RepairReport, Error> {
    with_keys!(mode(disk), Repair::new(action)).run_with(Arc::new(disk.clone()), IMAGE)
}

pub(super) fn cut_from(seq: u64) -> RepairAction {
    RepairAction::CutFrom(Seq::new(seq))
}

/// The state after the first `events` of the thirty events.
pub(super) fn state_after(events: u64) -> u64 {
    (1..=events).map(|event| if event % 3 == 0 { 2_000 } else { event }).sum()
}

pub(super) fn cents(disk: &SimDisk) -> (u64, u64) {
    let till = open::<Till>(disk).unwrap_or_else(|error| panic!("{error}"));
    let cents = till.read_uncommitted().unwrap().cents;
    (till.journal().seq().get(), cents)
}

/// Damages the body of the frame with this event.
pub(super) fn damage(disk: &SimDisk, event: u64) {
    let frame = frames(disk).into_iter().find(|frame| frame.kind == 1 && frame.first == event).unwrap();
    disk.write(&frame.path, frame.offset + AFTER_HEADER + 5, &[0xA5; 4]).unwrap();
}

/// Asserts that the quarantine has a copy of each of these files as it was before.
fn kept(disk: &SimDisk, before: &memimage_tests::Files, paths: &[&Path]) {
    let after = files(disk);
    let kept: Vec<_> = after.iter().filter(|(path, _)| path.starts_with("/till/quarantine")).collect();
    for path in paths {
        assert!(kept.iter().any(|(_, bytes)| **bytes == before[*path]), "{} is not kept", path.display());
    }
}

/// Repairs the image. Asserts that it is sound after that, that the same repair changes nothing more, and that the image
/// opens with the expected state.
pub(super) fn assert_repaired(disk: &SimDisk, action: RepairAction, events: u64) -> RepairReport {
    let before = files(disk);
    let epoch = check(disk).epoch;
    let repaired = repair(disk, action).unwrap_or_else(|error| panic!("{error}"));
    let checked = check(disk);
    assert!(checked.worst() <= Some(Severity::Note), "after {repaired}: {checked}");
    assert!(checked.epoch > epoch && checked.epoch == repaired.epoch, "{checked}");
    for change in repaired.changes.iter().filter(|change| change.backup.is_some()) {
        let backup = disk.read(change.backup.as_ref().unwrap()).unwrap();
        assert!(before[&change.path].windows(backup.len().max(1)).any(|part| part == backup), "{repaired}");
    }
    let gone = before.keys().filter(|path| disk.read(path).is_err() && !path.ends_with("LOCK"));
    kept(disk, &before, &gone.map(|path| path.as_path()).collect::<Vec<_>>());

    let again = files(disk);
    assert!(repair(disk, action).unwrap().is_unchanged());
    assert!(changed(&again, &files(disk)).is_empty());
    for disk in [disk.fork(), disk.crash(|_| false)] {
        assert_eq!(cents(&disk), (events, state_after(events)));
        // the image accepts new events
        let till = open::<Till>(&disk).unwrap();
        till.put(1).unwrap();
        till.admin().snapshot().unwrap();
        Image::close(till).unwrap();
        assert_eq!(cents(&disk), (events + 1, state_after(events) + 1));
    }
    repaired
}

#[test]
fn damage_in_any_frame_is_cut_off_with_all_after_it() {
    let plain = (1..=30).map(|event| (PLAIN, event));
    let protected = MODES[1..].iter().flat_map(|mode| [1, 4, 9, 17, 23, 30].map(|event| (*mode, event)));
    for (mode, event) in plain.chain(protected) {
        let disk = image_as(mode, &[]);
        damage(&disk, event);
        assert!(open::<Till>(&disk.fork()).is_err());
        assert_eq!(offers(&check(&disk)), [(cut_from(event), 31 - event)]);
        let repaired = assert_repaired(&disk, cut_from(event), event - 1);
        assert_eq!(repaired.lost.unwrap().events(), 31 - event);
    }
}

/// A segment that is missing or was truncated.
#[test]
fn a_missing_segment_is_cut_off_with_all_after_it() {
    let paths: Vec<_> =
        files(&image(&[])).into_keys().filter(|path| path.extension().is_some_and(|e| e == "journal")).collect();
    for (number, path) in paths.iter().enumerate() {
        for how in 1..3 {
            let disk = image(&[]);
            let first = frames(&disk).into_iter().find(|frame| frame.path == *path).map_or(31, |frame| frame.first);
            match how {
                1 => disk.remove(path).unwrap(),
                _ => disk.truncate(path, 4_096 + 700).unwrap(),
            }
            let checked = check(&disk);
            if number == 0 {
                // the genesis frame is lost
                assert!(!checked.is_sound(), "{checked}");
                continue;
            }
            if number + 1 == paths.len() && how == 1 {
                assert!(checked.is_sound(), "the segment was empty and is created again: {checked}");
                continue;
            }
            let seq = checked.findings[0].position.seq.unwrap().get();
            assert!(seq == first || how == 2 && seq > first, "{seq} {first}");
            assert_repaired(&disk, cut_from(seq), seq - 1);
        }
    }
}

#[test]
fn a_snapshot_after_the_damage_saves_the_state() {
    for (mode, event) in MODES.into_iter().flat_map(|mode| [(mode, 2), (mode, 7)]) {
        let disk = image_as(mode, &[5, 12]);
        damage(&disk, event);
        let begin = RepairAction::BeginAt(Seq::new(12));
        assert_eq!(offers(&check(&disk))[0], (begin, 0));
        let repaired = assert_repaired(&disk, begin, 30);
        assert_eq!(repaired.lost, None);
        let checked = check(&disk);
        assert_eq!((checked.base, checked.last), (Some(Seq::new(12)), Some(Seq::new(30))));
    }
}

/// With damage before and after the snapshot, the journal continues after the snapshot in a new segment.
#[test]
fn a_lost_journal_continues_from_a_snapshot() {
    MODES.into_iter().for_each(a_lost_journal_continues_from_a_snapshot_as);
}

fn a_lost_journal_continues_from_a_snapshot_as(mode: ProtectionMode) {
    let disk = image_as(mode, &[5, 12]);
    for path in
        disk.files().iter().filter(|path| path.ends_with("durable") || path.extension().is_some_and(|e| e == "journal"))
    {
        // the first segment keeps its header, which identifies the image
        if !path.ends_with("00000001.journal") {
            disk.write(path, 0, &[9; 64]).unwrap();
        }
    }
    for event in 2..=30 {
        damage(&disk, event);
    }
    let checked = check(&disk);
    let begin = RepairAction::BeginAt(Seq::new(12));
    assert!(offers(&checked).iter().any(|(action, _)| *action == begin), "{checked}");
    let repaired = assert_repaired(&disk, begin, 12);
    assert_eq!(repaired.lost.map(|lost| lost.first), Some(Seq::new(13)));
}

#[test]
fn a_suspect_tail_is_cleared_only_by_its_own_repair() {
    MODES.into_iter().for_each(a_suspect_tail_is_cleared_only_by_its_own_repair_as);
}

fn a_suspect_tail_is_cleared_only_by_its_own_repair_as(mode: ProtectionMode) {
    let disk = image_as(mode, &[]);
    let last = frames(&disk).into_iter().last().unwrap();
    let bytes = disk.read(&last.path).unwrap();
    let end = (last.offset as usize + last.len).next_multiple_of(512);
    disk.write(&last.path, end as u64, &vec![0x5A; 1_024]).unwrap();
    let error = open::<Till>(&disk).unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("memimage::admin::check"), "{error}");
    assert_eq!(offers(&check(&disk)), [(RepairAction::SuspectTail, 0)]);
    assert_eq!(repair(&disk, RepairAction::TornTail).unwrap_err().kind(), ErrorKind::NotApplicable);
    assert_repaired(&disk, RepairAction::SuspectTail, 30);
    assert_eq!(disk.read(&last.path).unwrap(), bytes);
}

#[test]
fn a_torn_write_is_cleared() {
    MODES.into_iter().for_each(a_torn_write_is_cleared_as);
}

fn a_torn_write_is_cleared_as(mode: ProtectionMode) {
    let disk = image_as(mode, &[]);
    let last = frames(&disk).into_iter().last().unwrap();
    let end = (last.offset as usize + last.len).next_multiple_of(512);
    disk.write(&last.path, end as u64 + 512, &[0x5A; 512]).unwrap();
    let checked = check(&disk);
    assert_eq!((checked.worst(), offers(&checked)), (Some(Severity::Warning), vec![(RepairAction::TornTail, 0)]));
    assert_repaired(&disk, RepairAction::TornTail, 30);
}

#[test]
fn unusable_snapshots_are_moved_to_the_quarantine() {
    MODES.into_iter().for_each(unusable_snapshots_are_moved_to_the_quarantine_as);
}

fn unusable_snapshots_are_moved_to_the_quarantine_as(mode: ProtectionMode) {
    let disk = image_as(mode, &[5, 12]);
    let path = "/till/snapshot/00000000000000000012.snapshot";
    disk.write(path, 4_200, &[1]).unwrap();
    disk.write(path, 4_110, &[1, 2, 3]).unwrap();
    assert_eq!(offers(&check(&disk)), [(RepairAction::Snapshots, 0)]);
    assert_repaired(&disk, RepairAction::Snapshots, 30);
    assert_eq!(check(&disk).snapshots, [Seq::new(5)]);

    // a damaged snapshot may be the only evidence of events that the journal lost
    let disk = image_as(mode, &[30]);
    let last = frames(&disk).into_iter().rfind(|frame| frame.count > 0).unwrap();
    disk.write(&last.path, last.offset, &vec![0; 4_096]).unwrap();
    disk.write("/till/journal/durable", 0, &[0; 64]).unwrap();
    disk.write("/till/snapshot/00000000000000000030.snapshot", 4_110, &[1, 2, 3]).unwrap();
    assert_eq!(repair(&disk, RepairAction::Snapshots).unwrap_err().kind(), ErrorKind::NotApplicable);
    assert_repaired(&disk, cut_from(30), 29);
}

/// A pruned image with this protection mode, its base, its last event, and its state.
pub(super) fn pruned(mode: ProtectionMode) -> (SimDisk, Seq, Seq, u64) {
    let disk = SimDisk::new();
    let options = with_keys!(mode, options().retention(Retention::Events(0)));
    let till: Image<Till> = options.open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    while till.admin().snapshot().unwrap().pruned.is_none() {
        till.file(vec![7; 3_000]).unwrap();
    }
    for _ in 0..9 {
        till.file(vec![8; 3_000]).unwrap();
    }
    let (base, last, cents) =
        (till.admin().stats().base.unwrap(), till.journal().seq(), till.read_uncommitted().unwrap().cents);
    Image::close(till).unwrap();
    (disk, base, last, cents)
}

#[test]
fn a_base_is_copied_again_from_its_intact_copy() {
    for (mode, damage) in MODES.into_iter().flat_map(|mode| [(mode, true), (mode, false)]) {
        let (disk, base, last, all) = pruned(mode);
        let path = format!("/till/journal/{base:020}.1.base", base = base.get());
        match damage {
            true => disk.write(&path, 4_110, &[1, 2, 3]).unwrap(),
            false => disk.remove(Path::new(&path)).unwrap(),
        }
        assert_eq!(offers(&check(&disk)), [(RepairAction::Base, 0)]);
        repair(&disk, RepairAction::Base).unwrap();
        assert!(check(&disk).worst() <= Some(Severity::Note), "{}", check(&disk));
        assert!(repair(&disk, RepairAction::Base).unwrap().is_unchanged());
        assert_eq!(cents(&disk), (last.get(), all));
    }
}

/// With damage before its base, a pruned journal begins at the base; with damage after it, the journal is cut.
#[test]
fn a_damaged_pruned_journal_is_repaired() {
    MODES.into_iter().for_each(a_damaged_pruned_journal_is_repaired_as);
}

fn a_damaged_pruned_journal_is_repaired_as(mode: ProtectionMode) {
    let (disk, base, last, all) = pruned(mode);
    let after = frames(&disk).into_iter().find(|frame| frame.kind == 1 && frame.first > base.get() + 2).unwrap();
    disk.write(&after.path, after.offset + AFTER_HEADER + 10, &[9; 9]).unwrap();
    let seq = after.first;
    assert!(offers(&check(&disk)).contains(&(cut_from(seq), last.get() + 1 - seq)), "{}", check(&disk));
    repair(&disk, cut_from(seq)).unwrap();
    assert!(check(&disk).is_sound());
    assert_eq!(cents(&disk), (seq - 1, all - 3_000 * (last.get() + 1 - seq)));

    let (disk, base, ..) = pruned(mode);
    let before = frames(&disk).into_iter().find(|frame| frame.kind == 1).unwrap();
    assert!(before.first <= base.get());
    disk.write(&before.path, before.offset + AFTER_HEADER + 10, &[9; 9]).unwrap();
    let checked = check(&disk);
    let begin = checked.repairs().into_iter().find(|option| matches!(option.action, RepairAction::BeginAt(_))).unwrap();
    repair(&disk, begin.action).unwrap();
    assert!(check(&disk).is_sound(), "{}", check(&disk));
    let lost = begin.lost.map_or(0, |loses| loses.events());
    assert_eq!(cents(&disk).0, last.get() - lost);
}

#[test]
fn a_repair_that_does_not_apply_is_refused_and_changes_nothing() {
    let disk = image(&[12]);
    damage(&disk, 20);
    let before = files(&disk);
    let refused = |action| {
        let error = repair(&disk, action).unwrap_err();
        assert!(
            error.kind() == ErrorKind::NotApplicable && error.to_string().contains("nothing was changed"),
            "{action}: {error}"
        );
    };
    for seq in [0, 1, 19, 21, 30, 31, u64::MAX] {
        refused(cut_from(seq));
    }
    for action in [
        RepairAction::TornTail,
        RepairAction::SuspectTail,
        RepairAction::Base,
        RepairAction::Snapshots,
        RepairAction::BeginAt(Seq::new(13)),
    ] {
        refused(action);
    }
    assert!(changed(&before, &files(&disk)).is_empty());

    // an older state would give up more events than necessary
    let two = image(&[12, 20]);
    damage(&two, 7);
    assert!(
        repair(&two, RepairAction::BeginAt(Seq::new(12)))
            .unwrap_err()
            .to_string()
            .contains("a newer usable state exists, after event 20")
    );

    let sound = image(&[12]);
    let before = files(&sound);
    for action in [cut_from(12), RepairAction::BeginAt(Seq::new(12))] {
        assert_eq!(repair(&sound, action).unwrap_err().kind(), ErrorKind::NotApplicable, "{action}");
    }
    for action in [RepairAction::TornTail, RepairAction::SuspectTail, RepairAction::Snapshots, cut_from(31)] {
        assert!(repair(&sound, action).unwrap().is_unchanged(), "{action}");
    }
    assert!(changed(&before, &files(&sound)).is_empty());
    let till = open::<Till>(&sound).unwrap();
    assert_eq!(repair(&sound, RepairAction::TornTail).unwrap_err().kind(), ErrorKind::Locked);
    drop(till);
}

#[test]
fn without_space_for_the_backups_a_repair_changes_nothing() {
    let disk = image(&[]);
    damage(&disk, 12);
    let before = files(&disk);
    let gate = GateDisk::new(disk.clone());
    gate.rule(|call| match call.method {
        DiskMethod::Write => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(None),
    });
    let error = Repair::new(cut_from(12)).run_with(Arc::new(gate), IMAGE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    assert!(changed(&before, &files(&disk)).is_empty(), "{:?}", changed(&before, &files(&disk)));
    assert_repaired(&disk, cut_from(12), 11);
}

/// Simulates a crash after each operation of a repair, with all, none or any subset of the unsynced writes. After the crash the same
/// repair completes with the promised result. If the image opens before that, it has the state from before or after the repair.
pub(super) fn crash_everywhere(disk: &SimDisk, action: RepairAction, events: u64) -> u32 {
    crash_everywhere_before(disk, action, None, events)
}

/// As [`crash_everywhere`], for a repair that another one must follow.
pub(super) fn crash_everywhere_before(
    disk: &SimDisk,
    action: RepairAction,
    then: Option<RepairAction>,
    events: u64,
) -> u32 {
    // with a snapshot after the damage, the image opens without a repair
    let unrepaired = open::<Till>(&disk.fork()).ok().map(|till| till.journal().seq().get());
    let points = record(disk);
    repair(disk, action).unwrap();
    let points = std::mem::take(&mut *points.lock().unwrap());
    let mut rng = SplitMix64::new(11);
    let mut opened = 0;
    for (at, (operation, fork)) in points.iter().enumerate() {
        let mut crashed = vec![fork.fork(), fork.crash(|_| false)];
        for _ in 0..cases(1) {
            let mut own = SplitMix64::new(rng.u64());
            crashed.push(fork.crash(|_| own.once_in(2)));
        }
        if !is_thorough() {
            // one of the three after each operation, in turn
            crashed = vec![crashed.swap_remove(at % 3)];
        }
        for disk in crashed {
            match open::<Till>(&disk.fork()) {
                Ok(till) => {
                    let seq = till.journal().seq().get();
                    assert!(seq == events || Some(seq) == unrepaired, "after {operation:?}: {seq}");
                    assert_eq!(till.read_uncommitted().unwrap().cents, state_after(seq), "after {operation:?}");
                    opened += 1;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{operation:?}: {error}"),
            }
            for action in [action].into_iter().chain(then) {
                repair(&disk, action).unwrap_or_else(|error| panic!("after {operation:?}: {error}\n{}", check(&disk)));
            }
            assert!(check(&disk).is_sound(), "after {operation:?}: {}", check(&disk));
            assert_eq!(cents(&disk), (events, state_after(events)), "after {operation:?}");
        }
    }
    assert!(points.len() > 5, "{}", points.len());
    opened
}

#[test]
fn after_a_crash_the_repair_can_be_repeated() {
    MODES.into_iter().for_each(after_a_crash_the_repair_can_be_repeated_as);
}

fn after_a_crash_the_repair_can_be_repeated_as(mode: ProtectionMode) {
    let mut opened = 0;
    // some images have snapshots of events that the cut gives up
    for (event, snapshots) in [(2, &[][..]), (13, &[12, 28]), (30, &[])] {
        let disk = image_as(mode, snapshots);
        damage(&disk, event);
        opened += crash_everywhere(&disk, cut_from(event), event - 1);
    }
    let disk = image_as(mode, &[5, 12]);
    damage(&disk, 7);
    opened += crash_everywhere(&disk, RepairAction::BeginAt(Seq::new(12)), 30);
    let disk = image_as(mode, &[5, 12]);
    for event in [3, 12, 13] {
        damage(&disk, event);
    }
    crash_everywhere(&disk, RepairAction::BeginAt(Seq::new(12)), 12);
    let disk = image_as(mode, &[]);
    let last = frames(&disk).into_iter().last().unwrap();
    let end = (last.offset as usize + last.len).next_multiple_of(512);
    disk.write(&last.path, end as u64, &vec![0x5A; 1_024]).unwrap();
    opened += crash_everywhere(&disk, RepairAction::SuspectTail, 30);
    assert!(opened > 6, "{opened}");
}
