//! A position that does not fit the journal, because the image was restored, repaired or copied, is reported and never guessed.

use std::sync::Arc;

use memimage::admin::{Check, CheckReport};
use memimage::disk::{Disk, SimDisk};
use memimage::{ErrorKind, Image, Seq};

use super::{ACKNOWLEDGED, PATH, deposit, journal_of, next, open, seq, take};

/// An image with `events` events, of which the mailer has acknowledged `acknowledged`.
fn image_with(disk: &SimDisk, events: u64, acknowledged: usize) {
    let image = open(disk);
    deposit(&image, events);
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    for _ in 0..acknowledged {
        let event = next(&mut mailer);
        mailer.acknowledge(&event).unwrap();
    }
    drop(mailer);
    Image::close(image).unwrap();
}

fn put(to: &SimDisk, path: &str, bytes: &[u8]) {
    to.truncate(path, bytes.len() as u64).unwrap();
    to.write(path, 0, bytes).unwrap();
}

fn check(disk: &SimDisk) -> CheckReport {
    Check::new().run_with(Arc::new(disk.clone()), PATH).unwrap()
}

#[test]
fn a_check_knows_the_files_of_subscriptions_and_reports_positions_that_cannot_be_used() {
    let disk = SimDisk::new();
    image_with(&disk, 2, 1);
    let report = check(&disk);
    assert!(report.findings.is_empty(), "{report}");
    let backup = disk.fork();
    image_with(&disk, 4, 5);
    put(&backup, ACKNOWLEDGED, &disk.read(ACKNOWLEDGED).unwrap());
    let report = check(&backup).to_string();
    assert!(report.contains("has acknowledged event 6, but the journal ends with event 2"), "{report}");
    put(&backup, ACKNOWLEDGED, &[7; 1536]);
    let report = check(&backup);
    assert!(report.to_string().contains("it does not say which events the subscription `mailer`"), "{report}");
    assert!(report.is_sound(), "the image is intact without the position");
}

#[test]
fn a_position_beyond_the_end_of_a_restored_image_is_refused() {
    let disk = SimDisk::new();
    image_with(&disk, 2, 1);
    let backup = disk.fork();
    image_with(&disk, 4, 5);
    put(&backup, ACKNOWLEDGED, &disk.read(ACKNOWLEDGED).unwrap());
    for is_live in [true, false] {
        let image = open(&backup);
        let refused = match is_live {
            true => image.journal().subscribe_as("mailer", Seq::ZERO),
            false => journal_of(backup.clone()).subscribe_as("mailer", Seq::ZERO),
        };
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
        assert!(error.to_string().contains("has acknowledged event 6, but"), "{error}");
        assert!(error.to_string().contains("journal.unsubscribe(\"mailer\")"), "{error}");
        Image::close(image).unwrap();
    }
    // the way out
    let image = open(&backup);
    assert!(image.journal().unsubscribe("mailer").unwrap());
    assert_eq!(take(&mut image.journal().subscribe_as("mailer", seq(1)).unwrap(), 1), [2]);
}

#[test]
fn a_position_in_another_timeline_is_refused() {
    let disk = SimDisk::new();
    image_with(&disk, 3, 3);
    let copy = disk.fork();
    image_with(&disk, 3, 3);
    // the copy goes another way: its events 4 to 6 have the numbers of other events
    image_with(&copy, 3, 0);
    put(&copy, ACKNOWLEDGED, &disk.read(ACKNOWLEDGED).unwrap());
    let error = open(&copy).journal().subscribe_as("mailer", Seq::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
    assert!(error.to_string().contains("another event with this number"), "{error}");
}

#[test]
fn a_damaged_position_is_refused_and_listed() {
    let disk = SimDisk::new();
    image_with(&disk, 3, 2);
    let written = disk.read(ACKNOWLEDGED).unwrap();
    for (slots, left) in [(&[2][..], Some(1)), (&[2, 1], Some(0)), (&[2, 1, 0], None)] {
        put(&disk, ACKNOWLEDGED, &written);
        for offset in slots.iter().map(|slot| slot * 512 + 20) {
            disk.write(ACKNOWLEDGED, offset as u64, &[written[offset] ^ 1]).unwrap();
        }
        let image = open(&disk);
        let subscribed = image.journal().subscribe_as("mailer", Seq::ZERO);
        if let Some(position) = left {
            // a slot with an earlier position is intact: the events since come again
            let expected: Vec<u64> = (position + 1..=3).collect();
            assert_eq!(take(&mut subscribed.unwrap(), expected.len()), expected);
            continue;
        }
        let error = subscribed.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert_eq!(image.journal().subscriptions().unwrap()[0].acknowledged, None);
        assert!(image.journal().unsubscribe("mailer").unwrap());
    }
}

#[test]
fn a_position_of_another_image_is_refused() {
    let (disk, other) = (SimDisk::new(), SimDisk::new());
    image_with(&disk, 3, 2);
    image_with(&other, 3, 3);
    put(&disk, ACKNOWLEDGED, &other.read(ACKNOWLEDGED).unwrap());
    let error = open(&disk).journal().subscribe_as("mailer", Seq::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

#[test]
fn the_owner_finds_positions_without_a_clean_end() {
    let disk = SimDisk::new();
    image_with(&disk, 3, 2);
    let image = open(&disk);
    deposit(&image, 3);
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    let events: Vec<_> = (0..4).map(|_| next(&mut mailer)).collect();
    mailer.acknowledge(&events[3]).unwrap();
    mailer.sync_acknowledged().unwrap();
    // after a power cut no file may prove that event 6 was synced, although it is on disk
    let cut = disk.crash(|_| false);
    let mut beside = journal_of(cut.clone()).subscribe_as("mailer", Seq::ZERO).unwrap();
    assert_eq!(beside.acknowledged(), Some(seq(6)));
    assert!(beside.next_timeout(std::time::Duration::ZERO).unwrap().is_none());
    drop(beside);
    assert!(cut.kind(std::path::Path::new(ACKNOWLEDGED)).unwrap().is_some());
    let image = open(&cut);
    deposit(&image, 1);
    assert_eq!(take(&mut image.journal().subscribe_as("mailer", Seq::ZERO).unwrap(), 1), [7]);
}
