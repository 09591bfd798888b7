//! The reports of checks and repairs are accurate: which events leave the journal, which file is foreign, and which files must be
//! kept.

use std::path::PathBuf;

use memimage::admin::{RepairAction, SeqRange, Severity};
use memimage::disk::{Disk, SimDisk};
use memimage::{ErrorKind, Seq};

use super::check::check;
use super::findings::{paths as ending, pruned};
use super::model_versions::first::Till;
use super::repair::{cut_from, damage, repair};
use super::segment_framing::{damage_header, segments};
use super::{frames, image, open};

/// Regression: the report said that beginning at a state loses no event, and did not say that it removes intact segments
/// from the journal.
#[test]
fn events_that_leave_the_journal_are_reported_though_the_state_keeps_them() {
    // a complete segment stays; one is rebuilt; none stays
    for (snapshot, damaged, is_whole) in [(12, &[2][..], true), (5, &[2], false), (12, &[7, 13], false)] {
        let disk = image(&[snapshot]);
        damaged.iter().for_each(|event| damage(&disk, *event));
        let (checked, begin) = (check(&disk), RepairAction::BeginAt(Seq::new(snapshot)));
        let option =
            checked.repairs().into_iter().find(|option| option.action == begin).unwrap_or_else(|| panic!("{checked}"));
        let retires = option.retired.unwrap_or_else(|| panic!("{checked}"));
        let expected = format!("removes {retires} from the journal, although the state keeps their effect");
        assert!(checked.to_string().contains(&expected), "{checked}");
        let others = checked.repairs().into_iter().filter(|option| option.action != begin);
        assert!(others.clone().count() > 0 && others.clone().all(|option| option.retired.is_none()), "{checked}");

        let starts: Vec<u64> =
            frames(&disk).iter().filter(|frame| frame.offset == 4_096).map(|frame| frame.first).collect();
        assert_eq!(starts.contains(&(retires.last.get() + 1)), is_whole, "{retires}: {starts:?}");
        let repaired = repair(&disk, begin).unwrap();
        assert_eq!((repaired.retired, repaired.lost), (option.retired, option.lost), "{repaired}");
        assert!(
            repaired
                .to_string()
                .contains(&format!("removed from the journal, although the state keeps their effect: {retires}")),
            "{repaired}"
        );
        assert!(repaired.to_string().contains("may have their only copy"), "{repaired}");
        let after = check(&disk);
        assert!(
            after.to_string().contains("events that a repair removed from the journal may exist only here"),
            "{after}"
        );
        // exactly these events are no longer in the journal
        let SeqRange { first, last } = retires;
        assert_eq!((Some(first), last), (checked.first, after.first.map_or(Seq::new(snapshot), before)), "{after}");
    }
    let disk = image(&[]);
    damage(&disk, 7);
    let repaired = repair(&disk, cut_from(7)).unwrap();
    assert!(repaired.retired.is_none() && !repaired.to_string().contains("from the journal, although"), "{repaired}");
}

fn before(seq: Seq) -> Seq {
    Seq::new(seq.get() - 1)
}

/// Regression: the report advised renaming a copy of a segment to the name of the intact segment, which would have
/// overwritten its events.
#[test]
fn a_copied_segment_is_not_recommended_in_place_of_the_intact_one() {
    let paths = segments(&image(&[]));
    let (path, other) = (&paths[1], &paths[2]);
    let name = other.file_name().unwrap().to_str().unwrap();
    let put = |disk: &SimDisk, path: &PathBuf, bytes: &[u8]| {
        disk.remove(path).unwrap();
        disk.create_new(path).unwrap().write_at(bytes, 0).unwrap();
    };
    let (renamed, copied) =
        (format!("if the file was renamed, rename it back to `{name}`"), format!("the file is a copy of `{name}`"));
    for how in 0..7 {
        let disk = image(&[]);
        let (was, bytes) = (disk.read(path).unwrap(), disk.read(other).unwrap());
        put(&disk, path, &bytes);
        let is_there = match how {
            0 => true,
            // a damaged header, or one damaged frame
            1 => {
                damage_header(&disk, other, 1);
                true
            }
            2 => {
                let first = frames(&image(&[])).into_iter().find(|frame| frame.path == *other).unwrap();
                disk.write(other, first.offset + 40, &[0xA5; 4]).unwrap();
                true
            }
            3 => {
                disk.remove(other).unwrap();
                false
            }
            // the two segments were swapped
            4 => {
                put(&disk, other, &was);
                false
            }
            // no frame of it is intact
            5 => {
                disk.write(other, 4_096, &vec![0xA5; bytes.len() - 4_096]).unwrap();
                false
            }
            _ => {
                disk.write(other, 0, &vec![0; bytes.len()]).unwrap();
                false
            }
        };
        let checked = check(&disk);
        let finding = checked.findings.iter().find(|finding| finding.path == *path).unwrap();
        assert_eq!(
            (finding.help.contains(&renamed), finding.help.contains(&copied)),
            (!is_there, is_there),
            "{how}: {checked}"
        );
    }
}

