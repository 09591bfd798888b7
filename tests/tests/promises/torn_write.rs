//! Promise 6: nothing is dropped silently.

use std::path::Path;

use memimage::disk::{Disk, SimDisk, Unsynced};
use memimage::{ErrorKind, Image, Position, SegmentId, Seq};
use memimage_tests::{Act, GateDisk, LedgerCommands, LedgerFile, changed, files};

use crate::{NONE, disks, hold, open, recovered, state, try_open};

const SEGMENT: &str = "/ledger/journal/00000001.journal";

/// Where the frames of the first segment were written.
fn frames(disk: &GateDisk) -> Vec<(u64, usize)> {
    let calls = disk.trace().into_iter();
    calls.filter(|call| call.act == Act::Write && call.path == Path::new(SEGMENT)).map(|c| (c.offset, c.len)).collect()
}

#[test]
fn promise_6_a_torn_tail_is_quarantined_and_reported() {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.file(vec![3; 100]).unwrap();
    let acknowledged = state(&image);
    disk.trace();
    let gate = hold(&disk, Act::SyncData);
    let _pending = image.submit(LedgerFile { bytes: vec![7; 3_000] }).unwrap();
    gate.is_reached();
    let (offset, len) = frames(&disk).pop().unwrap();
    let first = offset / 512;

    // the power fails, and one of the frame's sectors after the other was not written
    for lost in 0..(len as u64).div_ceil(512) {
        let cut = sim.crash(|asked| !matches!(asked, Unsynced::Sector { path, index, .. } if path == Path::new(SEGMENT) && *index == first + lost));
        let torn = cut.read(SEGMENT).unwrap()[offset as usize..].to_vec();
        let end = torn.iter().rposition(|&byte| byte != 0).unwrap() + 1;

        let again = cut.fork();
        let image = open(&cut);
        assert_eq!((image.journal().seq(), state(&image)), (Seq::new(1), acknowledged), "without sector {lost}");
        let copy = image.admin().stats().recovery.quarantined.expect("it is reported");
        // a repair that a crash cut short leaves its beginnings, and is done again
        again.create_new(format!("{}.tmp", copy.display()).as_ref()).unwrap();
        assert_eq!(open(&again).admin().stats().recovery.quarantined.as_ref(), Some(&copy));
        assert!(copy.starts_with("/ledger/quarantine"), "{}", copy.display());
        assert_eq!(cut.read(&copy).unwrap(), torn[..end], "the copy holds the bytes");
        assert!(cut.read(SEGMENT).unwrap()[offset as usize..].iter().all(|&byte| byte == 0), "its place is free");
        Image::close(image).unwrap();

        let image = open(&cut);
        assert_eq!(image.admin().stats().recovery.quarantined, None, "once is enough");
        assert!(cut.read(&copy).is_ok(), "the copy stays");
        image.file(vec![9; 3_000]).unwrap();
    }
}

/// The one thing that leaves no trace, since none of it ever came to the disk.
#[test]
fn promise_6_nothing_to_report_if_all_or_none_of_it_was_written() {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.file(Vec::new()).unwrap();
    let gate = hold(&disk, Act::SyncData);
    let _pending = image.submit(LedgerFile { bytes: vec![7; 3_000] }).unwrap();
    gate.is_reached();
    for survives in [false, true] {
        let image = open(&sim.crash(|_| survives));
        assert_eq!(image.admin().stats().recovery.quarantined, None);
        assert_eq!(image.query(|ledger| ledger.filed).unwrap(), if survives { 3_000 } else { 0 });
    }
}

/// Five events in the first segment; where they are, and all of the disk.
fn five() -> (SimDisk, Vec<(u64, usize)>) {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.file(vec![0; 700]).unwrap();
    disk.trace();
    (1..5).for_each(|nth| assert!(image.file(vec![nth; 700]).is_ok()));
    Image::close(image).unwrap();
    // what closing wrote holds no event
    let mut frames = frames(&disk);
    frames.truncate(4);
    (sim, frames)
}

#[track_caller]
fn is_refused(sim: &SimDisk, place: Position) {
    let before = files(sim);
    let error = try_open(sim).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(error.position(), Some(place), "{error}");
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    assert_eq!(changed(&before, &files(sim)), NONE);
    assert_eq!(try_open(sim).unwrap_err().position(), Some(place), "and refused again");
}

fn place(offset: u64, seq: u64) -> Position {
    Position { segment: Some(SegmentId::new(1)), offset: Some(offset), seq: Some(Seq::new(seq)) }
}

#[test]
fn promise_6_a_flipped_byte_is_refused_with_its_position() {
    let (sim, frames) = five();
    for (nth, &(offset, len)) in frames.iter().enumerate() {
        // in the header, in the payload, and in the last bytes
        for at in [0, 40, len / 2, len - 1] {
            let damaged = sim.fork();
            let at = offset + at as u64;
            let byte = damaged.read(SEGMENT).unwrap()[at as usize];
            damaged.write(SEGMENT, at, &[byte ^ 0x10]).unwrap();
            is_refused(&damaged, place(offset, nth as u64 + 2));
        }
    }
    assert_eq!(recovered(&sim).filed, 5 * 700);
}

/// Zeros look like a clean end. What was acknowledged is proven to have been there, also at the end.
#[test]
fn promise_6_acknowledged_events_that_are_zeros_now_are_refused_with_their_position() {
    let (sim, frames) = five();
    for (nth, &(offset, _)) in frames.iter().enumerate() {
        let len = sim.read(SEGMENT).unwrap().len() as u64;
        let damaged = sim.fork();
        damaged.write(SEGMENT, offset, &vec![0; (len - offset) as usize]).unwrap();
        is_refused(&damaged, place(offset, nth as u64 + 2));
    }
}

#[test]
fn promise_6_a_segment_that_was_cut_is_refused() {
    let (sim, frames) = five();
    for &(offset, _) in &frames {
        let damaged = sim.fork();
        damaged.truncate(SEGMENT, offset).unwrap();
        let before = files(&damaged);
        let error = try_open(&damaged).unwrap_err();
        assert!(
            error.kind() == ErrorKind::Corrupt && error.position().unwrap().segment == Some(SegmentId::new(1)),
            "{error}"
        );
        assert_eq!(changed(&before, &files(&damaged)), NONE);
    }
}
