//! Segments whose frames are intact but whose header or length is wrong. The repair keeps all events.

use std::path::PathBuf;
use std::sync::Arc;

use memimage::admin::{Repair, RepairAction, Severity};
use memimage::disk::SimDisk;
use memimage::{ErrorKind, Key, Keys, Seq};
use memimage_tests::protection::{BOTH, MODES};
use memimage_tests::{SplitMix64, cases, files, seed};

use super::check::{check, offers};
use super::frame_edits::AFTER_HEADER;
use super::model_versions::first::{Till, TillCommands as _};
use super::repair::{assert_repaired, cents, crash_everywhere, cut_from, damage, repair, state_after};
use super::{IMAGE, frames, image, image_as, open, options};

pub(super) fn segments(disk: &SimDisk) -> Vec<PathBuf> {
    let mut segments = disk.files();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "journal"));
    segments.sort();
    segments
}

/// The length up to the last nonzero byte.
fn used_len(disk: &SimDisk, path: &PathBuf) -> u64 {
    disk.read(path).unwrap().iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1
}

/// Damages a header: all zeros, all garbage, one changed byte, or the header of another segment.
pub(super) fn damage_header(disk: &SimDisk, path: &PathBuf, how: u64) {
    let header = disk.read(path).unwrap()[..4_096].to_vec();
    let bytes = match how {
        0 => vec![0; 4_096],
        1 => vec![0xA5; 4_096],
        2 => header.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 57)).collect(),
        _ => {
            let other = segments(disk).into_iter().find(|other| other != path).unwrap();
            disk.read(&other).unwrap()[..4_096].to_vec()
        }
    };
    disk.write(path, 0, &bytes).unwrap();
}

#[test]
fn a_header_is_rebuilt_from_the_other_headers() {
    for (mode, how) in MODES.into_iter().flat_map(|mode| (0..4).map(move |how| (mode, how))) {
        for path in segments(&image_as(mode, &[])) {
            let disk = image_as(mode, &[]);
            let was = disk.read(&path).unwrap();
            damage_header(&disk, &path, how);
            assert!(
                open::<Till>(&disk.fork()).unwrap_err().kind() == ErrorKind::Corrupt || how == 3,
                "{how} {}",
                path.display()
            );
            let checked = check(&disk);
            assert_eq!(offers(&checked), [(RepairAction::Segments, 0)], "{how}, {}: {checked}", path.display());
            assert!(checked.to_string().contains("this damage loses no event"), "{checked}");
            assert_eq!(checked.chain_head.is_some(), mode.chained, "no link is damaged: {checked}");
            let repaired = assert_repaired(&disk, RepairAction::Segments, 30);
            assert_eq!((repaired.lost, repaired.revived.len()), (None, 0), "{repaired}");
            assert_eq!(disk.read(&path).unwrap()[4_096..was.len() - 4_096], was[4_096..was.len() - 4_096]);
        }
    }
}

/// All headers but one are damaged; the intact one identifies the image.
#[test]
fn one_intact_header_is_enough() {
    for (mode, spared) in MODES.into_iter().flat_map(|mode| [(mode, 0), (mode, 2)]) {
        let disk = image_as(mode, &[5]);
        for (number, path) in segments(&disk).iter().enumerate().filter(|(number, _)| *number != spared) {
            damage_header(&disk, path, number as u64 % 3);
        }
        assert_eq!(offers(&check(&disk)), [(RepairAction::Segments, 0)], "{}", check(&disk));
        assert_repaired(&disk, RepairAction::Segments, 30);
    }
}

#[test]
fn a_segment_that_is_too_long_is_truncated() {
    for mode in MODES {
        for path in segments(&image_as(mode, &[])) {
            let disk = image_as(mode, &[]);
            let was = disk.read(&path).unwrap();
            disk.write(&path, was.len() as u64, &[7; 5_000]).unwrap();
            assert_eq!(offers(&check(&disk)), [(RepairAction::Segments, 0)], "{}", check(&disk));
            let before = disk.fork();
            repair(&disk, RepairAction::Segments).unwrap();
            assert_eq!(disk.read(&path).unwrap(), was);
            assert_repaired(&before, RepairAction::Segments, 30);
        }
    }
}

/// The seal proves that no frame followed. In the active segment, without a seal, frames may be missing, and the owner has
/// to confirm a cut.
#[test]
fn a_segment_that_lost_only_zeros_is_extended() {
    for mode in MODES {
        let paths = segments(&image_as(mode, &[]));
        let [full @ .., _, _] = &paths[..] else { panic!("{paths:?}") };
        for path in full {
            let disk = image_as(mode, &[]);
            let was = disk.read(path).unwrap();
            disk.truncate(path, used_len(&disk, path)).unwrap();
            assert_eq!(offers(&check(&disk)), [(RepairAction::Segments, 0)], "{}", check(&disk));
            let before = disk.fork();
            repair(&disk, RepairAction::Segments).unwrap();
            assert_eq!(disk.read(path).unwrap(), was);
            assert_repaired(&before, RepairAction::Segments, 30);
        }
        let disk = image_as(mode, &[]);
        let active = &paths[paths.len() - 2];
        disk.truncate(active, used_len(&disk, active)).unwrap();
        assert_eq!(offers(&check(&disk)), [(cut_from(31), 0)], "{}", check(&disk));
    }
}

