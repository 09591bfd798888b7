//! What the files prove around a recorded gap: how far events were synced, which repair was interrupted, and which frames belong together.

use std::path::Path;
use std::sync::Arc;

use memimage::admin::RepairAction;
use memimage::disk::{Disk as _, SimDisk};
use memimage::{Durability, ErrorKind, Image, Journal, Seq};

use super::check::check;
use super::frame_edits::AFTER_HEADER;
use super::give_up::{give_up, offered};
use super::model_versions::first::{Till, TillCommands as _};
use super::repair::{cents, cut_from, damage, repair};
use super::{IMAGE, frames, image, open, options, record};

const DURABLE: &str = "/till/journal/durable";

/// The number at this offset of a file.
fn number(disk: &SimDisk, path: &Path, at: usize) -> u64 {
    u64::from_le_bytes(disk.read(path).unwrap()[at..at + 8].try_into().unwrap())
}

/// An image whose owner was killed: its events up to 3 were synced, those up to 9 only written. The events 2 to 6 are damaged.
fn killed() -> SimDisk {
    let disk = SimDisk::new();
    let till: Image<Till> = options()
        .segment_bytes(1 << 20)
        .durability(Durability::Buffered)
        .open_with(Arc::new(disk.clone()), IMAGE)
        .unwrap();
    for cents in 1..=9 {
        till.put(cents).unwrap();
        if cents == 3 {
            till.journal().sync().unwrap();
        }
    }
    let killed = disk.fork();
    drop(till);
    (2..=6).for_each(|event| damage(&killed, event));
    killed
}

fn journal(disk: &SimDisk) -> Journal<Till> {
    options::<Till>().open_journal_with(Arc::new(disk.clone()), IMAGE).unwrap()
}

#[test]
fn the_repair_proves_the_events_behind_a_gap_in_the_last_segment() {
    let disk = killed();
    assert_eq!(number(&disk, Path::new(DURABLE), 16), 3, "the last proven event is damaged");
    repair(&disk, give_up(2)).unwrap();
    let journal = journal(&disk);
    assert_eq!(journal.durable_seq().unwrap(), Seq::new(9));
    assert_eq!(journal.at(Seq::new(9)).unwrap().cents, 1 + 7 + 8 + 9);
    let follower = options::<Till>().follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!(follower.query(|till| till.cents).unwrap(), 25);
    assert_eq!(cents(&disk), (9, 25));
}

/// Without `journal/durable`, only the frames tell what was synced: event 3, which is lost.
#[test]
fn a_reader_settles_behind_a_gap_in_which_the_last_proven_event_is() {
    let disk = killed();
    repair(&disk, give_up(2)).unwrap();
    let last = frames(&disk).into_iter().rfind(|frame| frame.kind == 1).unwrap();
    assert_eq!(number(&disk, &last.path, last.offset as usize + 16), 3);
    disk.remove(Path::new(DURABLE)).unwrap();
    let journal = journal(&disk);
    let now = journal.durable_seq().unwrap();
    assert_eq!((now, journal.at(now).unwrap().cents), (Seq::new(6), 1));
    let told: Vec<_> = journal.history().into_iter().map(|event| event.map(|event| event.seq().get())).collect();
    assert_eq!(told.iter().flatten().copied().collect::<Vec<_>>(), [1]);
    assert_eq!(told[1].as_ref().unwrap_err().kind(), ErrorKind::LostEvents);
    let follower = options::<Till>().follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!(follower.query(|till| till.cents).unwrap(), 1);
}

/// The repair of event 5 was completed, and then event 20 is damaged: nobody has decided to give up event 20.
#[test]
fn an_old_repair_gives_up_no_new_damage_if_the_durable_watermark_is_missing() {
    for is_removed_before in [false, true] {
        let disk = image(&[]);
        damage(&disk, 5);
        if is_removed_before {
            disk.remove(Path::new(DURABLE)).unwrap();
        }
        repair(&disk, give_up(5)).unwrap();
        damage(&disk, 20);
        disk.remove(Path::new(DURABLE)).unwrap();
        let before = disk.fork();
        let error = repair(&disk, give_up(5)).unwrap_err();
        assert!(error.kind() == ErrorKind::NotApplicable && error.to_string().contains("event 20"), "{error}");
        assert!(memimage_tests::changed(&memimage_tests::files(&before), &memimage_tests::files(&disk)).is_empty());
        repair(&disk, give_up(20)).unwrap();
        assert!(check(&disk).is_sound(), "{}", check(&disk));
    }
}

