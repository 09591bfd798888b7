//! The repair that gives up the damaged frames alone: the sound events behind them stay, with their numbers, and each gap is on
//! record.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use memimage::admin::{RepairAction, RepairOption, RepairReport, Severity};
use memimage::disk::{Disk, SimDisk};
use memimage::{ErrorKind, Image, Seq};
use memimage_tests::protection::{MODES, PLAIN};
use memimage_tests::{SplitMix64, cases, changed, files, seed};

use super::check::check;
use super::frame_edits::AFTER_HEADER;
use super::model_versions::first::{Till, TillCommands as _};
use super::repair::{cents, cut_from, damage, repair, state_after};
use super::{IMAGE, frames, image, image_as, open};

pub(super) fn give_up(seq: u64) -> RepairAction {
    RepairAction::GiveUp(Seq::new(seq))
}

/// The option to give up the damaged frames alone, if a check offers it.
pub(super) fn offered(disk: &SimDisk) -> Option<RepairOption> {
    check(disk).repairs().into_iter().find(|option| matches!(option.action, RepairAction::GiveUp(_)))
}

/// The events in these ranges.
fn events(ranges: &[memimage::admin::SeqRange]) -> BTreeSet<u64> {
    ranges.iter().flat_map(|range| range.first.get()..=range.last.get()).collect()
}

/// The state after the events up to `last`, without those that are lost.
pub(super) fn state_without(last: u64, lost: &BTreeSet<u64>) -> u64 {
    let of = |event: &u64| state_after(*event) - state_after(*event - 1);
    state_after(last) - lost.iter().filter(|event| **event <= last).map(of).sum::<u64>()
}

/// The seqs of the events that the history returns, and the seqs of the gaps that it reports.
fn history(disk: &SimDisk, newest_first: bool) -> (Vec<u64>, Vec<u64>) {
    let till = open::<Till>(&disk.fork()).unwrap();
    let (mut read, mut gaps) = (Vec::new(), Vec::new());
    let selection = till.journal().history();
    for event in if newest_first { selection.newest_first() } else { selection } {
        match event {
            Ok(event) => read.push(event.seq().get()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::LostEvents, "{error}");
                gaps.push(error.position().unwrap().seq.unwrap().get());
            }
        }
    }
    if newest_first {
        read.reverse();
        gaps.reverse();
    }
    (read, gaps)
}

/// Makes the repair that is offered. Asserts that exactly the events in `lost` are lost, that the check is sound with a note for each
/// gap, and that the image opens, tells about the gaps, and accepts new events.
fn assert_given_up(disk: &SimDisk, lost: &[u64]) -> RepairReport {
    let lost: BTreeSet<u64> = lost.iter().copied().collect();
    let option = offered(disk).unwrap_or_else(|| panic!("{}", check(disk)));
    assert_eq!((events(&option.gaps), option.next), (lost.clone(), None), "{option}");
    let before = files(disk);
    let repaired = repair(disk, option.action).unwrap_or_else(|error| panic!("{error}\n{}", check(disk)));
    assert_eq!((&repaired.gaps, repaired.lost), (&option.gaps, option.lost), "{repaired}");
    for change in repaired.changes.iter().filter(|change| before.contains_key(&change.path)) {
        let backup = disk.read(change.backup.as_ref().unwrap()).unwrap();
        assert_eq!(backup, before[&change.path], "the quarantine has the old file: {repaired}");
    }
    assert_recorded(disk, &lost);
    repaired
}

pub(super) fn assert_recorded(disk: &SimDisk, lost: &BTreeSet<u64>) {
    let checked = check(disk);
    assert!(checked.is_sound() && checked.repairs().is_empty(), "{checked}");
    let recorded: Vec<_> = checked.gaps.iter().filter_map(|gap| gap.lost).collect();
    assert_eq!(events(&recorded), *lost, "{checked}");
    let notes = checked.findings.iter().filter(|finding| finding.message.contains("recorded a gap"));
    assert_eq!(
        notes.inspect(|note| assert_eq!(note.severity, Severity::Note)).count(),
        checked.gaps.len(),
        "{checked}"
    );

    let again = files(disk);
    let first = checked.gaps[0].lost.map_or(checked.gaps[0].next, |lost| lost.first);
    assert!(repair(disk, RepairAction::GiveUp(first)).unwrap().is_unchanged());
    assert!(changed(&again, &files(disk)).is_empty());

    let kept: Vec<u64> = (1..=30).filter(|event| !lost.contains(event)).collect();
    let firsts: Vec<u64> = recorded.iter().map(|range| range.first.get()).collect();
    assert_eq!(history(disk, false), (kept.clone(), firsts.clone()));
    assert_eq!(history(disk, true), (kept, firsts));
    for disk in [disk.fork(), disk.crash(|_| false)] {
        assert_eq!(cents(&disk), (30, state_without(30, lost)));
        let till = open::<Till>(&disk).unwrap();
        till.put(1).unwrap();
        assert!(till.admin().snapshot().unwrap().verified);
        Image::close(till).unwrap();
        assert_eq!(cents(&disk), (31, state_without(30, lost) + 1));
        // the snapshots are a cache
        for path in disk.files().iter().filter(|path| path.extension().is_some_and(|end| end == "snapshot")) {
            disk.remove(path).unwrap();
        }
        assert_eq!(cents(&disk), (31, state_without(30, lost) + 1));
    }
}

