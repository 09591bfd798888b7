//! Segments with several kinds of damage, one of them to the header. No damage is reported as harmless, and no repair gives
//! up more events than necessary.

use std::path::PathBuf;
use std::sync::Arc;

use memimage::admin::{Check, Repair, RepairAction, Severity};
use memimage::disk::{Disk, Fault, Method, SimDisk};
use memimage::{ErrorKind, Image, Key, Keys, Seq};

use memimage_tests::checksums::update_frame_checksums;
use memimage_tests::frames::TRAILER;
use memimage_tests::protection::ENCRYPTED;

use super::check::{check, offers};
use super::frame_edits::{AFTER_HEADER, replace_payload};
use super::model_versions::first::{Till, TillCommands as _};
use super::repair::{cents, crash_everywhere, cut_from, damage, repair, state_after};
use super::segment_framing::{damage_header, segments};
use super::{IMAGE, frames, image, image_as, open, options};

/// The first event in a segment.
fn first_in(disk: &SimDisk, path: &PathBuf) -> u64 {
    frames(disk).into_iter().find(|frame| frame.path == *path).unwrap().first
}

/// The segment with this event.
fn with_event(disk: &SimDisk, event: u64) -> PathBuf {
    frames(disk).into_iter().find(|frame| frame.kind == 1 && frame.first == event).unwrap().path
}

/// Keys with a new current key; the old key stays available.
fn rotated() -> Keys {
    Keys::new(2, |number| [None, Some(Key::new([7; 32])), Some(Key::new([8; 32]))][number as usize % 3].clone())
}

/// Regression: a segment that was truncated after its last frame was repaired with that length. The seal was then written
/// beyond the segment's end, and later events could not be read.
#[test]
fn a_repaired_segment_has_space_for_its_seal() {
    for action in [RepairAction::Segments, cut_from(5)] {
        let disk = SimDisk::new();
        let with_room = |disk: &SimDisk| {
            options::<Till>().segment_bytes(64 << 10).open_with(Arc::new(disk.clone()), IMAGE).unwrap()
        };
        let till = with_room(&disk);
        let path = segments(&disk)[0].clone();
        let end = |disk: &SimDisk| {
            let last = frames(disk).into_iter().last().unwrap();
            (last.offset as usize + last.len).next_multiple_of(512) as u64
        };
        let mut events = 0;
        while end(&disk) < 32 << 10 || !end(&disk).is_multiple_of(4_096) {
            till.put(1).unwrap();
            events += 1;
        }
        Image::close(till).unwrap();
        assert_eq!(segments(&disk).len(), 2);
        disk.truncate(&path, end(&disk)).unwrap();
        damage_header(&disk, &path, 1);
        if let RepairAction::CutFrom(seq) = action {
            assert!(events > seq.get());
            let cut = frames(&disk).into_iter().find(|frame| frame.kind == 1 && frame.first == seq.get()).unwrap();
            disk.write(&path, cut.offset + AFTER_HEADER + 5, &[0xA5; 4]).unwrap();
            events = 4;
        }
        assert_eq!(offers(&check(&disk))[0].0, action, "{}", check(&disk));
        repair(&disk, action).unwrap();
        let till = with_room(&disk);
        for _ in 0..300 {
            till.put(1).unwrap();
        }
        Image::close(till).unwrap();
        assert!(check(&disk).is_sound(), "{}", check(&disk));
        assert_eq!(with_room(&disk).read_uncommitted().unwrap().cents, events + 300);
    }
}

/// Changes a byte in the body of a segment's first frame and updates the checksum.
fn forge(disk: &SimDisk, path: &PathBuf) {
    let frame = frames(disk).into_iter().find(|frame| frame.path == *path).unwrap();
    let mut bytes = disk.read(path).unwrap();
    let range = frame.offset as usize..frame.offset as usize + frame.len;
    bytes[range.end - TRAILER - 1] ^= 1;
    update_frame_checksums(&mut bytes, range);
    disk.write(path, 0, &bytes).unwrap();
}

/// Regression: the repair wrote a header with the current key, but the frames were written with an older one and could not
/// be read.
#[test]
fn a_segment_whose_first_frame_is_forged_is_not_repaired_in_place() {
    let disk = image_as(ENCRYPTED, &[12]);
    let path = with_event(&disk, 12);
    assert!(first_in(&disk, &path) > 1 && with_event(&disk, 13) == path);
    forge(&disk, &path);
    damage_header(&disk, &path, 1);
    let begin = RepairAction::BeginAt(Seq::new(12));
    let checked = |disk: &SimDisk| Check::new().encryption(rotated()).run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let repair = |action| Repair::new(action).encryption(rotated()).run_with(Arc::new(disk.clone()), IMAGE);
    assert_eq!(offers(&checked(&disk))[0], (begin, 0), "{}", checked(&disk));
    assert_eq!(repair(RepairAction::Segments).unwrap_err().kind(), ErrorKind::NotApplicable);
    repair(begin).unwrap();
    assert!(checked(&disk).is_sound(), "{}", checked(&disk));
    let till = options::<Till>().encryption(rotated()).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!((till.journal().seq().get(), till.read_uncommitted().unwrap().cents), (30, state_after(30)));
}

