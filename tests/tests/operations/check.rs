//! `memimage::admin::check` reports damage and the repairs that apply, and changes nothing.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memimage::admin::{Check, CheckReport, RepairAction, Severity, check_with};
use memimage::disk::{Disk, SimDisk};
use memimage::{ErrorKind, Image, Retention, Seq};
use memimage_tests::{changed, files};

use super::frame_edits::AFTER_HEADER;
use super::model_versions::first::{self, TillCommands as _};
use super::{IMAGE, frames, image, mode, open, options, with_keys};

pub(super) fn check(disk: &SimDisk) -> CheckReport {
    let before = files(disk);
    let checked = with_keys!(mode(disk), Check::new()).run_with(Arc::new(disk.clone()), IMAGE);
    let checked = checked.unwrap_or_else(|error| panic!("{error}"));
    assert!(changed(&before, &files(disk)).is_empty(), "a check changes nothing");
    checked
}

/// The repairs that a report offers, with the number of events that each loses. `give_up.rs` covers the repair that is left out here.
pub(super) fn offers(checked: &CheckReport) -> Vec<(RepairAction, u64)> {
    let repairs = checked.repairs();
    let others = repairs.iter().filter(|option| !matches!(option.action, RepairAction::GiveUp(_)));
    others.map(|option| (option.action, option.lost.map_or(0, |loses| loses.events()))).collect()
}

#[test]
fn a_report_of_a_sound_image_has_its_numbers() {
    let disk = image(&[]);
    let checked = check(&disk);
    assert!(checked.is_sound() && checked.worst().is_none(), "{checked}");
    assert_eq!((checked.first, checked.last, checked.durable), (Some(Seq::new(1)), Some(Seq::new(30)), Seq::new(30)));
    assert_eq!((checked.events, checked.owner.as_deref(), checked.model.as_deref()), (30, None, Some("Till")));
    assert!(checked.segments >= 4 && checked.frames > 30 && checked.epoch == 2, "{checked}");
    assert!(checked.to_string().ends_with("sound"), "{checked}");
}

#[test]
fn a_path_without_an_image_is_an_error() {
    let disk = SimDisk::new();
    assert!(check_with(Arc::new(disk.clone()), IMAGE).unwrap_err().kind() == ErrorKind::NotFound);
    disk.create_dir(Path::new("/other")).unwrap();
    disk.create_new(Path::new("/other/file")).unwrap();
    assert_eq!(check_with(Arc::new(disk), "/other").unwrap_err().kind(), ErrorKind::NotAnImage);
}

/// Changes a byte at many offsets of each file. If opening refuses the image, the check reports damage; the check never
/// panics.
#[test]
fn everything_that_opening_refuses_is_damage() {
    let intact = image(&[12]);
    let (mut damaged, mut other) = (0, 0);
    for (path, bytes) in files(&intact) {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        // the first bytes of each sector, and some of the zeros after them
        for at in (0..used.max(1)).step_by(211).chain([4_096, 4_100, bytes.len() - 1]).filter(|at| *at < bytes.len()) {
            let disk = intact.fork();
            disk.write(&path, at as u64, &[bytes[at] ^ 0x10]).unwrap();
            let checked = check(&disk);
            match open::<first::Till>(&disk.fork()) {
                Ok(till) => {
                    assert_eq!(till.journal().seq(), Seq::new(30));
                    other += 1;
                }
                Err(error) => {
                    assert!(!checked.is_sound(), "{}, byte {at}: refused ({error}), but {checked}", path.display());
                    assert!(!checked.repairs().is_empty(), "{checked}");
                    damaged += 1;
                }
            }
        }
        let disk = intact.fork();
        disk.truncate(&path, bytes.len() as u64 / 2).unwrap();
        assert!(check(&disk).worst() > Some(Severity::Note), "{}", path.display());
    }
    assert!(damaged > 50 && other > 10, "{damaged} {other}");
}

