//! Following a check's report leads to an image that opens.

use std::path::{Path, PathBuf};

use memimage::admin::{RepairAction, Severity, check as check_real};
use memimage::disk::{Disk, SimDisk};
use memimage::{Image, Seq};
use memimage_tests::files;

use super::check::{check, offers};
use super::model_versions::first::{Till, TillCommands as _};
use super::repair::{cut_from, damage, repair};
use super::void::{BAD, recorded, void};
use super::{frames, image, open};

/// An image of thirty events with a snapshot after event 12, a torn write or a suspect tail, and a truncated preallocated
/// segment.
fn without_spare(suspect: bool) -> SimDisk {
    let disk = image(&[12]);
    let last = frames(&disk).into_iter().last().unwrap();
    let end = (last.offset as usize + last.len).next_multiple_of(512) as u64;
    match suspect {
        true => disk.write(&last.path, end, &[0x5A; 1_024]).unwrap(),
        false => disk.write(&last.path, end + 512, &[0x5A; 512]).unwrap(),
    }
    let spare = files(&disk).into_keys().filter(|path| path.to_string_lossy().ends_with(".journal")).max().unwrap();
    assert!(spare > last.path, "a preallocated segment");
    disk.truncate(&spare, 4_096).unwrap();
    disk
}

/// Regression: for a torn write before a damaged preallocated segment, the check offered only to clear the tail, and the
/// image did not open after that.
#[test]
fn the_reported_repairs_of_several_damages_lead_to_an_image_that_opens() {
    for suspect in [false, true] {
        for damaged in [None, Some(7)] {
            let disk = without_spare(suspect);
            damaged.iter().for_each(|event| damage(&disk, *event));
            let checked = check(&disk);
            assert!(!checked.is_sound(), "{checked}");
            let repairs = checked.repairs();
            let best = repairs.first().unwrap_or_else(|| panic!("{checked}"));
            repair(&disk, best.action).unwrap_or_else(|error| panic!("{error}\n{checked}"));
            if let Some(then) = best.next {
                repair(&disk, then).unwrap_or_else(|error| panic!("{error}\n{checked}"));
            }
            assert!(check(&disk).is_sound(), "after {checked}\n{}", check(&disk));
            assert_eq!(open::<Till>(&disk).unwrap().journal().seq(), Seq::new(30));
        }
    }
}

/// Regression: a check called an image sound although opening refuses files with several hard links, because it writes to
/// them.
#[test]
fn a_hard_link_that_opening_refuses_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let till = Image::<Till>::open(&path).unwrap();
    for cents in 1..=3 {
        till.put(cents).unwrap();
    }
    Image::close(till).unwrap();
    assert!(check_real(&path).unwrap().worst().is_none(), "{}", check_real(&path).unwrap());
    let other = dir.path().join("hard");
    let names: Vec<PathBuf> =
        std::fs::read_dir(path.join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut refused = 0;
    for file in names.into_iter().chain([path.join("LOCK")]) {
        std::fs::hard_link(&file, &other).unwrap();
        let checked = check_real(&path).unwrap();
        let opened = Image::<Till>::open(&path);
        assert_eq!(checked.is_sound(), opened.is_ok(), "{}: {checked}", file.display());
        if opened.is_err() {
            let finding = checked.findings.iter().find(|finding| finding.severity == Severity::Damage).unwrap();
            assert!(finding.path == file && finding.message.contains("hard link"), "{checked}");
            assert!(finding.help.contains("remove the file's other name"), "{checked}");
            refused += 1;
        }
        std::fs::remove_file(&other).unwrap();
    }
    assert!(refused >= 3, "{refused}");
    Image::<Till>::open(&path).unwrap();
}

/// A report has a maximum number of findings. Damage is listed even if there are more notes than that.
#[test]
fn damage_is_reported_before_notes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    Image::<Till>::open(&path).unwrap().put(1).unwrap();
    (0..1_100).for_each(|stray| std::fs::write(path.join(format!("journal/stray{stray}")), "").unwrap());
    assert!(check_real(&path).unwrap().is_sound());
    std::fs::hard_link(path.join("LOCK"), dir.path().join("hard")).unwrap();
    let checked = check_real(&path).unwrap();
    assert!(!checked.is_sound() && checked.unlisted > 0 && Image::<Till>::open(&path).is_err(), "{checked}");
}

#[test]
fn a_torn_write_is_called_unsynced_only_where_that_is_known() {
    for durable in [true, false] {
        let disk = image(&[]);
        let last = frames(&disk).into_iter().last().unwrap();
        let end = (last.offset as usize + last.len).next_multiple_of(512) as u64;
        disk.write(&last.path, end + 512, &[0x5A; 512]).unwrap();
        if !durable {
            disk.remove(Path::new("/till/journal/durable")).unwrap();
        }
        let checked = check(&disk);
        assert_eq!(checked.to_string().contains("the write was never synced"), durable, "{checked}");
        assert_eq!(checked.to_string().contains("it is not known whether the write was synced"), !durable, "{checked}");
    }
}

/// Regression: the report called damage to a decision harmless.
#[test]
fn an_unreadable_decision_is_reported() {
    let disk = recorded(&[]);
    void(&disk, BAD).unwrap();
    let frame = frames(&disk).into_iter().find(|frame| frame.kind == 7).unwrap();
    disk.write(&frame.path, frame.offset + 70, &[0xFF; 3]).unwrap();
    let checked = check(&disk);
    assert!(!checked.is_sound(), "{checked}");
    // the later frames name the number of decisions before them
    let what = "a cut also gives up 1 decision that made events void, and no readable frame says which events";
    assert!(checked.to_string().contains(what), "{checked}");
    let disk = image(&[]);
    damage(&disk, 7);
    assert!(!check(&disk).to_string().contains("decision"), "{}", check(&disk));
}

#[test]
fn a_repair_from_a_missing_state_is_refused_with_a_list_of_the_usable_states() {
    let disk = image(&[5, 12]);
    damage(&disk, 3);
    let error = repair(&disk, RepairAction::BeginAt(Seq::new(7))).unwrap_err().to_string();
    assert!(error.contains("the image has usable snapshots or bases after events 12, 5"), "{error}");
    let disk = image(&[]);
    damage(&disk, 3);
    let error = repair(&disk, RepairAction::BeginAt(Seq::new(7))).unwrap_err().to_string();
    assert!(error.contains("the image has no usable snapshot or base at all"), "{error}");
}

#[test]
fn each_repair_is_offered_once() {
    let disk = image(&[]);
    [7, 15, 20].iter().for_each(|event| damage(&disk, *event));
    let checked = check(&disk);
    assert_eq!((checked.findings.len(), offers(&checked)), (3, vec![(cut_from(7), 24)]), "{checked}");
    let report = checked.to_string();
    assert_eq!(report.matches("RepairAction::CutFrom(Seq::new(7))").count(), 1, "{report}");
    assert!(report.contains("\npossible repairs:\n"), "{report}");
}
