//! Promise 6: nothing is dropped silently.

use std::path::Path;

use memimage::disk::{Disk, SimDisk, Unsynced};
use memimage::{ErrorKind, Image, Position, SegmentId, Seq};
use memimage_tests::{DiskMethod, GateDisk, LedgerCommands, LedgerFile, changed, files};

use crate::{NONE, disks, hold, open, recovered, state, try_open};

const SEGMENT: &str = "/ledger/journal/00000001.journal";

/// The offset and length of each write to the first segment.
fn frames(disk: &GateDisk) -> Vec<(u64, usize)> {
    let calls = disk.trace().into_iter();
    calls
        .filter(|call| call.method == DiskMethod::Write && call.path == Path::new(SEGMENT))
        .map(|c| (c.offset, c.len))
        .collect()
}

#[test]
fn promise_6_a_torn_tail_is_quarantined_and_reported() {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.file(vec![3; 100]).unwrap();
    let acknowledged = state(&image);
    disk.trace();
    let gate = hold(&disk, DiskMethod::SyncData);
    let _pending = image.submit(LedgerFile { bytes: vec![7; 3_000] }).unwrap();
    gate.wait_until_reached();
    let (offset, len) = frames(&disk).pop().unwrap();
    let first = offset / 512;

    // the power fails, and one of the frame's sectors was not written
    for lost in 0..(len as u64).div_ceil(512) {
        let cut = sim.crash(|asked| !matches!(asked, Unsynced::Sector { path, index, .. } if path == Path::new(SEGMENT) && *index == first + lost));
        let torn = cut.read(SEGMENT).unwrap()[offset as usize..].to_vec();
        let end = torn.iter().rposition(|&byte| byte != 0).unwrap() + 1;

        let again = cut.fork();
        let image = open(&cut);
        assert_eq!((image.journal().seq(), state(&image)), (Seq::new(1), acknowledged), "without sector {lost}");
        let copy = image.admin().stats().recovery.quarantined.expect("the copy should be reported");
        // a crash during the repair leaves a temporary file, and the repair is repeated
        again.create_new(format!("{}.tmp", copy.display()).as_ref()).unwrap();
        assert_eq!(open(&again).admin().stats().recovery.quarantined.as_ref(), Some(&copy));
        assert!(copy.starts_with("/ledger/quarantine"), "{}", copy.display());
        assert_eq!(cut.read(&copy).unwrap(), torn[..end], "the copy should have the bytes");
        assert!(
            cut.read(SEGMENT).unwrap()[offset as usize..].iter().all(|&byte| byte == 0),
            "the torn bytes should be cleared"
        );
        Image::close(image).unwrap();

        let image = open(&cut);
        assert_eq!(image.admin().stats().recovery.quarantined, None, "the write should be repaired only once");
        assert!(cut.read(&copy).is_ok(), "the copy should stay");
        image.file(vec![9; 3_000]).unwrap();
    }
}

/// If no sector of the write reached the disk, there is nothing to report.
#[test]
fn promise_6_a_write_that_is_complete_or_missing_is_not_reported() {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.file(Vec::new()).unwrap();
    let gate = hold(&disk, DiskMethod::SyncData);
    let _pending = image.submit(LedgerFile { bytes: vec![7; 3_000] }).unwrap();
    gate.wait_until_reached();
    for survives in [false, true] {
        let image = open(&sim.crash(|_| survives));
        assert_eq!(image.admin().stats().recovery.quarantined, None);
        assert_eq!(image.query(|ledger| ledger.filed).unwrap(), if survives { 3_000 } else { 0 });
    }
}

/// An image with five events in the first segment, and the writes of all but the first.
fn five() -> (SimDisk, Vec<(u64, usize)>) {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.file(vec![0; 700]).unwrap();
    disk.trace();
    (1..5).for_each(|nth| assert!(image.file(vec![nth; 700]).is_ok()));
    Image::close(image).unwrap();
    // closing writes frames without events
    let mut frames = frames(&disk);
    frames.truncate(4);
    (sim, frames)
}

#[track_caller]
fn assert_refused(sim: &SimDisk, place: Position) {
    let before = files(sim);
    let error = try_open(sim).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(error.position(), Some(place), "{error}");
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    assert_eq!(changed(&before, &files(sim)), NONE);
    assert_eq!(try_open(sim).unwrap_err().position(), Some(place), "the second opening should also be refused");
}

fn place(offset: u64, seq: u64) -> Position {
    Position { segment: Some(SegmentId::new(1)), offset: Some(offset), seq: Some(Seq::new(seq)) }
}

#[test]
fn promise_6_a_flipped_byte_is_refused_with_its_position() {
    let (sim, frames) = five();
    for (nth, &(offset, len)) in frames.iter().enumerate() {
        // in the header, in the payload, and in the last byte
        for at in [0, 40, len / 2, len - 1] {
            let damaged = sim.fork();
            let at = offset + at as u64;
            let byte = damaged.read(SEGMENT).unwrap()[at as usize];
            damaged.write(SEGMENT, at, &[byte ^ 0x10]).unwrap();
            assert_refused(&damaged, place(offset, nth as u64 + 2));
        }
    }
    assert_eq!(recovered(&sim).filed, 5 * 700);
}

/// Zeros look like a clean end, but acknowledged events are proven to be synced, even the last one.
#[test]
fn promise_6_zeroed_acknowledged_events_are_refused_with_their_position() {
    let (sim, frames) = five();
    for (nth, &(offset, _)) in frames.iter().enumerate() {
        let len = sim.read(SEGMENT).unwrap().len() as u64;
        let damaged = sim.fork();
        damaged.write(SEGMENT, offset, &vec![0; (len - offset) as usize]).unwrap();
        assert_refused(&damaged, place(offset, nth as u64 + 2));
    }
}

#[test]
fn promise_6_a_truncated_segment_is_refused() {
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