#[test]
fn the_report_names_the_events_that_each_repair_loses() {
    let disk = image(&[12]);
    let frame = frames(&disk).into_iter().find(|frame| frame.first == 7 && frame.count > 0).unwrap();
    disk.write(&frame.path, frame.offset + AFTER_HEADER + 10, &[0xFF; 3]).unwrap();
    let checked = check(&disk);
    let finding = &checked.findings[0];
    assert_eq!((finding.severity, &finding.path), (Severity::Damage, &frame.path));
    assert_eq!((finding.position.offset, finding.position.seq), (Some(frame.offset), Some(Seq::new(7))));
    assert_eq!(offers(&checked), [(RepairAction::BeginAt(Seq::new(12)), 0), (RepairAction::CutFrom(Seq::new(7)), 24)]);
    let report = checked.to_string();
    assert!(report.contains("RepairAction::CutFrom(Seq::new(7))): loses events 7 to 30"), "{report}");
    assert!(report.ends_with("damaged"), "{report}");
}

#[test]
fn two_damaged_places_are_both_reported() {
    let disk = image(&[]);
    for first in [7, 15] {
        let frame = frames(&disk).into_iter().find(|frame| frame.first == first && frame.count > 0).unwrap();
        disk.write(&frame.path, frame.offset + AFTER_HEADER + 10, &[0xFF; 3]).unwrap();
    }
    let checked = check(&disk);
    let seqs: Vec<_> = checked.findings.iter().map(|finding| finding.position.seq.unwrap().get()).collect();
    assert_eq!(seqs, [7, 15]);
    assert_eq!(checked.events, 28);
    assert_eq!(offers(&checked), [(RepairAction::CutFrom(Seq::new(7)), 24)]);
}

/// The owner writes while the check reads. Unfinished writes are not reported as damage, and the report names the owner.
#[test]
fn a_check_of_an_image_in_use_reports_no_damage() {
    let disk = SimDisk::new();
    let till: Image<first::Till> =
        options().retention(Retention::Events(20)).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    till.put(1).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let done = Arc::clone(&done);
        move || {
            for round in 0.. {
                till.file(vec![round as u8; 700]).unwrap();
                if round % 40 == 0 {
                    till.admin().snapshot().unwrap();
                }
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
            till.journal().seq()
        }
    });
    let (mut last, mut readings) = (None, 0);
    // until many checks have run, and many events were written meanwhile
    while readings < 40 || last < Some(Seq::new(100)) {
        readings += 1;
        let checked = check_with(Arc::new(disk.clone()), IMAGE).unwrap_or_else(|error| panic!("{error}"));
        assert!(checked.is_sound(), "{checked}");
        assert!(checked.owner.as_deref().is_some_and(|owner| owner.starts_with("pid ")), "{checked}");
        assert!(checked.last >= last);
        last = checked.last;
    }
    done.store(true, Ordering::Relaxed);
    assert!(Some(writer.join().unwrap()) >= last);
}

#[test]
fn an_undecodable_event_is_reported_until_it_is_void() {
    let disk = image(&[]);
    // the payload of event 5 is not a valid `put`; the checksums are right
    super::frame_edits::replace_payload(&disk, 5, &[0xFF]);
    let checked = check(&disk);
    assert_eq!(checked.findings.len(), 1, "{checked}");
    assert!(checked.to_string().contains("`put` version 1"), "{checked}");
    assert!(checked.findings[0].help.contains("memimage::admin::void"), "{checked}");
    assert!(open::<first::Till>(&disk).unwrap_err().kind() == ErrorKind::Diverged);
    memimage::admin::Void::new(Seq::new(5), "unreadable").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let checked = check(&disk);
    assert!(checked.is_sound() && checked.voids.len() == 1 && checked.voids[0].seq == Seq::new(5), "{checked}");
    assert_eq!(open::<first::Till>(&disk).unwrap().journal().seq(), Seq::new(30));
}