#[test]
fn the_events_behind_a_damaged_one_keep_their_numbers() {
    let plain = (1..30).map(|event| (PLAIN, event));
    let protected = MODES[1..].iter().flat_map(|mode| [1, 4, 9, 17, 23, 29].map(|event| (*mode, event)));
    for (mode, event) in plain.chain(protected) {
        let disk = image_as(mode, &[]);
        damage(&disk, event);
        assert_given_up(&disk, &[event]);
    }
}

#[test]
fn damage_at_several_places_becomes_several_gaps() {
    for lost in [&[5, 6][..], &[4, 6], &[2, 11, 14, 17, 28], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], &[3, 7, 8, 20]] {
        let disk = image(&[]);
        lost.iter().for_each(|event| damage(&disk, *event));
        assert_given_up(&disk, lost);
    }
}

/// Damages the bytes after the header of a frame's checksums.
pub(super) fn destroy(disk: &SimDisk, path: &Path, offset: u64) {
    disk.write(path, offset, &[0xA5; 96]).unwrap();
}

/// The first and the last frame of segment 2, its header, and all of it.
#[test]
fn damage_at_the_borders_of_segments_loses_only_the_damaged_events() {
    let second = |disk: &SimDisk| -> Vec<super::frame_edits::Frame> {
        frames(disk).into_iter().filter(|frame| frame.path.ends_with("00000002.journal")).collect()
    };
    let path = Path::new("/till/journal/00000002.journal");
    for (mode, case) in MODES.into_iter().flat_map(|mode| (0..7).map(move |case| (mode, case))) {
        let disk = image_as(mode, &[]);
        let of_second = second(&disk);
        let events: Vec<u64> = of_second.iter().filter(|frame| frame.count > 0).map(|frame| frame.first).collect();
        let (first, last) = (of_second.first().unwrap(), of_second.last().unwrap());
        assert_eq!((first.kind, last.kind), (2, 5));
        let lost = match case {
            // the table of shapes
            0 => (destroy(&disk, path, first.offset), vec![]).1,
            // the table of shapes, and the header
            1 => (destroy(&disk, path, first.offset), destroy(&disk, path, 100), vec![]).2,
            // the table of shapes, and the first event
            2 => (damage(&disk, events[0]), destroy(&disk, path, first.offset), vec![events[0]]).2,
            // the seal
            3 => (destroy(&disk, path, last.offset), vec![]).1,
            // the seal, and what follows in the next segment
            4 => {
                let third = frames(&disk).into_iter().find(|frame| frame.path.ends_with("00000003.journal")).unwrap();
                destroy(&disk, path, last.offset);
                (destroy(&disk, &third.path, third.offset), vec![]).1
            }
            // the whole segment
            5 => (disk.remove(path).unwrap(), events.clone()).1,
            _ => {
                let len = disk.read(path).unwrap().len();
                (disk.write(path, 0, &vec![0x5A; len]).unwrap(), events.clone()).1
            }
        };
        assert!(open::<Till>(&disk.fork()).is_err());
        assert_given_up(&disk, &lost);
    }
}

