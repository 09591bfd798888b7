//! Segments behind a missing segment are kept, unless they were pruned; and a check reports where the end of the journal may be
//! missing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::admin::{Repair, RepairAction, Severity};
use memimage::disk::{Disk, SimDisk};
use memimage::{Image, Retention, Seq};
use memimage_tests::{Act, GateDisk, files};

use super::check::check;
use super::model_versions::first::{Till, TillCommands as _};
use super::repair::{cents, repair, state_after};
use super::{IMAGE, frames, image, open, options, record};

const BEGIN: RepairAction = RepairAction::BeginAt(Seq::new(20));

fn segments(disk: &SimDisk) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "journal")).collect()
}

/// All that stood in these files stands somewhere in the image still.
fn is_kept(disk: &SimDisk, before: &SimDisk, paths: &[PathBuf]) -> bool {
    let after = files(disk);
    paths.iter().all(|path| after.values().any(|bytes| *bytes == before.read(path).unwrap()))
}

/// A journal whose second segment is missing, with a snapshot behind it.
fn without_the_second() -> SimDisk {
    let disk = image(&[20]);
    let paths = segments(&disk);
    let behind = frames(&disk).into_iter().find(|frame| frame.path == paths[2]).unwrap();
    assert!(behind.first <= 21, "{behind:?}");
    disk.remove(&paths[1]).unwrap();
    disk
}

/// A repair that had no room left a base behind, and the next opening removed what was whole before the missing segment.
#[test]
fn a_repair_without_room_leaves_the_choice_open() {
    let whole = without_the_second();
    let mut refused = 0;
    for writes in 0.. {
        let disk = whole.fork();
        let gate = GateDisk::new(disk.clone());
        let left = std::sync::atomic::AtomicI64::new(writes);
        gate.rule(move |call| match call.act {
            Act::Write if left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) <= 0 => {
                Err(ErrorKind::StorageFull.into())
            }
            _ => Ok(None),
        });
        let Err(error) = Repair::new(BEGIN).run_with(Arc::new(gate), IMAGE) else { break };
        assert_eq!(error.kind(), memimage::ErrorKind::StorageFull, "{error}");
        refused += u32::from(files(&disk) == files(&whole));
        if let Ok(till) = open::<Till>(&disk) {
            assert_eq!(till.read_uncommitted().unwrap().cents, state_after(30));
            drop(till);
        }
        assert!(is_kept(&disk, &whole, &segments(&whole)[..1]), "after {writes} writes\n{}", disk.trace());
    }
    assert!(refused >= 2, "once before the first copy of a base was made, and once after: {refused}");
}

/// A crash in the midst of it leaves a base, or not; whoever opens the image then loses nothing that stands before the gap.
#[test]
fn opening_after_a_crash_keeps_the_segments_that_are_cut_off() {
    let whole = without_the_second();
    let disk = whole.fork();
    let points = record(&disk);
    repair(&disk, BEGIN).unwrap();
    let mut told = 0;
    for (operation, fork) in std::mem::take(&mut *points.lock().unwrap()) {
        for left in [fork.fork(), fork.crash(|_| false)] {
            let note = check(&left)
                .findings
                .iter()
                .any(|finding| finding.message.contains("separates this one from the rest"));
            if let Ok(till) = open::<Till>(&left) {
                assert_eq!(till.read_uncommitted().unwrap().cents, state_after(30), "after {operation:?}");
                let aside = till.admin().stats().recovery.quarantined_segments.clone();
                assert_eq!(note, !aside.is_empty(), "after {operation:?}: {aside:?}");
                told += u32::from(note);
                Image::close(till).unwrap();
            }
            assert!(is_kept(&left, &whole, &segments(&whole)[..1]), "after {operation:?}\n{}", left.trace());
        }
    }
    assert!(told > 2, "{told}");
}

/// Somebody puts back what a repair took out, or a file of another image, before a journal that begins later.
#[test]
fn segments_put_back_before_a_gap_are_reported_and_kept() {
    for strange in [false, true] {
        let disk = without_the_second();
        let first = segments(&disk)[0].clone();
        let bytes = if strange { image(&[]).read(&first).unwrap() } else { disk.read(&first).unwrap() };
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

/// A journal that begins with its third segment, or a later one.
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

/// But what a pruning let go is removed, for that is what was asked for; unless it is another image's.
#[test]
fn pruned_segments_are_removed() {
    for strange in [false, true] {
        let disk = pruned_twice();
        let paths = segments(&disk);
        let first = Path::new("/till/journal/00000001.journal").to_owned();
        let mut bytes = disk.read(&paths[0]).unwrap();
        bytes[112..120].copy_from_slice(&1u64.to_le_bytes());
        bytes[40] ^= u8::from(strange);
        let checksum = crc32c::crc32c(&bytes[..4_092]);
        bytes[4_092..4_096].copy_from_slice(&checksum.to_le_bytes());
        disk.create_new(&first).unwrap();
        disk.write(&first, 0, &bytes).unwrap();
        let severity = if strange { Severity::Warning } else { Severity::Note };
        assert_eq!(check(&disk).findings[0].severity, severity, "{}", check(&disk));
        let till: Image<Till> = open(&disk).unwrap();
        assert_eq!(till.admin().stats().recovery.quarantined_segments.len(), usize::from(strange));
        assert!(disk.read(&first).is_err());
    }
}

/// Without `durable`, or with one from last week, nothing tells whether segments are missing at the end.
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
        assert!(checked.to_string().contains("goes unnoticed"), "{checked}");
        let till: Image<Till> = open(&disk).unwrap();
        assert!(till.admin().stats().recovery.uncertain);
        Image::close(till).unwrap();
        let till: Image<Till> = open(&disk).unwrap();
        assert!(!till.admin().stats().recovery.uncertain);
    }
}