#[test]
fn leftover_and_foreign_files_are_noted() {
    let disk = image(&[5, 12]);
    for (path, bytes) in [
        ("/till/journal/00000099.journal.tmp", &b"half"[..]),
        ("/till/notes.txt", b"mine"),
        ("/till/quarantine/00000001-0000004096-0.torn", b"torn"),
    ] {
        disk.create_new(Path::new(path)).unwrap().write_at(bytes, 0).unwrap();
    }
    disk.create_dir(Path::new("/.till.rewriting")).unwrap();
    disk.write("/till/snapshot/00000000000000000012.snapshot", 5_000, &[1; 8]).unwrap();
    disk.write("/till/journal/durable", 20, &[1; 8]).unwrap();
    let checked = check(&disk);
    assert!(checked.is_sound(), "{checked}");
    let found: Vec<_> =
        checked.findings.iter().map(|finding| (finding.severity, finding.path.to_str().unwrap())).collect();
    assert_eq!(
        found,
        [
            (Severity::Warning, "/till/snapshot/00000000000000000012.snapshot"),
            (Severity::Warning, "/till/journal/durable"),
            (Severity::Note, "/till/notes.txt"),
            (Severity::Note, "/till/journal/00000099.journal.tmp"),
            (Severity::Note, "/till/quarantine"),
            (Severity::Note, "/.till.rewriting"),
        ]
    );
    assert_eq!(checked.snapshots, [Seq::new(5)]);
    assert_eq!(offers(&checked), [(RepairAction::Snapshots, 0)]);
}

/// A pruned journal with a base and a later snapshot.
fn pruned() -> SimDisk {
    let disk = SimDisk::new();
    let options = options::<first::Till>().retention(Retention::Events(4));
    let till = options.open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    for event in 1..=60 {
        till.file(vec![event as u8; 2_000]).unwrap();
        if event % 10 == 0 {
            till.admin().snapshot().unwrap();
        }
    }
    Image::close(till).unwrap();
    let checked = check(&disk);
    assert!(checked.worst().is_none() && checked.base.is_some() && checked.first > Some(Seq::new(1)), "{checked}");
    disk
}

fn remove(disk: &SimDisk, endings: &[&str]) {
    let is_one = |path: &&std::path::PathBuf| endings.iter().any(|end| path.to_string_lossy().ends_with(end));
    for path in disk.files().iter().filter(is_one) {
        disk.remove(path).unwrap();
    }
}

/// Regression: a check called a pruned image sound although it could not be opened.
#[test]
fn a_pruned_journal_without_a_state_to_start_from_is_damaged() {
    let disk = pruned();
    remove(&disk, &[".base"]);
    let checked = check(&disk);
    assert!(checked.worst() == Some(Severity::Warning), "{checked}");
    assert!(checked.to_string().contains("the base is missing"), "{checked}");
    open::<first::Till>(&disk.fork()).unwrap();
    remove(&disk, &[".snapshot"]);
    let checked = check(&disk);
    assert!(!checked.is_sound(), "{checked}");
    assert!(checked.to_string().contains("restore a base or a snapshot from a backup"), "{checked}");
    open::<first::Till>(&disk).unwrap_err();
}

/// Regression: leftovers of older bases made every check offer a repair that did not remove them.
#[test]
fn leftovers_of_older_bases_are_not_damage() {
    let disk = pruned();
    let bases: Vec<_> = files(&disk).into_keys().filter(|path| path.to_string_lossy().ends_with(".base")).collect();
    for path in &bases {
        disk.write(path, 4_100, b"damaged").unwrap();
    }
    let checked = check(&disk);
    assert!(!checked.is_sound(), "{checked}");
    // opening creates a base from the snapshot
    Image::close(open::<first::Till>(&disk).unwrap()).unwrap();
    let checked = check(&disk);
    assert!(checked.is_sound() && checked.repairs().is_empty(), "{checked}");

    // a single copy of an older base, which was about to be removed
    let disk = pruned();
    let older = Path::new(IMAGE).join("journal/00000000000000000009.2.base");
    disk.create_new(&older).unwrap();
    let checked = check(&disk);
    assert!(checked.is_sound() && checked.repairs().is_empty(), "{checked}");
}
