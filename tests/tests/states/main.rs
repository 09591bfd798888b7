//! States that are deep, that forget something when they are written, or whose order does not count.

mod deep;
mod digests;
mod incomplete;
mod unordered;

use std::path::PathBuf;
use std::sync::Arc;

use memimage::admin;
use memimage::disk::SimDisk;
use memimage::{Error, Image, Model, Options, SnapshotPolicy};

/// The path of the image on the simulated disk.
const IMAGE: &str = "/image";

fn options<M: Model>() -> Options<M> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual)
}

fn open<M: Model>(disk: &SimDisk) -> Result<Image<M>, Error> {
    options().open_with(Arc::new(disk.clone()), IMAGE)
}

/// Asserts that a check finds no damage.
#[track_caller]
fn assert_sound(disk: &SimDisk) {
    let report = admin::Check::new().run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert!(report.is_sound(), "{report}");
}

/// The files in a directory of the image.
fn files_in(disk: &SimDisk, directory: &str) -> Vec<PathBuf> {
    let directory = PathBuf::from(IMAGE).join(directory);
    disk.files().into_iter().filter(|path| path.parent() == Some(&directory)).collect()
}

fn snapshots(disk: &SimDisk) -> Vec<PathBuf> {
    files_in(disk, "snapshot")
}