#[test]
fn a_snapshot_behind_the_gap_keeps_the_effect_of_the_lost_events() {
    let disk = image(&[12, 20]);
    [5, 15].iter().for_each(|event| damage(&disk, *event));
    assert_eq!(cents(&disk), (30, state_after(30)), "opening begins with the snapshot");
    let option = offered(&disk).unwrap();
    assert_eq!((option.doubtful, events(&option.gaps)), (None, BTreeSet::from([5, 15])));
    assert!(option.to_string().contains("a snapshot keeps their effect"), "{option}");
    repair(&disk, option.action).unwrap();
    assert!(check(&disk).is_sound(), "{}", check(&disk));
    assert_eq!(cents(&disk), (30, state_after(30)));

    let till = open::<Till>(&disk).unwrap();
    till.put(7).unwrap();
    assert!(till.admin().snapshot().unwrap().verified);
    Image::close(till).unwrap();
    assert_eq!(cents(&disk), (31, state_after(30) + 7));

    // a snapshot between the gaps keeps the effect of the first one only
    let disk = image(&[12]);
    [5, 15].iter().for_each(|event| damage(&disk, *event));
    let option = offered(&disk).unwrap();
    assert_eq!(option.doubtful.map(|range| (range.first.get(), range.last.get())), Some((16, 30)), "{option}");
    repair(&disk, option.action).unwrap();
    assert_eq!(cents(&disk), (30, state_without(30, &BTreeSet::from([15]))));
}

#[test]
fn past_states_and_their_steps_tell_about_a_gap() {
    let disk = image(&[]);
    [5, 6, 7].iter().for_each(|event| damage(&disk, *event));
    repair(&disk, give_up(5)).unwrap();
    let lost = BTreeSet::from([5, 6, 7]);
    let till = open::<Till>(&disk).unwrap();
    let journal = till.journal();
    assert_eq!(journal.at(Seq::new(4)).unwrap().cents, state_after(4));
    for unknown in [5, 6] {
        let error = journal.at(Seq::new(unknown)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LostEvents, "{error}");
    }
    assert_eq!(journal.at(Seq::new(9)).unwrap().cents, state_without(9, &lost));
    let mut past = journal.at(Seq::new(4)).unwrap();
    assert_eq!(past.step().unwrap_err().kind(), ErrorKind::LostEvents);
    assert_eq!((past.seq().get(), past.cents), (7, state_after(4)));
    assert!(past.step().unwrap());
    assert_eq!((past.seq().get(), past.cents), (8, state_without(8, &lost)));
    let mut past = journal.at(Seq::new(3)).unwrap();
    past.seek(Seq::new(10)).unwrap();
    assert_eq!((past.seq().get(), past.cents), (10, state_without(10, &lost)));

    let mut changes = journal.changes(|till| till.cents);
    let mut told = 0;
    let mut last = 0;
    for change in &mut changes {
        match change {
            Ok(change) => last = change.seq.get(),
            Err(error) => (assert_eq!((last, error.kind()), (4, ErrorKind::LostEvents)), told += 1).1,
        }
    }
    assert_eq!((last, told), (30, 1));
}

#[test]
fn a_subscription_tells_about_a_gap_and_goes_on() {
    let disk = image(&[]);
    [5, 6].iter().for_each(|event| damage(&disk, *event));
    repair(&disk, give_up(5)).unwrap();
    let till = open::<Till>(&disk).unwrap();
    let mut subscription = till.journal().subscribe(Seq::ZERO).unwrap();
    let mut seen = Vec::new();
    while seen.last() != Some(&30) {
        match subscription.next().unwrap() {
            Ok(event) => seen.push(event.seq().get()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::LostEvents, "{error}");
                seen.push(0);
            }
        }
    }
    let expected: Vec<u64> = (1..=4).chain([0]).chain(7..=30).collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_journal_is_read_beside_its_owner_over_a_gap() {
    let disk = image(&[]);
    [5, 12].iter().for_each(|event| damage(&disk, *event));
    repair(&disk, give_up(5)).unwrap();
    let till = open::<Till>(&disk).unwrap();
    let journal = Image::<Till>::options().open_journal_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let read: Vec<u64> = journal.history().into_iter().filter_map(Result::ok).map(|event| event.seq().get()).collect();
    assert_eq!(read.len(), 28);
    drop(till);
}

