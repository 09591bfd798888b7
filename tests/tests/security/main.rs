//! What is refused of an image's directory before it is opened, and who may look into one. The threat model is in
//! `memimage/docs/SECURITY.md`.

mod nesting_depth;
mod writable_by_others;
mod links;
mod modes;
mod rewrite;

use std::path::Path;

use memimage::{Error, Image, Options, Retention, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, tear};

fn options() -> Options<Ledger> {
    Image::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .retention(Retention::Events(0))
        .verify_digests(true)
}

fn open(path: &Path) -> Result<Image<Ledger>, Error> {
    options().open(path)
}

/// What an image may have: several segments, pruned ones before them and so a base, two snapshots, a quarantined copy.
fn full_image(path: &Path) {
    let image = open(path).unwrap();
    for _ in 0..4 {
        for _ in 0..20 {
            image.file(vec![7; 1_000]).unwrap();
        }
        image.admin().snapshot().unwrap();
    }
    image.file(vec![7; 3_000]).unwrap();
    Image::close(image).unwrap();
    tear(path);
    let image = open(path).unwrap();
    assert!(image.admin().stats().recovery.quarantined.is_some());
    Image::close(image).unwrap();
}