/// Regression: of two files of different images, the error named the second, even if the first was the foreign one.
#[test]
fn an_error_names_both_files_of_different_images_and_a_check_finds_the_foreign_one() {
    let other = image(&[]);
    let paths = segments(&other);
    for foreign in [0, 1] {
        let disk = image(&[]);
        disk.write(&paths[foreign], 0, &other.read(&paths[foreign]).unwrap()).unwrap();
        let error = open::<Till>(&disk).unwrap_err();
        assert!(
            error.kind() == ErrorKind::Corrupt && error.to_string().contains("belong to different images"),
            "{error}"
        );
        assert!(paths[..2].iter().all(|path| error.to_string().contains(path.to_str().unwrap())), "{error}");
        let checked = check(&disk);
        let finding = checked.findings.iter().find(|finding| finding.message.contains("belongs to another image"));
        let finding = finding.unwrap_or_else(|| panic!("{checked}"));
        assert_eq!(finding.path, paths[foreign], "{checked}");
        assert!(
            finding.help.contains("if the file does not belong to this image, move it out of the image"),
            "{checked}"
        );
    }
    // also under another number; a foreign header before intact frames is not moved away
    let disk = image(&[]);
    disk.write(&paths[1], 0, &other.read(&paths[2]).unwrap()).unwrap();
    let report = check(&disk).to_string();
    assert!(
        report.contains("if the file does not belong to this image, move it out of the image")
            && !report.contains("if the file was renamed"),
        "{report}"
    );
    let disk = image(&[]);
    disk.write(&paths[1], 0, &other.read(&paths[1]).unwrap()[..4_096]).unwrap();
    let report = check(&disk).to_string();
    assert!(
        report.contains("belongs to another image")
            && !report.contains("if the file does not belong")
            && !report.contains("move the copy out of the image"),
        "{report}"
    );
}

/// Regression: without an intact segment header, all snapshots and bases were reported as foreign and superfluous.
#[test]
fn without_an_intact_header_no_file_is_called_foreign_or_superfluous() {
    for (disk, is_pruned) in [(image(&[12]), false), (pruned(), true)] {
        let was = check(&disk);
        segments(&disk).iter().enumerate().for_each(|(number, path)| damage_header(&disk, path, number as u64 % 3));
        let checked = check(&disk);
        let report = checked.to_string();
        for wrong in [
            "another image",
            "does not need this file",
            "the file is damaged, so how far",
            "open",
            "move the file out",
            "file is missing",
            "base is missing",
        ] {
            assert!(!report.contains(wrong), "{wrong}: {report}");
        }
        assert!(checked.repairs().is_empty() && !checked.is_sound(), "{report}");
        let kept = [ending(&disk, ".snapshot"), ending(&disk, ".base"), ending(&disk, "journal/durable")].concat();
        assert_eq!((kept.len() > 3, was.base.is_some()), (is_pruned, is_pruned), "{report}");
        for path in &kept {
            let finding =
                checked.findings.iter().find(|finding| finding.path == *path).unwrap_or_else(|| panic!("{report}"));
            let is_base = path.to_string_lossy().ends_with(".base");
            assert_eq!(finding.severity, if is_base { Severity::Damage } else { Severity::Warning }, "{report}");
            assert!(
                finding.message.contains(
                    "no segment header is readable, so it is not known whether the file belongs to this image"
                ),
                "{report}"
            );
            assert!(finding.help.contains("keep the file"), "{report}");
        }
    }
    // one intact header identifies the image of all files
    let disk = pruned();
    segments(&disk).iter().skip(1).for_each(|path| damage_header(&disk, path, 1));
    assert!(!check(&disk).to_string().contains("no segment header is readable"), "{}", check(&disk));
}

/// Regression: of a base with two damaged copies, each copy was called harmless because there was another one.
#[test]
fn a_base_with_two_damaged_copies_is_not_called_harmless() {
    let disk = pruned();
    let bases = ending(&disk, ".base");
    for damaged in [1, 2] {
        let disk = disk.fork();
        bases[..damaged].iter().for_each(|path| disk.write(path, 3, b"damaged").unwrap());
        let unusable = open::<Till>(&disk).unwrap().admin().stats().recovery.unusable_snapshots;
        assert_eq!(unusable.iter().filter(|(path, _)| bases.contains(path)).count(), damaged, "{unusable:?}");
        for (_, why) in unusable {
            assert!(!why.contains("lost") && !why.contains("does not need"), "{why}");
            assert!(why.contains("which says whether the image needs this file"), "{why}");
        }
    }
}
