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
use super::segment_framing::{segments, spoil};
use super::{frames, image, open};

/// To begin at a state was offered as what loses no event, and took intact segments out of the journal without a word.
#[test]
fn events_that_leave_the_journal_are_reported_though_the_state_keeps_them() {
    // a whole segment stays; one is made again from within; nothing stays
    for (snapshot, damaged, is_whole) in [(12, &[2][..], true), (5, &[2], false), (12, &[7, 13], false)] {
        let disk = image(&[snapshot]);
        damaged.iter().for_each(|event| damage(&disk, *event));
        let (checked, begin) = (check(&disk), RepairAction::BeginAt(Seq::new(snapshot)));
        let mend =
            checked.repairs().into_iter().find(|mend| mend.action == begin).unwrap_or_else(|| panic!("{checked}"));
        let retires = mend.retired.unwrap_or_else(|| panic!("{checked}"));
        let told = format!("removes {retires} from the journal, though not from the state");
        assert!(checked.to_string().contains(&told), "{checked}");
        let others = checked.repairs().into_iter().filter(|mend| mend.action != begin);
        assert!(others.clone().count() > 0 && others.clone().all(|mend| mend.retired.is_none()), "{checked}");

        let starts: Vec<u64> =
            frames(&disk).iter().filter(|frame| frame.offset == 4_096).map(|frame| frame.first).collect();
        assert_eq!(starts.contains(&(retires.last.get() + 1)), is_whole, "{retires}: {starts:?}");
        let repaired = repair(&disk, begin).unwrap();
        assert_eq!((repaired.retired, repaired.lost), (mend.retired, mend.lost), "{repaired}");
        assert!(repaired.to_string().contains(&format!("removed {retires} from the journal")), "{repaired}");
        assert!(repaired.to_string().contains("may have their only copy"), "{repaired}");
        let after = check(&disk);
        assert!(after.to_string().contains("they may be the only copies of events"), "{after}");
        // those and no others are gone
        let SeqRange { first, last } = retires;
        assert_eq!((Some(first), last), (checked.first, after.first.map_or(Seq::new(snapshot), before)), "{after}");
    }
    let disk = image(&[]);
    damage(&disk, 7);
    let repaired = repair(&disk, cut_from(7)).unwrap();
    assert!(repaired.retired.is_none() && !repaired.to_string().contains("from the journal, though"), "{repaired}");
}

fn before(seq: Seq) -> Seq {
    Seq::new(seq.get() - 1)
}

/// To rename a file that is a copy of another segment was advised though that one was there: its events would have been overwritten.
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
            // its frames are good, whatever its header, and one of them is damaged
            1 => {
                spoil(&disk, other, 1);
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
            // they took each other's places
            4 => {
                put(&disk, other, &was);
                false
            }
            // nothing of it is left
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

/// The error named the second of two files of different images, also where that one was the good one.
#[test]
fn files_of_two_images_are_both_named_and_the_check_tells_which_is_foreign() {
    let other = image(&[]);
    let paths = segments(&other);
    for strange in [0, 1] {
        let disk = image(&[]);
        disk.write(&paths[strange], 0, &other.read(&paths[strange]).unwrap()).unwrap();
        let error = open::<Till>(&disk).unwrap_err();
        assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("are of different images"), "{error}");
        assert!(paths[..2].iter().all(|path| error.to_string().contains(path.to_str().unwrap())), "{error}");
        let checked = check(&disk);
        let finding = checked.findings.iter().find(|finding| finding.message.contains("belongs to another image"));
        let finding = finding.unwrap_or_else(|| panic!("{checked}"));
        assert_eq!(finding.path, paths[strange], "{checked}");
        assert!(finding.help.contains("if the file does not belong to this image, move it away"), "{checked}");
    }
    // under another number too; and with good frames, which are not to be moved away
    let disk = image(&[]);
    disk.write(&paths[1], 0, &other.read(&paths[2]).unwrap()).unwrap();
    let told = check(&disk).to_string();
    assert!(
        told.contains("if the file does not belong to this image, move it away")
            && !told.contains("if the file was renamed"),
        "{told}"
    );
    let disk = image(&[]);
    disk.write(&paths[1], 0, &other.read(&paths[1]).unwrap()[..4_096]).unwrap();
    let told = check(&disk).to_string();
    assert!(
        told.contains("belongs to another image")
            && !told.contains("if the file does not belong")
            && !told.contains("move it away"),
        "{told}"
    );
}

/// Without any header, all snapshots and bases were called another image's, and needed by nobody.
#[test]
fn without_an_intact_header_no_file_is_called_foreign_or_superfluous() {
    for (disk, is_pruned) in [(image(&[12]), false), (pruned(), true)] {
        let was = check(&disk);
        segments(&disk).iter().enumerate().for_each(|(number, path)| spoil(&disk, path, number as u64 % 3));
        let checked = check(&disk);
        let told = checked.to_string();
        for lie in [
            "another image",
            "skips it",
            "it is damaged, so how far",
            "open",
            "move it away",
            "file is missing",
            "base is missing",
        ] {
            assert!(!told.contains(lie), "{lie}: {told}");
        }
        assert!(checked.repairs().is_empty() && !checked.is_sound(), "{told}");
        let kept = [ending(&disk, ".snapshot"), ending(&disk, ".base"), ending(&disk, "journal/durable")].concat();
        assert_eq!((kept.len() > 3, was.base.is_some()), (is_pruned, is_pruned), "{told}");
        for path in &kept {
            let finding =
                checked.findings.iter().find(|finding| finding.path == *path).unwrap_or_else(|| panic!("{told}"));
            let is_base = path.to_string_lossy().ends_with(".base");
            assert_eq!(finding.severity, if is_base { Severity::Damage } else { Severity::Warning }, "{told}");
            assert!(
                finding
                    .message
                    .contains("the image that it belongs to is not known, since no segment header is readable"),
                "{told}"
            );
            assert!(finding.help.contains("keep it"), "{told}");
        }
    }
    // one header tells it of all
    let disk = pruned();
    segments(&disk).iter().skip(1).for_each(|path| spoil(&disk, path, 1));
    assert!(!check(&disk).to_string().contains("is not known, since no segment header"), "{}", check(&disk));
}

/// Of two copies of a base that were both damaged, each was said to be no loss, since there were two.
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
            assert!(!why.contains("nothing is lost, since"), "{why}");
            assert!(why.contains("nothing is lost as long as its other copy is intact"), "{why}");
        }
    }
}
