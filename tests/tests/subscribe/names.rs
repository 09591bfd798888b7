//! Names of subscriptions, and foreign files among theirs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Seq};
use memimage_tests::Ledger;

use super::{deposit, open, options};

#[test]
fn a_name_that_is_not_safe_on_every_disk_is_refused_and_leaves_nothing() {
    let disk = SimDisk::new();
    let image = open(&disk);
    let long = "n".repeat(300);
    for name in ["", ".", "..", "a/b", "/", "../x", "a\0b", "Mailer", "mailer.tmp", "größe", "a b", "a\n", &long] {
        let error = image.journal().subscribe_as(name, Seq::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidOption, "{name:?}");
        assert!(error.to_string().contains("help: use 1 to 64 of the characters"), "{error}");
        assert_eq!(image.journal().unsubscribe(name).unwrap_err().kind(), ErrorKind::InvalidOption, "{name:?}");
    }
    assert!(disk.files().iter().all(|path| !path.starts_with("/ledger/subscription")));
    let longest = "n".repeat(64);
    for name in ["a", "mailer-2_b", "0", "lock", &longest] {
        image.journal().subscribe_as(name, Seq::ZERO).unwrap();
    }
    assert_eq!(image.journal().subscriptions().unwrap().len(), 5);
}

#[test]
fn a_subscription_that_cannot_begin_leaves_nothing() {
    let disk = SimDisk::new();
    let image = open(&disk);
    assert_eq!(image.journal().subscribe_as("mailer", Seq::new(1)).unwrap_err().kind(), ErrorKind::OutOfRange);
    assert!(disk.files().iter().all(|path| !path.starts_with("/ledger/subscription")));
    assert!(!image.journal().unsubscribe("mailer").unwrap());
}

#[test]
fn links_among_the_files_of_subscriptions_are_refused_and_other_files_are_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    let image: Image<Ledger> = options().open(&path).unwrap();
    deposit(&image, 1);
    drop(image.journal().subscribe_as("mailer", Seq::ZERO).unwrap());
    Image::close(image).unwrap();
    let of_mailer = path.join("subscription/mailer");
    for own in [of_mailer.join("LOCK"), of_mailer.join("acknowledged"), path.join("subscription/mailer")] {
        let aside = dir.path().join("aside");
        fs::rename(&own, &aside).unwrap();
        symlink(&aside, &own).unwrap();
        let error = options().open(&path).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAnImage, "{error}");
        fs::remove_file(&own).unwrap();
        fs::rename(&aside, &own).unwrap();
    }
    fs::write(path.join("subscription/README"), "notes").unwrap();
    fs::create_dir(path.join("subscription/Old Name")).unwrap();
    fs::create_dir(path.join("subscription/half")).unwrap();
    let image = options().open(&path).unwrap();
    assert_eq!(image.journal().subscriptions().unwrap().len(), 1);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode(&of_mailer), mode(&of_mailer.join("acknowledged"))], [0o700, 0o600]);
}

#[test]
fn subscriptions_without_a_journal_are_not_taken_for_a_new_image() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    let image: Image<Ledger> = options().open(&path).unwrap();
    drop(image.journal().subscribe_as("mailer", Seq::ZERO).unwrap());
    Image::close(image).unwrap();
    fs::remove_dir_all(path.join("journal")).unwrap();
    assert_eq!(options().open(&path).map(drop).unwrap_err().kind(), ErrorKind::NotAnImage);
}

/// Regression: a listing tried the lock of each subscription to find out who has it, and for that moment a subscriber could not get it.
#[test]
fn a_listing_never_makes_a_subscriber_fail() {
    let dir = tempfile::tempdir().unwrap();
    let image: Image<Ledger> = options().open(dir.path().join("ledger")).unwrap();
    drop(image.journal().subscribe_as("mailer", Seq::ZERO).unwrap());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    assert_eq!(image.journal().subscriptions().unwrap().len(), 1);
                }
            });
        }
        let subscribed = (0..300).try_for_each(|_| image.journal().subscribe_as("mailer", Seq::ZERO).map(drop));
        is_over.store(true, Ordering::Relaxed);
        subscribed.unwrap();
    });
    let _mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    assert_eq!(image.journal().subscribe_as("mailer", Seq::ZERO).unwrap_err().kind(), ErrorKind::Locked);
}
