//! Opening keeps segments before a gap in the journal, unless pruning gave them up. A check reports that the end of the
//! journal may be missing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::admin::{Repair, RepairAction, Severity};
use memimage::disk::{Disk, SimDisk};
use memimage::{Image, Retention, Seq};
use memimage_tests::{DiskMethod, GateDisk, files};

use super::check::check;
use super::model_versions::first::{Till, TillCommands as _};
use super::repair::{cents, repair, state_after};
use super::{IMAGE, frames, image, open, options, record};

const BEGIN: RepairAction = RepairAction::BeginAt(Seq::new(20));

fn segments(disk: &SimDisk) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "journal")).collect()
}

/// Whether the image still has a copy of each of these files.
fn is_kept(disk: &SimDisk, before: &SimDisk, paths: &[PathBuf]) -> bool {
    let after = files(disk);
    paths.iter().all(|path| after.values().any(|bytes| *bytes == before.read(path).unwrap()))
}

/// A journal with a missing second segment and a later snapshot.
fn without_second_segment() -> SimDisk {
    let disk = image(&[20]);
    let paths = segments(&disk);
    let behind = frames(&disk).into_iter().find(|frame| frame.path == paths[2]).unwrap();
    assert!(behind.first <= 21, "{behind:?}");
    disk.remove(&paths[1]).unwrap();
    disk
}

/// Regression: a repair that ran out of space left a base, and the next opening removed the intact segments before the gap.
#[test]
fn a_repair_without_space_keeps_the_segments_before_the_gap() {
    let intact = without_second_segment();
    let mut refused = 0;
    for writes in 0.. {
        let disk = intact.fork();
        let gate = GateDisk::new(disk.clone());
        let left = std::sync::atomic::AtomicI64::new(writes);
        gate.rule(move |call| match call.method {
            DiskMethod::Write if left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) <= 0 => {
                Err(ErrorKind::StorageFull.into())
            }
            _ => Ok(None),
        });
        let Err(error) = Repair::new(BEGIN).run_with(Arc::new(gate), IMAGE) else { break };
        assert_eq!(error.kind(), memimage::ErrorKind::StorageFull, "{error}");
        refused += u32::from(files(&disk) == files(&intact));
        if let Ok(till) = open::<Till>(&disk) {
            assert_eq!(till.read_uncommitted().unwrap().cents, state_after(30));
            drop(till);
        }
        assert!(is_kept(&disk, &intact, &segments(&intact)[..1]), "after {writes} writes\n{}", disk.trace());
    }
    assert!(refused >= 2, "a write before and one after the first copy of the base should fail: {refused}");
}

/// After a crash during the repair there may be a base. An opening then keeps the segments before the gap.
#[test]
fn opening_after_a_crash_keeps_the_segments_before_the_gap() {
    let intact = without_second_segment();
    let disk = intact.fork();
    let points = record(&disk);
    repair(&disk, BEGIN).unwrap();
    let mut reported = 0;
    for (operation, fork) in std::mem::take(&mut *points.lock().unwrap()) {
        for left in [fork.fork(), fork.crash(|_| false)] {
            let note = check(&left).findings.iter().any(|finding| finding.message.contains("is cut off from the rest"));
            if let Ok(till) = open::<Till>(&left) {
                assert_eq!(till.read_uncommitted().unwrap().cents, state_after(30), "after {operation:?}");
                let aside = till.admin().stats().recovery.quarantined_segments.clone();
                assert_eq!(note, !aside.is_empty(), "after {operation:?}: {aside:?}");
                reported += u32::from(note);
                Image::close(till).unwrap();
            }
            assert!(is_kept(&left, &intact, &segments(&intact)[..1]), "after {operation:?}\n{}", left.trace());
        }
    }
    assert!(reported > 2, "{reported}");
}

