//! Operations on images that nobody runs: `memimage::admin::{check, repair, void}`.

#![allow(unreachable_pub, reason = "each module of `till` stands for a program with a model that all of it sees")]

mod till;
mod void;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use memimage::disk::{Operation, SimDisk};
use memimage::{Error, Image, Model, Options, SnapshotPolicy, Timestamp};

const IMAGE: &str = "/till";

/// Small segments, no snapshots but by hand, and a clock of its own.
fn options<M: Model>() -> Options<M> {
    let clock = AtomicU64::new(1_000_000);
    Image::options()
        .segment_size(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, Ordering::Relaxed)))
}

fn open<M: Model>(disk: &SimDisk) -> Result<Image<M>, Error> {
    options().open_with(Arc::new(disk.clone()), IMAGE)
}

/// Each operation of a disk, and the disk after it.
type Points = Vec<(Operation, SimDisk)>;

/// Records the operations on a disk.
fn record(disk: &SimDisk) -> Arc<Mutex<Points>> {
    let points = Arc::new(Mutex::new(Points::new()));
    let observed = Arc::clone(&points);
    disk.observe(move |operation, fork| observed.lock().unwrap().push((operation.clone(), fork.clone())));
    points
}