/// Repairs of other damage also repair the framing of the segments that they keep.
#[test]
fn a_repair_of_other_damage_also_repairs_segments() {
    for mode in MODES {
        let with_damaged_headers = |snapshots: &[u64]| {
            let disk = image_as(mode, snapshots);
            let paths = segments(&disk);
            [0, 1, paths.len() - 1]
                .into_iter()
                .for_each(|number| damage_header(&disk, &paths[number], number as u64 % 3));
            disk
        };
        let disk = with_damaged_headers(&[]);
        damage(&disk, 20);
        assert_eq!(offers(&check(&disk)), [(cut_from(20), 11)], "{}", check(&disk));
        assert_repaired(&disk, cut_from(20), 19);

        let disk = with_damaged_headers(&[5]);
        damage(&disk, 2);
        let begin = RepairAction::BeginAt(Seq::new(5));
        assert_eq!(offers(&check(&disk))[0], (begin, 0), "{}", check(&disk));
        assert_repaired(&disk, begin, 30);

        for (at, filler, action) in [(512, 0x5A, RepairAction::TornTail), (0, 0x5A, RepairAction::SuspectTail)] {
            let disk = with_damaged_headers(&[]);
            let last = frames(&disk).into_iter().last().unwrap();
            let end = (last.offset as usize + last.len).next_multiple_of(512) as u64;
            disk.write(&last.path, end + at, &vec![filler; 1_024 - at as usize]).unwrap();
            assert_eq!(offers(&check(&disk)), [(action, 0)], "{}", check(&disk));
            assert!(open::<Till>(&disk.fork()).is_err());
            assert_repaired(&disk, action, 30);
        }
    }
}

/// Damage that the repair leaves can be repaired after it.
#[test]
fn other_damage_may_remain() {
    let disk = image(&[]);
    damage_header(&disk, &segments(&disk)[1], 1);
    damage(&disk, 27);
    assert!(!repair(&disk, RepairAction::Segments).unwrap().is_unchanged());
    assert_eq!(offers(&check(&disk)), [(cut_from(27), 4)]);
    let error = repair(&disk, RepairAction::Segments).unwrap_err();
    assert!(error.kind() == ErrorKind::NotApplicable && error.to_string().contains("(event 27)"), "{error}");
    assert_repaired(&disk, cut_from(27), 26);
}

/// Snapshots may be the only evidence of lost events until the journal is repaired.
#[test]
fn snapshots_are_repaired_after_the_journal() {
    let disk = image(&[12]);
    damage_header(&disk, &segments(&disk)[1], 1);
    disk.write("/till/snapshot/00000000000000000012.snapshot", 4_110, &[1, 2, 3]).unwrap();
    assert_eq!(offers(&check(&disk)), [(RepairAction::Segments, 0)]);
    repair(&disk, RepairAction::Segments).unwrap();
    assert_eq!(offers(&check(&disk)), [(RepairAction::Snapshots, 0)]);
    assert_repaired(&disk, RepairAction::Snapshots, 30);
}

/// The header is written with the same key as the frames of the segment, even if a newer key is current.
#[test]
fn a_header_is_rebuilt_with_the_key_of_its_frames() {
    let newer =
        || Keys::new(2, |number| [None, Some(Key::new([7; 32])), Some(Key::new([8; 32]))][number as usize % 3].clone());
    let mode = BOTH;
    for path in segments(&image_as(mode, &[])) {
        let disk = image_as(mode, &[]);
        damage_header(&disk, &path, 1);
        let repair = Repair::new(RepairAction::Segments).encryption(newer()).chain(newer());
        repair.run_with(Arc::new(disk.clone()), IMAGE).unwrap();
        let till = options::<Till>().encryption(newer()).chain(newer()).open_with(Arc::new(disk), IMAGE).unwrap();
        till.put(1).unwrap();
        assert_eq!(till.read_uncommitted().unwrap().cents, state_after(30) + 1);
    }
}

/// Repairs that give up events do not apply while all frames are intact.
#[test]
fn no_other_repair_applies_while_all_frames_are_intact() {
    let disk = image(&[12]);
    damage_header(&disk, &segments(&disk)[1], 1);
    let before = files(&disk);
    let first = frames(&disk).into_iter().find(|frame| frame.path == segments(&disk)[1]).unwrap().first;
    let begin = RepairAction::BeginAt(Seq::new(12));
    for action in [
        cut_from(first),
        cut_from(31),
        begin,
        RepairAction::TornTail,
        RepairAction::SuspectTail,
        RepairAction::Snapshots,
        RepairAction::Base,
    ] {
        let error = repair(&disk, action).unwrap_err();
        assert!(
            error.kind() == ErrorKind::NotApplicable
                && error.to_string().contains("does not start with the magic number of a segment"),
            "{action}: {error}"
        );
    }
    assert_eq!(files(&disk), before);
}

