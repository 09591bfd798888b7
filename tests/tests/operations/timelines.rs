//! Snapshots from another timeline of the same image: of events that were given up, or of a diverged copy. They are intact
//! and have the image's UUID, but are not used.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::admin::{RepairAction, Severity, Void};
use memimage::disk::{Disk, SimDisk};
use memimage::{ErrorKind, Image, Options, Seq};
use memimage_tests::protection::{MODES, ProtectionMode};
use memimage_tests::{files, with_keys};

use super::check::{check, offers};
use super::model_versions::first::{Till, TillCommands as _};
use super::model_versions::generous::{self, TillCommands as _};
use super::repair::{cents, cut_from, damage, pruned, repair, state_after};
use super::{IMAGE, image, image_as, open, options};

fn snapshot(event: u64) -> PathBuf {
    PathBuf::from(format!("{IMAGE}/snapshot/{event:020}.snapshot"))
}

/// Writes a file; replaces an existing one.
fn put_file(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    if disk.read(path).is_ok() {
        disk.remove(path).unwrap();
    }
    let file = disk.create_new(path).unwrap();
    assert_eq!(file.write_at(bytes, 0).unwrap(), bytes.len());
    file.sync_all().unwrap();
    disk.sync_dir(path.parent().unwrap()).unwrap();
}

/// Adds events of `cents` each.
fn go_on(disk: &SimDisk, events: u64, cents: u64) {
    let till = open::<Till>(disk).unwrap();
    for _ in 0..events {
        till.put(cents).unwrap();
    }
    Image::close(till).unwrap();
}

/// Makes a snapshot after the last event.
fn make_snapshot(disk: &SimDisk) {
    let till = open::<Till>(disk).unwrap();
    till.admin().snapshot().unwrap();
    Image::close(till).unwrap();
}

/// The snapshot or base that opening starts from, and the number of snapshots that it skips because they are from another
/// timeline.
fn start(disk: &SimDisk) -> (Option<Seq>, usize) {
    let till = open::<Till>(&disk.fork()).unwrap_or_else(|error| panic!("{error}"));
    let recovery = till.admin().stats().recovery;
    let unusable = &recovery.unusable_snapshots;
    assert!(
        unusable.iter().all(|(_, reason)| reason.contains("the file belongs to another timeline of this image")),
        "{unusable:?}"
    );
    (recovery.snapshot, unusable.len())
}

/// Asserts that each snapshot and base is used once all newer ones are removed, and that the check reports nothing about
/// them.
fn assert_all_used(disk: &SimDisk, expected: (u64, u64)) {
    let checked = check(disk);
    assert!(checked.worst() <= Some(Severity::Note), "{checked}");
    let disk = disk.fork();
    for snapshot in &checked.snapshots {
        assert_eq!(start(&disk), (Some(*snapshot), 0), "{checked}");
        assert_eq!(cents(&disk.fork()), expected);
        disk.remove(&self::snapshot(snapshot.get())).unwrap();
    }
    assert_eq!(start(&disk), (checked.base, 0), "{checked}");
    assert_eq!(cents(&disk), expected);
}

/// Asserts that the check reports the snapshot, that opening does not use it, and that the offered repair moves it to the
/// quarantine.
fn assert_skipped(disk: &SimDisk, began: Option<u64>, what: &str, expected: (u64, u64)) {
    let checked = check(disk);
    let found: Vec<_> = checked.findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
    let [finding] = found[..] else { panic!("{checked}") };
    assert!(
        finding.message.contains("the file belongs to another timeline of this image")
            && finding.message.contains(what),
        "{checked}"
    );
    assert_eq!(
        (finding.severity, offers(&checked)),
        (Severity::Warning, vec![(RepairAction::Snapshots, 0)]),
        "{checked}"
    );
    assert_eq!(start(disk), (began.map(Seq::new), 1));
    assert_eq!(cents(&disk.fork()), expected);
    repair(disk, RepairAction::Snapshots).unwrap();
    assert_all_used(disk, expected);
}

/// Regression: after a cut and new events, a snapshot of the events that were given up was restored from the quarantine.
/// The image opened with that state, and a check called it sound.
#[test]
fn a_snapshot_of_events_that_were_given_up_is_not_used() {
    MODES.into_iter().for_each(a_snapshot_of_events_that_were_given_up_is_not_used_as);
}

fn a_snapshot_of_events_that_were_given_up_is_not_used_as(mode: ProtectionMode) {
    let disk = image_as(mode, &[5, 20]);
    damage(&disk, 9);
    repair(&disk, cut_from(9)).unwrap();
    go_on(&disk, 25, 1_000);
    let expected = (33, state_after(8) + 25_000);
    assert_all_used(&disk, expected);

    let put_away = files(&disk).into_iter().find(|(path, _)| path.ends_with("00000000000000000020.snapshot.0"));
    put_file(&disk, &snapshot(20), &put_away.unwrap().1);
    assert_skipped(&disk, Some(5), "the journal has another history up to event 20", expected);
}

/// Regression: a diverged copy of the image made a snapshot, which was put into the image, whose journal has its own digest
/// of that state. Opening used the snapshot, and then refused the image because of nondeterminism. Accepting the state, as the
/// error suggested, made the wrong state permanent.
#[test]
fn a_snapshot_of_a_diverged_copy_is_not_used() {
    let other_owner = "another owner wrote it in epoch 4";
    let other_history = "the journal has another history up to event 40";
    for (mode, (openings, what)) in
        MODES.into_iter().flat_map(|mode| [(mode, (0, other_owner)), (mode, (9, other_history))])
    {
        let disk = image_as(mode, &[5]);
        let copy = disk.fork();
        for (disk, cents) in [(&disk, 1), (&copy, 2)] {
            go_on(disk, 10, cents);
        }
        // after more openings, the epoch of the copy is one that the image never had
        (0..openings).for_each(|_| go_on(&copy, 0, 0));
        for (disk, cents) in [(&disk, 1), (&copy, 2)] {
            // the new segments are evidence of the owner in this epoch
            let till = open::<Till>(disk).unwrap();
            till.admin().snapshot().unwrap();
            (0..50).for_each(|_| _ = till.put(cents).unwrap());
            Image::close(till).unwrap();
            go_on(disk, 5, cents);
        }
        put_file(&disk, &snapshot(40), &copy.read(snapshot(40)).unwrap());
        assert_skipped(&disk, Some(5), what, (95, state_after(30) + 65));
    }
}