/// A frame of another image, a frame of another history, and a gap with wrong numbers are damage.
#[test]
fn a_gap_frame_at_another_place_is_damage() {
    let disk = image(&[]);
    damage(&disk, 5);
    repair(&disk, give_up(5)).unwrap();
    let gap = frames(&disk).into_iter().find(|frame| frame.kind == 9).unwrap();
    let bytes = disk.read(&gap.path).unwrap();
    let frame = &bytes[gap.offset as usize..gap.offset as usize + gap.len];
    // copied over another frame, and copied to an undamaged journal
    let (elsewhere, other) = (disk.fork(), image(&[]));
    let after = frames(&disk).into_iter().find(|frame| frame.first == 8 && frame.kind == 1).unwrap();
    elsewhere.write(&after.path, after.offset, frame).unwrap();
    let place = frames(&other).into_iter().find(|frame| frame.first == 5 && frame.kind == 1).unwrap();
    other.write(&place.path, place.offset, frame).unwrap();
    for disk in [elsewhere, other] {
        assert_eq!(open::<Till>(&disk.fork()).unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(!check(&disk).is_sound());
    }
    // an undamaged frame is never given up
    let sound = image(&[]);
    for seq in [1, 5, 30, 31] {
        assert_eq!(repair(&sound, give_up(seq)).unwrap_err().kind(), ErrorKind::NotApplicable);
    }
    damage(&sound, 9);
    let before = files(&sound);
    for seq in [0, 1, 8, 10, 31, u64::MAX] {
        assert_eq!(repair(&sound, give_up(seq)).unwrap_err().kind(), ErrorKind::NotApplicable);
    }
    assert!(changed(&before, &files(&sound)).is_empty());
}

#[test]
fn damage_after_a_recorded_gap_is_given_up_too() {
    // elsewhere, directly before the gap, directly behind it, and the gap frame itself
    for (second, lost) in [(20, vec![9, 20]), (8, vec![8, 9]), (10, vec![9, 10]), (0, vec![9])] {
        let disk = image(&[]);
        damage(&disk, 9);
        assert_given_up(&disk, &[9]);
        match second {
            0 => {
                let gap = frames(&disk).into_iter().find(|frame| frame.kind == 9).unwrap();
                disk.write(&gap.path, gap.offset + AFTER_HEADER + 50, &[0xA5; 4]).unwrap();
            }
            event => damage(&disk, event),
        }
        assert!(open::<Till>(&disk.fork()).is_err());
        let option = offered(&disk).unwrap();
        repair(&disk, option.action).unwrap();
        assert_recorded(&disk, &lost.into_iter().collect());
    }
}

#[test]
fn damage_at_the_end_is_left_to_a_second_repair() {
    let disk = image(&[]);
    [9, 29, 30].iter().for_each(|event| damage(&disk, *event));
    let option = offered(&disk).unwrap();
    assert_eq!(
        (option.action, option.next, events(&option.gaps)),
        (give_up(9), Some(cut_from(29)), BTreeSet::from([9, 29, 30]))
    );
    repair(&disk, option.action).unwrap();
    assert!(!check(&disk).is_sound());
    repair(&disk, cut_from(29)).unwrap();
    assert!(check(&disk).is_sound());
    assert_eq!(cents(&disk), (28, state_without(28, &BTreeSet::from([9]))));
    let disk = image(&[]);
    damage(&disk, 30);
    assert_eq!(offered(&disk), None, "nothing sound follows");
}

/// Whichever frames are damaged, no event but theirs is lost, or the repair is not offered.
#[test]
fn exactly_the_damaged_events_are_lost_whichever_frames_are_damaged() {
    let mut rng = SplitMix64::new(seed(22));
    let mut repaired = 0;
    for case in 0..cases(60) {
        let disk = image(&[]);
        let frames = frames(&disk);
        let damaged: BTreeSet<usize> = (0..1 + rng.below(5)).map(|_| rng.below(frames.len() as u64) as usize).collect();
        for at in &damaged {
            let frame = &frames[*at];
            match rng.once_in(2) {
                true => disk.write(&frame.path, frame.offset + AFTER_HEADER + 5, &[0xA5; 4]).unwrap(),
                false => disk.write(&frame.path, frame.offset, &vec![0; frame.len]).unwrap(),
            }
        }
        let lost: BTreeSet<u64> =
            damaged.iter().map(|at| &frames[*at]).filter(|frame| frame.count > 0).map(|frame| frame.first).collect();
        let Some(option) = offered(&disk) else {
            let is_beginning = damaged.iter().any(|at| *at < 2);
            let is_end = damaged.contains(&(frames.len() - 1));
            // the first event's shapes
            let is_undescribed = damaged.iter().any(|at| frames[*at].kind == 2);
            assert!(is_beginning || is_end || is_undescribed, "case {case}: {damaged:?}: {}", check(&disk));
            continue;
        };
        repair(&disk, option.action).unwrap_or_else(|error| panic!("case {case}: {error}"));
        if let Some(next) = option.next {
            repair(&disk, next).unwrap();
            assert_eq!(events(&option.gaps), lost, "case {case}: {damaged:?}");
            continue;
        }
        if check(&disk).gaps.is_empty() {
            continue;
        }
        assert_recorded(&disk, &lost);
        repaired += 1;
    }
    assert!(repaired > 10, "{repaired}");
}