/// A segment that a repair removed, or a segment of another image, is put back before the first segment of the journal.
#[test]
fn segments_put_back_before_a_gap_are_reported_and_kept() {
    for foreign in [false, true] {
        let disk = without_second_segment();
        let first = segments(&disk)[0].clone();
        let bytes = if foreign { image(&[]).read(&first).unwrap() } else { disk.read(&first).unwrap() };
        repair(&disk, BEGIN).unwrap();
        disk.create_new(&first).unwrap();
        disk.write(&first, 0, &bytes).unwrap();
        let checked = check(&disk);
        let found = checked.findings.iter().find(|finding| finding.path == first).unwrap();
        assert_eq!(found.severity, Severity::Warning, "{checked}");
        let till: Image<Till> = open(&disk).unwrap();
        let aside = till.admin().stats().recovery.quarantined_segments.clone();
        Image::close(till).unwrap();
        assert_eq!(disk.read(&aside[0]).unwrap(), bytes);
        assert!(disk.read(&first).is_err() && aside.len() == 1);
        assert_eq!(cents(&disk), (30, state_after(30)));
        assert!(check(&disk).worst() <= Some(Severity::Note), "{}", check(&disk));
    }
}

/// A journal that begins at its third segment or later.
fn pruned_twice() -> SimDisk {
    let disk = SimDisk::new();
    let options = options().retention(Retention::Events(0));
    let till: Image<Till> = options.open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    while segments(&disk)[0] < *Path::new("/till/journal/00000003.journal") {
        till.file(vec![7; 3_000]).unwrap();
        till.admin().snapshot().unwrap();
    }
    Image::close(till).unwrap();
    disk
}

/// Opening removes segments that a pruning gave up, but not segments of another image.
#[test]
fn pruned_segments_are_removed() {
    for foreign in [false, true] {
        let disk = pruned_twice();
        let paths = segments(&disk);
        let first = Path::new("/till/journal/00000001.journal").to_owned();
        let mut bytes = disk.read(&paths[0]).unwrap();
        bytes[112..120].copy_from_slice(&1u64.to_le_bytes());
        bytes[40] ^= u8::from(foreign);
        let checksum = crc32c::crc32c(&bytes[..4_092]);
        bytes[4_092..4_096].copy_from_slice(&checksum.to_le_bytes());
        disk.create_new(&first).unwrap();
        disk.write(&first, 0, &bytes).unwrap();
        let severity = if foreign { Severity::Warning } else { Severity::Note };
        assert_eq!(check(&disk).findings[0].severity, severity, "{}", check(&disk));
        let till: Image<Till> = open(&disk).unwrap();
        assert_eq!(till.admin().stats().recovery.quarantined_segments.len(), usize::from(foreign));
        assert!(disk.read(&first).is_err());
    }
}

/// With a missing or outdated `durable`, nothing shows whether segments are missing at the end.
#[test]
fn a_possibly_missing_end_is_reported() {
    for old in [None, Some(())] {
        let disk = image(&[]);
        let durable = Path::new("/till/journal/durable");
        let bytes = disk.read(durable).unwrap();
        let till: Image<Till> = open(&disk).unwrap();
        assert!(!till.admin().stats().recovery.uncertain);
        till.put(1).unwrap();
        Image::close(till).unwrap();
        assert!(check(&disk).findings.is_empty());
        match old {
            Some(()) => disk.write(durable, 0, &bytes).unwrap(),
            None => disk.remove(durable).unwrap(),
        }
        let checked = check(&disk);
        assert_eq!(checked.worst(), Some(Severity::Warning), "{checked}");
        assert!(checked.to_string().contains("events may be missing at the end of the journal"), "{checked}");
        let till: Image<Till> = open(&disk).unwrap();
        assert!(till.admin().stats().recovery.uncertain);
        Image::close(till).unwrap();
        let till: Image<Till> = open(&disk).unwrap();
        assert!(!till.admin().stats().recovery.uncertain);
    }
}
