//! Checks of an image's directory before it is opened, and the permissions of its files. `memimage/docs/SECURITY.md` has the
//! threat model.

mod nesting_depth;
mod writable_by_others;
mod links;
mod modes;
mod rewrite;

use std::path::Path;

use memimage::{Error, Image, Options, Retention, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, tear_last_frame};

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

/// An image with all kinds of files: several segments, a base of a pruned journal, two snapshots, and a quarantined copy.
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
    tear_last_frame(path);
    let image = open(path).unwrap();
    assert!(image.admin().stats().recovery.quarantined.is_some());
    Image::close(image).unwrap();
}
