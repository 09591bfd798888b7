//! What is refused of an image's directory before it is opened, and who may look into one. The threat model is in
//! `memimage/docs/SECURITY.md`.

mod exposed;
mod links;
mod modes;
mod rewrite;

use std::fs;
use std::path::{Path, PathBuf};

use memimage::{Error, Image, Options, Retention, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands};

fn options() -> Options<Ledger> {
    Image::options()
        .segment_size(16 << 10)
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
    image.close().unwrap();
    tear(path);
    let image = open(path).unwrap();
    assert!(image.stats().recovery.quarantined.is_some());
    image.close().unwrap();
}

/// Leaves the end of the journal as a power cut might: the last frame without one of its sectors, and nothing that proves
/// that it was ever synced.
fn tear(path: &Path) {
    const SECTOR: usize = 512;
    fs::remove_file(path.join("journal/durable")).unwrap();
    let segments = names(&path.join("journal"), ".journal");
    let (segment, mut bytes, last) = segments
        .into_iter()
        .rev()
        .find_map(|segment| {
            let bytes = fs::read(&segment).unwrap();
            let last = (4096..bytes.len()).step_by(SECTOR).rfind(|at| bytes[*at..].starts_with(b"MIfr"))?;
            Some((segment, bytes, last)).filter(|_| last > 4096)
        })
        .expect("a frame after the first of a segment");
    bytes[last + SECTOR..last + 2 * SECTOR].fill(0);
    fs::write(segment, bytes).unwrap();
}

/// The files in a directory whose names end so, in order.
fn names(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.to_string_lossy().ends_with(ending));
    names.sort();
    names
}