/// After a diverged state was accepted, the last digest for its seq counts.
#[test]
fn a_snapshot_of_a_state_that_was_accepted_is_used() {
    let disk = image(&[30]);
    let before = disk.read(snapshot(30)).unwrap();
    disk.remove(&snapshot(30)).unwrap();
    let opened = |disk: &SimDisk, options: Options<generous::Till>| -> Result<Image<generous::Till>, memimage::Error> {
        options.open_with(Arc::new(disk.clone()), IMAGE)
    };
    assert_eq!(opened(&disk, options()).unwrap_err().kind(), ErrorKind::Diverged);
    let till = opened(&disk, options().verify_digests(false)).unwrap();
    let accepted = till.read_uncommitted().unwrap().cents;
    assert_ne!(accepted, state_after(30));
    till.admin().snapshot().unwrap();
    Image::close(till).unwrap();
    let began = |disk: &SimDisk, options| {
        let till = opened(&disk.fork(), options).unwrap_or_else(|error| panic!("{error}"));
        (till.admin().stats().recovery.snapshot.is_some(), till.read_uncommitted().unwrap().cents)
    };
    assert!(check(&disk).worst().is_none(), "{}", check(&disk));
    assert_eq!(began(&disk, options()), (true, accepted));

    // the snapshot with the earlier digest is not used, unless digests are not verified
    put_file(&disk, &snapshot(30), &before);
    assert_eq!(began(&disk, options()), (false, accepted));
    assert_eq!(began(&disk, options().verify_digests(false)), (true, state_after(30)));
    assert!(check(&disk).findings[0].message.contains("another digest"), "{}", check(&disk));

    // after a later state was accepted, the check does not report the snapshot
    let till = opened(&disk, options().verify_digests(false)).unwrap();
    till.put(1).unwrap();
    till.admin().snapshot().unwrap();
    Image::close(till).unwrap();
    assert!(check(&disk).worst().is_none(), "{}", check(&disk));
}

#[test]
fn snapshots_of_several_openings_are_all_used() {
    for mode in MODES {
        let disk = image_as(mode, &[12]);
        for _ in 0..3 {
            go_on(&disk, 3, 10);
            make_snapshot(&disk);
            assert_all_used(&disk, cents(&disk.fork()));
        }
        // also a snapshot right after its last event and before the next one
        go_on(&disk, 1, 10);
        make_snapshot(&disk);
        go_on(&disk, 1, 10);
        assert_all_used(&disk, (41, state_after(30) + 110));
    }
}

#[test]
fn snapshots_around_a_cut_are_all_used() {
    for mode in MODES {
        let disk = image_as(mode, &[8]);
        damage(&disk, 9);
        repair(&disk, cut_from(9)).unwrap();
        assert_all_used(&disk, (8, state_after(8)));
        go_on(&disk, 3, 10);
        make_snapshot(&disk);
        go_on(&disk, 3, 10);
        assert_all_used(&disk, (14, state_after(8) + 60));
    }
}

/// The journal begins with an existing segment, with a rebuilt one, or with a new one after all others.
#[test]
fn snapshots_after_a_repair_that_begins_the_journal_later_are_all_used() {
    for (mode, damaged, begins) in MODES.into_iter().flat_map(|mode| [(mode, 2, 12), (mode, 9, 12), (mode, 29, 30)]) {
        let disk = image_as(mode, &[5, begins]);
        damage(&disk, damaged);
        repair(&disk, RepairAction::BeginAt(Seq::new(begins))).unwrap();
        let (last, all) = cents(&disk.fork());
        go_on(&disk, 3, 10);
        make_snapshot(&disk);
        go_on(&disk, 3, 10);
        assert_eq!(start(&disk), (Some(Seq::new(last + 3)), 0));
        disk.remove(&snapshot(last + 3)).unwrap();
        assert_eq!(start(&disk), (Some(Seq::new(begins)), 0));
        assert!(check(&disk).worst() <= Some(Severity::Note), "{}", check(&disk));
        assert_eq!(cents(&disk), (last + 6, all + 60));
    }
}

#[test]
fn snapshots_around_a_void_event_are_all_used() {
    for mode in MODES {
        let disk = image_as(mode, &[5, 20]);
        let void = with_keys!(mode, Void::new(Seq::new(10), "nobody paid it"));
        void.run_with(Arc::new(disk.clone()), IMAGE).unwrap();
        assert_all_used(&disk, (30, state_after(30) - 10));
        // at a seq with a digest from before the void
        make_snapshot(&disk);
        go_on(&disk, 3, 10);
        make_snapshot(&disk);
        assert_all_used(&disk, (33, state_after(30) + 20));
    }
}

#[test]
fn the_state_that_a_pruned_journal_starts_from_is_used() {
    for mode in MODES {
        let (disk, _, last, all) = pruned(mode);
        assert_all_used(&disk, (last.get(), all));
        go_on(&disk, 3, 10);
        make_snapshot(&disk);
        assert_all_used(&disk, (last.get() + 3, all + 30));
    }
}