/// Regression: the frames were checked with the key of the header's own segment.
#[test]
fn the_header_of_another_segment_does_not_determine_the_keys() {
    let disk = image_as(ENCRYPTED, &[]);
    let newer =
        || -> Image<Till> { options::<Till>().encryption(rotated()).open_with(Arc::new(disk.clone()), IMAGE).unwrap() };
    let till = newer();
    (0..12).for_each(|_| till.file(vec![1; 3_000]).unwrap());
    Image::close(till).unwrap();
    let (paths, all) = (segments(&disk), newer().read_uncommitted().unwrap().cents);
    let header = disk.read(paths.last().unwrap()).unwrap()[..4_096].to_vec();
    assert_eq!((header[148], disk.read(&paths[1]).unwrap()[148]), (2, 1));
    disk.write(&paths[1], 0, &header).unwrap();
    let checked = Check::new().encryption(rotated()).run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!(offers(&checked), [(RepairAction::Segments, 0)], "{checked}");
    // renaming the file would replace that segment
    assert!(!checked.to_string().contains("renamed"), "{checked}");
    let repair = Repair::new(RepairAction::Segments).encryption(rotated());
    repair.run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!(newer().read_uncommitted().unwrap().cents, all);
}

/// Regression: a segment that could not be copied could not be repaired, and prevented the repair of other damage.
#[test]
fn an_unreadable_segment_is_not_changed() {
    let disk = image(&[5]);
    damage(&disk, 2);
    let path = with_event(&disk, 20);
    let (first, name) = (first_in(&disk, &path), path.file_name().unwrap().to_str().unwrap().to_owned());
    disk.inject(Fault::io().on(&[Method::ReadAt]).path(name).from(1));
    let begin = RepairAction::BeginAt(Seq::new(5));
    let checked = check_as_plain(&disk);
    assert_eq!(checked.repairs()[0].action, begin, "{checked}");
    assert_eq!(checked.repairs()[0].next, Some(cut_from(first)), "{checked}");
    for action in [begin, cut_from(first)] {
        Repair::new(action).run_with(Arc::new(disk.clone()), IMAGE).unwrap_or_else(|error| panic!("{action}: {error}"));
    }
    disk.heal();
    assert_eq!(cents(&disk), (first - 1, state_after(first - 1)));
}

fn check_as_plain(disk: &SimDisk) -> memimage::admin::CheckReport {
    Check::new().run_with(Arc::new(disk.clone()), IMAGE).unwrap()
}

/// Regression: a report has a maximum number of findings, and many undecodable events hid the damage after them.
#[test]
fn damage_after_many_undecodable_events_is_reported() {
    let disk = SimDisk::new();
    let till = open::<Till>(&disk).unwrap();
    (0..280).for_each(|_| _ = till.put(1).unwrap());
    Image::close(till).unwrap();
    (1..=260).rev().for_each(|event| replace_payload(&disk, event, &[0xFF]));
    damage(&disk, 270);
    let checked = check(&disk);
    assert_eq!(offers(&checked), [(cut_from(270), 11)], "{checked}");
    // the same with a damaged header
    let disk = SimDisk::new();
    let till = open::<Till>(&disk).unwrap();
    (0..280).for_each(|_| _ = till.put(1).unwrap());
    Image::close(till).unwrap();
    (1..=260).rev().for_each(|event| replace_payload(&disk, event, &[0xFF]));
    damage_header(&disk, segments(&disk).iter().rev().nth(1).unwrap(), 1);
    assert_eq!(offers(&check(&disk)), [(RepairAction::Segments, 0)], "{}", check(&disk));
}

