//! The findings of a check are accurate: each damage is reported once, each repair that is offered works, and the reported loss is
//! the actual loss.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::admin::{CheckReport, RepairAction, Severity, check_with};
use memimage::disk::{Disk, SimDisk};
use memimage::{Image, Retention, Seq};
use memimage_tests::{DiskMethod, GateDisk};

use super::check::{check, offers};
use super::model_versions::first::{Till, TillCommands as _};
use super::repair::{cents, cut_from, damage, repair};
use super::{IMAGE, frames, image, open, options};

fn damages(checked: &CheckReport) -> Vec<&PathBuf> {
    let damages = checked.findings.iter().filter(|finding| finding.severity == Severity::Damage);
    damages.map(|finding| &finding.path).collect()
}

pub(super) fn paths(disk: &SimDisk, ending: &str) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

/// A pruned journal with a base and a later snapshot.
pub(super) fn pruned() -> SimDisk {
    let disk = SimDisk::new();
    let till = options::<Till>().retention(Retention::Events(40)).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    for event in 1..=120 {
        till.file(vec![event as u8; 2_000]).unwrap();
        if event % 10 == 0 {
            till.admin().snapshot().unwrap();
        }
    }
    Image::close(till).unwrap();
    assert!(check(&disk).base.is_some() && paths(&disk, ".journal").len() > 5, "{}", check(&disk));
    disk
}

/// Regression: a missing segment, or a segment of another image, was reported twice.
#[test]
fn a_missing_or_foreign_segment_is_reported_once() {
    let segments = paths(&image(&[]), ".journal");
    for path in &segments[..segments.len() - 1] {
        let disk = image(&[]);
        disk.remove(path).unwrap();
        assert_eq!(damages(&check(&disk)), [path], "{}", check(&disk));
        let (disk, other) = (image(&[]), image(&[]));
        disk.write(path, 0, &other.read(path).unwrap()).unwrap();
        assert_eq!(damages(&check(&disk)), [path], "{}", check(&disk));
    }
}

/// Regression: for a pruned journal with a missing segment, the check reported the segment before the first one as missing,
/// and offered only to begin at the newest state.
#[test]
fn a_missing_segment_of_a_pruned_journal_is_reported_and_can_be_cut_off() {
    let disk = pruned();
    let base = check(&disk).base.unwrap();
    for path in paths(&disk, ".snapshot") {
        disk.remove(&path).unwrap();
    }
    let segments = paths(&disk, ".journal");
    let frames = frames(&disk);
    let first = |path: &PathBuf| frames.iter().find(|frame| frame.path == *path).map_or(0, |frame| frame.first);
    let gone = segments.iter().position(|path| first(path) > base.get() + 8).unwrap();
    disk.remove(&segments[gone]).unwrap();
    let checked = check(&disk);
    assert_eq!(damages(&checked), [&segments[gone]], "{checked}");
    let from = first(&segments[gone]);
    assert_eq!(offers(&checked)[0].0, cut_from(from), "{checked}");
    assert!(open::<Till>(&disk.fork()).unwrap_err().to_string().contains(segments[gone].to_str().unwrap()));
    repair(&disk, cut_from(from)).unwrap();
    assert!(check(&disk).is_sound(), "{}", check(&disk));
    assert_eq!(cents(&disk), (from - 1, 2_000 * (from - 1)));
}

/// Regression: the check called an unusable snapshot harmless, and offered a repair of it that was then refused.
#[test]
fn a_damaged_snapshot_is_damage_if_its_state_cannot_be_replayed() {
    let disk = image(&[12]);
    let path = Path::new("/till/snapshot/00000000000000000012.snapshot");
    disk.write(path, 4_110, &[1, 2, 3]).unwrap();
    assert!(check(&disk).is_sound() && offers(&check(&disk)) == [(RepairAction::Snapshots, 0)], "{}", check(&disk));
    // event 20 is after the snapshot, so its state can be replayed; event 7 is before it
    for (event, is_last) in [(20, false), (7, true)] {
        let disk = disk.fork();
        damage(&disk, event);
        let checked = check(&disk);
        let finding = checked.findings.iter().find(|finding| finding.path == path).unwrap();
        assert_eq!(finding.severity == Severity::Damage, is_last, "{checked}");
        assert_eq!(finding.message.contains("nothing else in the image has its state"), is_last, "{checked}");
        for option in checked.repairs() {
            repair(&disk.fork(), option.action).unwrap_or_else(|error| panic!("it was offered: {error}"));
        }
    }
}