/// A repair that began without `journal/durable` can be repeated after each crash, since it first writes this file.
#[test]
fn an_interrupted_repair_is_known_as_such_although_the_durable_watermark_was_missing() {
    let disk = image(&[]);
    [5, 20].iter().for_each(|event| damage(&disk, *event));
    disk.remove(Path::new(DURABLE)).unwrap();
    disk.sync_dir(Path::new("/till/journal")).unwrap();
    let points = record(&disk);
    repair(&disk, give_up(5)).unwrap();
    let points = std::mem::take(&mut *points.lock().unwrap());
    let mut partly = 0;
    for (operation, fork) in points {
        let crashed = fork.crash(|_| false);
        partly += u32::from(!check(&crashed).is_sound() && !check(&crashed).gaps.is_empty());
        repair(&crashed, give_up(5)).unwrap_or_else(|error| panic!("after {operation:?}: {error}"));
        assert!(check(&crashed).is_sound() && check(&crashed).gaps.len() == 2, "{}", check(&crashed));
    }
    assert!(partly > 0);
}

/// Adds events of `cents` each, in an owner of their own.
fn go_on(disk: &SimDisk, events: u64, cents: u64) {
    let till = open::<Till>(disk).unwrap();
    (0..events).for_each(|_| assert!(till.put(cents).is_ok()));
    Image::close(till).unwrap();
}

/// A copy was used separately by two owners. Its last segment has frames of the second one, whose epoch the original does not have; but
/// the first owner of the copy created this segment.
#[test]
fn a_segment_that_another_owner_of_the_same_epoch_created_is_never_kept() {
    let one = image(&[]);
    let other = one.fork();
    go_on(&one, 60, 1);
    go_on(&other, 60, 2);
    let created = frames(&other).last().unwrap().path.clone();
    go_on(&other, 1, 3);
    let copied: Vec<_> = frames(&other).into_iter().filter(|frame| frame.path == created).collect();
    let of_last_owner = copied.iter().rev().find(|frame| frame.kind == 1).unwrap().offset;
    let disk = one.fork();
    disk.write(&created, 0, &other.read(&created).unwrap()).unwrap();
    // only the frame of the last owner is left
    for frame in copied.iter().filter(|frame| frame.offset < of_last_owner) {
        disk.write(&frame.path, frame.offset, &[0x5A; 96]).unwrap();
    }
    for path in
        disk.files().iter().filter(|path| path.extension().is_some_and(|end| end == "journal") && **path > created)
    {
        disk.remove(path).unwrap();
    }
    let offered = check(&disk).repairs();
    assert!(offered.iter().all(|option| !matches!(option.action, RepairAction::GiveUp(_))), "{offered:?}");
    let first = check(&disk).findings.iter().find_map(|finding| finding.position.seq).unwrap();
    let error = repair(&disk, RepairAction::GiveUp(first)).unwrap_err();
    assert!(error.to_string().contains("another history"), "{error}");
}

/// A check lists 256 places of damage. The loss that it names does not depend on this limit.
#[test]
fn damage_that_a_check_does_not_list_is_known_to_the_repair() {
    let disk = SimDisk::new();
    let till: Image<Till> = options().segment_bytes(1 << 20).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    (0..610).for_each(|_| assert!(till.put(1).is_ok()));
    Image::close(till).unwrap();
    let lost: Vec<_> = (2..=600).step_by(2).chain([610]).collect();
    let all = frames(&disk);
    for frame in all.iter().filter(|frame| frame.kind == 1 && lost.contains(&frame.first)) {
        disk.write(&frame.path, frame.offset + AFTER_HEADER + 5, &[0xA5; 4]).unwrap();
    }
    let option = offered(&disk).unwrap();
    assert_eq!(option.next, Some(cut_from(610)), "{option}");
    assert_eq!(option.gaps.last().map(|range| range.last), Some(Seq::new(610)));
    repair(&disk, option.action).unwrap();
    repair(&disk, cut_from(610)).unwrap();
    assert!(check(&disk).is_sound(), "{}", check(&disk));
    assert_eq!(cents(&disk), (609, 609 - 300));
}

/// Bytes after the seal of a segment, behind more damage than a check lists.
#[test]
fn bytes_after_a_seal_that_a_check_does_not_list_are_given_up_too() {
    let disk = SimDisk::new();
    let till: Image<Till> = options().segment_bytes(256 << 10).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    (0..1_500).for_each(|_| assert!(till.put(1).is_ok()));
    Image::close(till).unwrap();
    let all = frames(&disk);
    let seals: Vec<_> = all.iter().filter(|frame| frame.kind == 5).collect();
    let sealed = seals[seals.len() - 1];
    let damaged = all.iter().filter(|frame| frame.kind == 1 && frame.path < sealed.path).step_by(2).skip(1).take(300);
    for frame in damaged {
        disk.write(&frame.path, frame.offset + AFTER_HEADER + 5, &[0xA5; 4]).unwrap();
    }
    let end = sealed.offset + (sealed.len as u64).next_multiple_of(512);
    disk.write(&sealed.path, end, &[1]).unwrap();
    let option = offered(&disk).unwrap();
    repair(&disk, option.action).unwrap();
    assert!(check(&disk).is_sound(), "{}", check(&disk));
}