/// Regression: the active segment was replaced by a segment of another image, with no evidence of its events, and the check
/// called this harmless.
#[test]
fn frames_of_another_image_are_not_adopted() {
    let (disk, other) = (image(&[]), image(&[]));
    let paths = segments(&disk);
    let active = &paths[paths.len() - 2];
    let first = first_in(&disk, active);
    disk.write(active, 0, &other.read(active).unwrap()).unwrap();
    disk.remove("/till/journal/durable".as_ref()).unwrap();
    let checked = check(&disk);
    assert_eq!(offers(&checked).iter().map(|(action, _)| *action).collect::<Vec<_>>(), [cut_from(first)], "{checked}");
    for wrong in ["this damage loses no event, because", "this damage loses no event that is known"] {
        assert!(!checked.to_string().contains(wrong), "{checked}");
    }
    assert_eq!(repair(&disk, RepairAction::SuspectTail).unwrap_err().kind(), ErrorKind::NotApplicable);
    repair(&disk, cut_from(first)).unwrap();
    assert!(check(&disk).is_sound());
    assert_eq!(cents(&disk), (first - 1, state_after(first - 1)));
}

/// No evidence shows whether the segment had frames.
#[test]
fn a_zeroed_header_of_an_empty_segment_is_not_called_harmless() {
    let disk = image(&[]);
    let path = segments(&disk).last().unwrap().clone();
    damage_header(&disk, &path, 0);
    let checked = check(&disk);
    assert_eq!(offers(&checked), [(RepairAction::Segments, 0)], "{checked}");
    assert!(
        !checked.to_string().contains("; this damage loses no event, because the correct header and length are known"),
        "{checked}"
    );
    assert!(checked.to_string().contains("loses no event that is known to exist"), "{checked}");
    let disk = image(&[]);
    damage_header(&disk, &segments(&disk)[0], 0);
    assert!(
        check(&disk)
            .to_string()
            .contains("; this damage loses no event, because the correct header and length are known"),
        "{}",
        check(&disk)
    );
}

/// Opening does not clear a torn write while a header is damaged.
#[test]
fn a_torn_write_is_cleared_after_the_headers_are_repaired() {
    let disk = image(&[]);
    damage_header(&disk, &segments(&disk)[0], 1);
    let last = frames(&disk).into_iter().last().unwrap();
    let end = (last.offset as usize + last.len).next_multiple_of(512) as u64;
    disk.write(&last.path, end + 512, &[0x5A; 512]).unwrap();
    let checked = check(&disk);
    assert_eq!(offers(&checked), [(RepairAction::TornTail, 0)], "{checked}");
    assert!(!checked.to_string().contains("the next opening of the image clears"), "{checked}");
    assert_eq!(checked.worst(), Some(Severity::Damage));
}

/// The repairs that also repair the framing of segments.
#[test]
fn after_a_crash_during_any_repair_the_same_repair_completes() {
    let with_damaged_headers = |snapshots: &[u64]| {
        let disk = image(snapshots);
        let paths = segments(&disk);
        [1, paths.len() - 1].into_iter().for_each(|number| damage_header(&disk, &paths[number], number as u64 % 3));
        disk
    };
    for (at, action) in [(512, RepairAction::TornTail), (0, RepairAction::SuspectTail)] {
        let disk = with_damaged_headers(&[]);
        let last = frames(&disk).into_iter().last().unwrap();
        let end = (last.offset as usize + last.len).next_multiple_of(512) as u64;
        disk.write(&last.path, end + at, &vec![0x5A; 1_024 - at as usize]).unwrap();
        crash_everywhere(&disk, action, 30);
    }
    let disk = with_damaged_headers(&[5]);
    damage(&disk, 2);
    crash_everywhere(&disk, RepairAction::BeginAt(Seq::new(5)), 30);
}

/// Regression: if a frame with shapes was damaged, the report said that the later events of these shapes would stay, but
/// they could not be read.
#[test]
fn events_whose_shapes_are_lost_are_reported_as_lost() {
    let disk = SimDisk::new();
    let opened = || options::<Till>().segment_bytes(64 << 10).open_with(Arc::new(disk.clone()), IMAGE);
    let till = opened().unwrap();
    for event in 1..=9 {
        till.put(event).unwrap();
        if event == 5 {
            till.admin().snapshot().unwrap();
        }
    }
    Image::close(till).unwrap();
    let shapes = frames(&disk).into_iter().rfind(|frame| frame.kind == 2).unwrap();
    disk.write(&shapes.path, shapes.offset + AFTER_HEADER + 5, &[0xA5; 4]).unwrap();
    let option = check(&disk).repairs()[0].clone();
    assert_eq!(option.action, RepairAction::BeginAt(Seq::new(5)));
    assert_eq!(repair(&disk, option.action).unwrap().lost, option.lost);
    assert!(check(&disk).is_sound(), "{}", check(&disk));
    let left = option.lost.map_or(9, |loses| loses.first.get() - 1);
    let till = opened().unwrap();
    assert_eq!((till.journal().seq().get(), till.read_uncommitted().unwrap().cents), (left, (1..=left).sum()));
}