/// Regression: the check also called a damaged copy of a base harmless if both copies are damaged and there is no snapshot.
/// An opening names the bases and the reason. A base that nothing needs can be removed.
#[test]
fn the_report_says_whether_a_base_is_needed() {
    let disk = pruned();
    for path in paths(&disk, ".snapshot") {
        disk.remove(&path).unwrap();
    }
    let bases = paths(&disk, ".base");
    for path in &bases {
        disk.write(path, 3, b"damaged").unwrap();
    }
    let checked = check(&disk);
    assert!(bases.iter().all(|base| damages(&checked).contains(&base)), "{checked}");
    assert!(checked.to_string().contains("nothing else in the image has its state"), "{checked}");
    let error = open::<Till>(&disk).unwrap_err().to_string();
    assert!(bases.iter().all(|base| error.contains(base.to_str().unwrap())), "{error}");
    assert!(error.contains("does not start with the magic number of a snapshot"), "{error}");
    for path in &bases {
        disk.remove(path).unwrap();
    }
    let error = open::<Till>(&disk).unwrap_err().to_string();
    assert!(!error.trim_end().ends_with(':'), "{error}");

    let disk = image(&[]);
    let path = Path::new("/till/journal/00000000000000000009.1.base");
    disk.create_new(path).unwrap().write_at(b"garbage", 0).unwrap();
    let checked = check(&disk);
    assert!(
        checked.worst() == Some(Severity::Note) && checked.to_string().contains("move the file out of the image"),
        "{checked}"
    );
    disk.remove(path).unwrap();
    assert_eq!(cents(&disk).0, 30);
}

#[test]
fn an_unknown_sync_of_a_suspect_tail_is_reported() {
    for durable in [true, false] {
        let disk = image(&[]);
        let last = frames(&disk).into_iter().last().unwrap();
        let end = (last.offset as usize + last.len).next_multiple_of(512);
        disk.write(&last.path, end as u64, &vec![0x5A; 1_024]).unwrap();
        if !durable {
            disk.remove(Path::new("/till/journal/durable")).unwrap();
        }
        let checked = check(&disk);
        assert_eq!(checked.to_string().contains("it is not known whether the frame was synced"), !durable, "{checked}");
    }
}

#[test]
fn a_single_item_is_reported_in_the_singular() {
    let disk = image(&[5]);
    damage(&disk, 30);
    repair(&disk, cut_from(30)).unwrap();
    let report = check(&disk).to_string();
    assert!(report.contains("  snapshots after event 5\n"), "{report}");
    let copies = paths(&disk, ".0").len();
    assert!(copies > 1 && report.contains(&format!("{copies} copies of")), "{report}");
    for path in &paths(&disk, ".0")[1..] {
        disk.remove(path).unwrap();
    }
    assert!(check(&disk).to_string().contains("1 copy of"), "{}", check(&disk));
    let disk = SimDisk::new();
    open::<Till>(&disk).unwrap().put(1).unwrap();
    let report = check(&disk).to_string();
    assert!(report.contains(", 1 event, epoch ") && report.contains("  event 1; known to be synced"), "{report}");
    assert_eq!(check(&disk).last, Some(Seq::new(1)));
}

/// Regression: the header of a journal that a repair began does not record that it was pruned. If both copies of its base
/// were damaged, opening reported a missing segment and did not name the bases.
#[test]
fn a_pruned_journal_without_its_bases_names_them() {
    // a state in the first segment, and one in a later segment
    for (snapshot, event) in [(5, 3), (12, 11)] {
        let disk = image(&[snapshot]);
        damage(&disk, event);
        repair(&disk, RepairAction::BeginAt(Seq::new(snapshot))).unwrap();
        disk.remove(&paths(&disk, ".snapshot")[0]).unwrap();
        let bases = paths(&disk, ".base");
        for path in &bases {
            disk.write(path, 3, b"damaged").unwrap();
        }
        let error = open::<Till>(&disk).unwrap_err().to_string();
        let named = |base: &PathBuf| {
            error
                .contains(&format!("`{}`: the file does not start with the magic number of a snapshot", base.display()))
        };
        assert!(bases.len() == 2 && bases.iter().all(named), "{error}");
        assert!(!error.contains("00000000.journal"), "{error}");
        let checked = check(&disk);
        assert!(bases.iter().all(|base| damages(&checked).contains(&base)), "{checked}");
        assert!(!checked.to_string().contains("00000000.journal"), "{checked}");
    }
}

/// A check by a user without the permission to write, or on a read-only file system.
#[test]
fn a_file_that_this_user_cannot_write_to_is_a_warning() {
    for name in ["LOCK", "journal/durable", "journal/00000004.journal"] {
        let disk = image(&[]);
        let gate = GateDisk::new(disk.clone());
        gate.fail(DiskMethod::OpenToWrite, name, std::io::ErrorKind::PermissionDenied);
        let report = check_with(Arc::new(gate.clone()), IMAGE).unwrap();
        let found =
            report.findings.iter().find(|finding| finding.path.ends_with(name)).unwrap_or_else(|| panic!("{report}"));
        assert_eq!(found.severity, Severity::Warning, "{report}");
        assert!(report.is_sound(), "{report}");
        assert!(found.message.contains("this user cannot open it for writing"), "{report}");
        if name != "LOCK" {
            assert!(options::<Till>().open_with(Arc::new(gate), IMAGE).is_err(), "{name}");
        }
    }
}
