//! The directory is removed, cut by a repair, restored, or replaced under a follower: it stops, and says what happened.

use std::path::PathBuf;
use std::sync::Arc;

use memimage::Follower;
use memimage::admin::{Check, Repair, RepairAction, Rewrite};
use memimage::disk::{Disk as _, SimDisk};
use memimage::{ErrorKind, Image, Seq};
use memimage_tests::{Ledger, LedgerCommands};

use super::{
    IMAGE, assert_follows, between_calls, fill_segments, follow, follow_gated, open, paths, remove, replace, stopped,
};

const SHORTER: &str = "a repair gave up events, or an older copy of the image replaced it";

/// An image with events in several segments, closed.
fn image() -> SimDisk {
    let disk = SimDisk::new();
    let image = open(&disk);
    fill_segments(&image, 30);
    Image::close(image).unwrap();
    disk
}

fn assert_replaced(follower: &Follower<Ledger>, what: &str) {
    let error = stopped(follower);
    assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
    let text = error.to_string();
    assert!(text.contains(what), "{text}");
    let promoted = follower.clone().promote().unwrap_err();
    assert_eq!(*promoted.error(), error);
}

#[test]
fn a_removed_directory() {
    let disk = image();
    let (follower, gate) = follow_gated(&disk);
    between_calls(&gate, || remove(&disk));
    assert_replaced(&follower, "the directory was removed, or its files were");
    assert!(paths(&disk, IMAGE).is_empty(), "nothing was created");
}

#[test]
fn a_removed_journal() {
    let disk = image();
    let (follower, gate) = follow_gated(&disk);
    between_calls(&gate, || {
        for path in paths(&disk, "/ledger/journal") {
            disk.remove(&path).unwrap();
        }
    });
    assert_replaced(&follower, "the directory was removed, or its files were");
}

#[test]
fn another_image() {
    let (disk, other) = (image(), image());
    let (follower, gate) = follow_gated(&disk);
    between_calls(&gate, || replace(&disk, &other));
    assert_replaced(&follower, "the directory now contains another image");
}

#[test]
fn another_image_before_the_first_event() {
    let disk = SimDisk::new();
    Image::close(open(&disk)).unwrap();
    let (follower, gate) = follow_gated(&disk);
    between_calls(&gate, || replace(&disk, &image()));
    assert_replaced(&follower, "the directory now contains another image");
}

#[test]
fn a_rewritten_image() {
    let disk = image();
    let (follower, gate) = follow_gated(&disk);
    let other = disk.fork();
    Rewrite::<Ledger>::new().run_with(Arc::new(other.clone()), IMAGE, "/new").unwrap();
    remove(&other);
    other.rename("/new".as_ref(), IMAGE.as_ref()).unwrap();
    between_calls(&gate, || replace(&disk, &other));
    assert_replaced(&follower, "the directory now contains another image");
}

#[test]
fn an_older_copy() {
    let disk = image();
    let backup = disk.fork();
    let image = open(&disk);
    let (follower, gate) = follow_gated(&disk);
    image.deposit(1, 1).unwrap();
    assert_follows(&follower, &image);
    Image::close(image).unwrap();
    between_calls(&gate, || replace(&disk, &backup));
    assert_replaced(&follower, SHORTER);
}

#[test]
fn an_older_copy_in_which_a_program_went_on() {
    for events in [1, 2, 70] {
        let disk = image();
        let backup = disk.fork();
        let image = open(&disk);
        let (follower, gate) = follow_gated(&disk);
        image.deposit(1, 1).unwrap();
        image.deposit(1, 1).unwrap();
        assert_follows(&follower, &image);
        Image::close(image).unwrap();
        let other = open(&backup);
        fill_segments(&other, events);
        Image::close(other).unwrap();
        between_calls(&gate, || replace(&disk, &backup));
        assert_replaced(&follower, "the journal now has another history up to event 62");
    }
}

#[test]
fn an_equal_copy_is_no_replacement() {
    let disk = image();
    let (follower, gate) = follow_gated(&disk);
    let copy = disk.fork();
    let before = open(&copy);
    Image::close(before).unwrap();
    between_calls(&gate, || replace(&disk, &copy));
    let image = open(&disk);
    image.deposit(1, 1).unwrap();
    assert_follows(&follower, &image);
}

