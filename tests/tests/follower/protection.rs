//! Followers of encrypted and chained images.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Key, Keys, Options, Seq};
use memimage_tests::protection::{MODES, PLAIN, ProtectionMode, keys};
use memimage_tests::{Ledger, LedgerCommands};

use super::{IMAGE, assert_follows, fill_segments, open_with, options};

fn with(mode: ProtectionMode, keys: &Keys) -> Options<Ledger> {
    let mut options = options();
    if mode.encrypted {
        options = options.encryption(keys.clone());
    }
    if mode.chained {
        options = options.chain(keys.clone());
    }
    options
}

#[test]
fn a_follower_with_the_keys_follows_and_is_promoted() {
    for mode in MODES {
        let disk = SimDisk::new();
        let image = open_with(&disk, with(mode, &keys()));
        let follower = with(mode, &keys()).follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
        fill_segments(&image, 20);
        image.admin().snapshot().unwrap();
        image.deposit(1, 1).unwrap();
        assert_follows(&follower, &image);
        let state = image.query(Ledger::clone).unwrap();
        Image::close(image).unwrap();
        let image = follower.promote().unwrap();
        assert_eq!(image.query(Ledger::clone).unwrap(), state, "{mode:?}");
        image.deposit(1, 1).unwrap();
        let again = with(mode, &keys()).follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
        assert_follows(&again, &image);
    }
}

#[test]
fn a_follower_without_the_right_keys_is_refused() {
    for mode in MODES.into_iter().filter(|mode| *mode != PLAIN) {
        let disk = SimDisk::new();
        let image = open_with(&disk, with(mode, &keys()));
        image.deposit(1, 1).unwrap();
        let wrong = Keys::one(Key::new([8; 32]));
        for options in [options(), with(mode, &wrong)] {
            let refused = options.follow_with(Arc::new(disk.clone()), IMAGE).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Key, "{mode:?}: {refused}");
        }
    }
}

/// A follower whose keys do not include the key of a later segment stops.
#[test]
fn a_rotated_key_that_the_follower_lacks_stops_it() {
    let rotated = |current| Keys::new(current, |number| Some(Key::new([number as u8; 32])));
    let old_only = Keys::new(1, |number| (number == 1).then(|| Key::new([1; 32])));
    let mode = ProtectionMode { encrypted: true, chained: false };
    let disk = SimDisk::new();
    let image = open_with(&disk, with(mode, &rotated(1)));
    image.deposit(1, 1).unwrap();
    let with_both = with(mode, &rotated(1)).follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let with_old = with(mode, &old_only).follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
    with_old.wait(Seq::new(1)).unwrap();
    Image::close(image).unwrap();
    let image = open_with(&disk, with(mode, &rotated(2)));
    fill_segments(&image, 20);
    assert_follows(&with_both, &image);
    let error = with_old.wait(image.journal().seq()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key, "{error}");
    assert!(with_old.seq() >= Seq::new(1));
}