/// If the header and the first frame are damaged, nothing shows which image and segment the file belongs to.
#[test]
fn a_segment_without_an_intact_header_or_first_frame_is_not_repaired() {
    let other = image(&[]);
    let paths = segments(&other);
    // the first frame is damaged, or belongs to another image, or to another segment
    for how in 0..3 {
        let disk = image(&[]);
        let first = frames(&disk).into_iter().find(|frame| frame.path == paths[1]).unwrap();
        match how {
            0 => disk.write(&paths[1], first.offset + AFTER_HEADER + 5, &[0xA5; 4]).unwrap(),
            1 => disk.write(&paths[1], 0, &other.read(&paths[1]).unwrap()).unwrap(),
            _ => disk.write(&paths[1], 0, &disk.read(&paths[2]).unwrap()[..16_384]).unwrap(),
        }
        disk.write(&paths[1], 100, &[7; 50]).unwrap();
        let lost = 31 - first.first;
        assert_eq!(offers(&check(&disk)), [(cut_from(first.first), lost)], "{how}: {}", check(&disk));
        assert_eq!(repair(&disk, RepairAction::Segments).unwrap_err().kind(), ErrorKind::NotApplicable);
        assert_repaired(&disk, cut_from(first.first), first.first - 1);
    }
    // a zeroed segment whose frames are known to have existed
    let disk = image(&[]);
    let (path, first) = (&paths[3], frames(&disk).into_iter().find(|frame| frame.path == paths[3]).unwrap().first);
    let len = disk.read(path).unwrap().len();
    disk.write(path, 0, &vec![0; len]).unwrap();
    let checked = check(&disk);
    assert_eq!((offers(&checked), checked.findings.len()), (vec![(cut_from(first), 31 - first)], 1), "{checked}");
    assert_repaired(&disk, cut_from(first), first - 1);
    // all headers are damaged: only a snapshot can tell which image it was
    let disk = image(&[12]);
    paths.iter().for_each(|path| damage_header(&disk, path, 1));
    assert_eq!(offers(&check(&disk)), [(RepairAction::Segments, 0)], "{}", check(&disk));
    assert_repaired(&disk, RepairAction::Segments, 30);
    let disk = image(&[]);
    paths.iter().for_each(|path| damage_header(&disk, path, 1));
    assert!(check(&disk).worst() == Some(Severity::Damage) && check(&disk).repairs().is_empty(), "{}", check(&disk));
}

#[test]
fn after_a_crash_the_segment_repair_can_be_repeated() {
    for mode in [MODES[0], MODES[3]] {
        let disk = image_as(mode, &[]);
        for (number, path) in segments(&disk).iter().enumerate().skip(1) {
            damage_header(&disk, path, number as u64 % 3);
        }
        crash_everywhere(&disk, RepairAction::Segments, 30);
        let disk = image_as(mode, &[]);
        damage_header(&disk, &segments(&disk)[0], 1);
        damage_header(&disk, &segments(&disk)[1], 0);
        damage(&disk, 27);
        crash_everywhere(&disk, cut_from(27), 26);
    }
}

/// With any damaged headers but one and any damaged events, the first repair of the report keeps all events that can be
/// replayed.
#[test]
fn damaged_headers_lose_no_replayable_events() {
    let mut rng = SplitMix64::new(seed(41));
    for case in 0..cases(60) {
        let disk = image(&[]);
        let paths = segments(&disk);
        let spared = rng.below(paths.len() as u64) as usize;
        for (_, path) in paths.iter().enumerate().filter(|(number, _)| *number != spared) {
            if rng.once_in(2) {
                damage_header(&disk, path, rng.below(3));
            }
        }
        // the first frame of a segment stays intact, since the header may be damaged too
        let mut damaged: Vec<u64> =
            frames(&disk).iter().filter(|f| f.kind == 1 && f.offset > 4_096).map(|f| f.first).collect();
        damaged.retain(|_| rng.once_in(15));
        damaged.iter().for_each(|event| damage(&disk, *event));
        let left = damaged.first().map_or(30, |first| first - 1);
        if let [option, ..] = &check(&disk).repairs()[..] {
            repair(&disk, option.action).unwrap_or_else(|error| panic!("case {case}: {error}"));
        }
        assert!(check(&disk).is_sound(), "case {case}: {}", check(&disk));
        assert_eq!(cents(&disk), (left, state_after(left)), "case {case}: {damaged:?}");
    }
}