/// `journal/durable` only helps: without it, a follower goes on, and recovers if it must.
#[test]
fn a_damaged_watermark_is_no_replacement() {
    let disk = SimDisk::new();
    let pruned = || super::options().retention(memimage::Retention::Events(0));
    let image = super::open_with(&disk, pruned());
    let (follower, gate) = follow_gated(&disk);
    fill_segments(&image, 9);
    assert_follows(&follower, &image);
    for round in 0..3 {
        between_calls(&gate, || {
            disk.write("/ledger/journal/durable", 20, &[0x55; 8]).unwrap();
            if round == 1 {
                image.admin().snapshot().unwrap();
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(follower.lag().is_ok());
        image.deposit(1, 1).unwrap();
        assert_follows(&follower, &image);
    }
    Image::close(image).unwrap();
    disk.write("/ledger/journal/durable", 20, &[0x55; 8]).unwrap();
    let void = memimage::admin::Void::new(Seq::new(20), "a mistake");
    void.run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let image = super::open_with(&disk, pruned());
    image.deposit(1, 1).unwrap();
    assert_follows(&follower, &image);
    // the first recovery may not have known how many events are void
    assert!((1..=2).contains(&follower.recoveries()));
}

/// Damages the last frame with events, which is that of event 60.
fn damage(disk: &SimDisk) {
    let mut segments = paths(disk, "/ledger/journal");
    segments.retain(|path| path.to_string_lossy().ends_with(".journal"));
    let written = |path: &&PathBuf| disk.read(path).unwrap()[4096..].iter().any(|byte| *byte != 0);
    let path = segments.iter().rev().find(written).unwrap();
    let last = disk.read(path).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
    disk.write(path, last as u64 - 500, &[0x55; 64]).unwrap();
}

fn cut(disk: &SimDisk) {
    damage(disk);
    let report = Check::new().run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert!(report.to_string().contains("RepairAction::CutFrom(Seq::new(60))"), "{report}");
    Repair::new(RepairAction::CutFrom(Seq::new(60))).run_with(Arc::new(disk.clone()), IMAGE).unwrap();
}

#[test]
fn a_repair_that_gives_up_events() {
    let disk = image();
    let (follower, gate) = follow_gated(&disk);
    between_calls(&gate, || cut(&disk));
    assert_replaced(&follower, SHORTER);
    let image = open(&disk);
    image.deposit(3, 3).unwrap();
    assert_follows(&follow(&disk), &image);
}

/// A new owner writes other events in place of those that a repair gave up, before the follower looks again.
#[test]
fn other_events_in_place_of_those_that_were_given_up() {
    let disk = image();
    let (follower, gate) = follow_gated(&disk);
    between_calls(&gate, || {
        cut(&disk);
        let image = open(&disk);
        fill_segments(&image, 9);
        Image::close(image).unwrap();
    });
    assert_replaced(&follower, "the journal now has another history up to event 60");
}

/// The follower has not seen the change when it is promoted.
#[test]
fn a_promotion_on_another_history_is_refused() {
    let others: [&dyn Fn(&SimDisk); 4] = [
        &|disk| cut(disk),
        &|disk| replace(disk, &image()),
        &|disk| {
            cut(disk);
            let image = open(disk);
            fill_segments(&image, 9);
            Image::close(image).unwrap();
        },
        &|disk| remove(disk),
    ];
    for change in others {
        let disk = image();
        let (follower, gate) = follow_gated(&disk);
        let promoter = follower.clone();
        let mut promoted = None;
        between_calls(&gate, || {
            change(&disk);
            // the gate closes before the promotion looks at the directory
            promoted = Some(std::thread::spawn(move || promoter.promote().map(drop)));
        });
        let failed = promoted.unwrap().join().unwrap().unwrap_err();
        let kinds = [ErrorKind::Replaced, ErrorKind::NotFound];
        assert!(kinds.contains(&failed.error().kind()), "{failed}");
        assert_eq!(stopped(&follower).kind(), ErrorKind::Replaced);
    }
}
