//! Missing and wrong keys: each is reported as such before anything is changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::{Expect, expect};
use memimage::disk::SimDisk;
use memimage::{Error, ErrorKind, Keys, Options, Seq};
use memimage_tests::Ledger;

use super::*;

#[track_caller]
fn check(disk: &SimDisk, options: Options<Ledger>, text: Expect) -> Error {
    let error = assert_refused(disk, options);
    text.assert_eq(&error.to_string());
    assert_eq!(error.kind(), ErrorKind::Key, "{error}");
    assert!(
        error.kind() != ErrorKind::Corrupt
            && error.kind() != ErrorKind::Forged
            && error.kind() != ErrorKind::Incompatible
    );
    error
}

fn none() -> Keys {
    Keys::new(3, |_| None)
}

/// Keys with a newer current key, but without the key of the image.
fn newer() -> Keys {
    Keys::new(4, |number| (number == 4).then(|| key(CIPHER, 4)))
}

#[test]
fn an_encrypted_image_is_refused_without_its_keys() {
    let (disk, ..) = closed_image(ENCRYPTED);
    let mode = ENCRYPTED;
    check(
        &disk,
        PLAIN.options(),
        expect![
            "`/ledger/journal/00000001.journal` cannot be read with these keys, and nothing was changed: it is encrypted, but no encryption keys were given; help: pass key 3 to `encryption`"
        ],
    );
    check(
        &disk,
        CHAINED.options(),
        expect![
            "`/ledger/journal/00000001.journal` cannot be read with these keys, and nothing was changed: it is encrypted, but no encryption keys were given; help: pass key 3 to `encryption`"
        ],
    );
    check(
        &disk,
        mode.with(none(), none()),
        expect![
            "`/ledger` cannot be read with these keys, and nothing was changed: it needs key 3 of `encryption`, but the callback returned no key with this number; help: add the key to the program's key store"
        ],
    );
    check(
        &disk,
        mode.with(newer(), none()),
        expect![
            "`/ledger/journal/00000001.journal` cannot be read with these keys, and nothing was changed: it needs key 3 of `encryption`, but the callback returned no key with this number; help: add the key to the program's key store"
        ],
    );
    check(
        &disk,
        mode.with(keys(CHAIN), none()),
        expect![
            "`/ledger/journal/00000001.journal` cannot be read with these keys, and nothing was changed: the file does not match key 3 of `encryption`: either it was written with another key, or somebody without the key changed its first 4096 bytes; help: pass the key with which the image was written; if key 3 is that key, restore the file from a backup"
        ],
    );
}

#[test]
fn a_chained_image_is_refused_without_its_keys() {
    let (disk, ..) = closed_image(CHAINED);
    let mode = CHAINED;
    check(
        &disk,
        PLAIN.options(),
        expect![
            "`/ledger/journal/00000001.journal` cannot be read with these keys, and nothing was changed: it has a chain, but no chain keys were given; help: pass key 3 to `chain`"
        ],
    );
    check(
        &disk,
        mode.with(none(), none()),
        expect![
            "`/ledger` cannot be read with these keys, and nothing was changed: it needs key 3 of `chain`, but the callback returned no key with this number; help: add the key to the program's key store"
        ],
    );
    check(
        &disk,
        mode.with(none(), keys(CIPHER)),
        expect![
            "`/ledger/journal/00000001.journal` cannot be read with these keys, and nothing was changed: the file does not match key 3 of `chain`: either it was written with another key, or somebody without the key changed its first 4096 bytes; help: pass the key with which the image was written; if key 3 is that key, restore the file from a backup"
        ],
    );
}

/// Otherwise an attacker without a key could replace a protected image by an unprotected one.
#[test]
fn an_unprotected_image_is_refused_with_keys() {
    let (disk, ..) = closed_image(PLAIN);
    check(
        &disk,
        ENCRYPTED.options(),
        expect![
            "`/ledger/journal/00000001.journal` cannot be read with these keys, and nothing was changed: it is not encrypted, but keys were passed to `encryption`; help: do not pass them, or encrypt the image with `admin::Rewrite`"
        ],
    );
    check(
        &disk,
        CHAINED.options(),
        expect![
            "`/ledger/journal/00000001.journal` cannot be read with these keys, and nothing was changed: it has no chain, but keys were passed to `chain`; help: do not pass them, or chain the image with `admin::Rewrite`"
        ],
    );
    let (disk, ..) = closed_image(ENCRYPTED);
    assert_eq!(assert_refused(&disk, BOTH.options()).kind(), ErrorKind::Key);
    let (disk, ..) = closed_image(CHAINED);
    assert_eq!(assert_refused(&disk, BOTH.options()).kind(), ErrorKind::Key);
}

#[test]
fn without_a_current_key_no_image_is_created() {
    for mode in PROTECTED {
        let disk = SimDisk::new();
        let error = open(&disk, mode.with(none(), none())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key, "{error}");
        assert_eq!((disk.files(), disk.operations()), (Vec::new(), 0), "{mode:?}");
    }
}

#[test]
fn each_key_is_requested_once_by_its_number() {
    let (disk, digests, seq) = closed_image(ENCRYPTED);
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let counting = Keys::new(3, move |number| {
        assert_eq!(number, 3);
        counted.fetch_add(1, Ordering::SeqCst);
        Some(key(CIPHER, number))
    });
    let mut run = begin(&disk, ENCRYPTED.with(counting, none()), digests, seq);
    run_commands(&mut run);
    run.close();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// The same key may be used for encryption and for the chain.
#[test]
fn one_key_works_for_both() {
    let disk = SimDisk::new();
    let one = || BOTH.with(Keys::one(key(1, 2)), Keys::one(key(1, 2)));
    let mut run = begin(&disk, one(), Vec::new(), Seq::ZERO);
    run_commands(&mut run);
    let (digests, seq) = run.close();
    begin(&disk, one(), digests, seq);
    let error = assert_refused(&disk, BOTH.with(Keys::one(key(1, 2)), Keys::one(key(1, 3))));
    assert_eq!(error.kind(), ErrorKind::Key, "{error}");
}

#[test]
fn options_do_not_show_keys() {
    let shown = format!("{:?} {:?} {:?}", BOTH.options(), keys(1), key(0x5A, 0));
    assert!(!shown.contains("90") && !shown.to_lowercase().contains("5a"), "{shown}");
}
