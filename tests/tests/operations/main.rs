//! Operations on images that nobody runs: `memimage::admin::{check, repair, void}`.

#![allow(
    unreachable_pub,
    reason = "each module of `model_versions` stands for a program with a model that all of it sees"
)]

mod concurrent_checks;
mod findings;
mod cut_off_segments;
mod combined_damage;
mod check;
mod crashes;
mod failures;
mod protection;
mod frame_edits;
mod timelines;
mod repair_sequences;
mod decision_durability;
mod repair;
mod report_guidance;
mod repair_cases;
mod model_versions;
mod void;
mod segment_framing;
mod report_accuracy;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use memimage::disk::{Operation, SimDisk};
use memimage::{Error, Image, Model, Options, SnapshotPolicy, Timestamp};

use frame_edits::frames;
use model_versions::first::{Till, TillCommands as _};
use protection::{Form, PLAIN, form, with_keys};

const IMAGE: &str = "/till";

/// Small segments, no snapshots but by hand, and a clock of its own.
fn options<M: Model>() -> Options<M> {
    let clock = AtomicU64::new(1_000_000);
    Image::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, Ordering::Relaxed)))
}

fn open<M: Model>(disk: &SimDisk) -> Result<Image<M>, Error> {
    open_as(form(disk), disk)
}

/// Opens an image of this form, or makes it.
fn open_as<M: Model>(form: Form, disk: &SimDisk) -> Result<Image<M>, Error> {
    with_keys!(form, options()).open_with(Arc::new(disk.clone()), IMAGE)
}

/// Thirty events in at least three segments, with a snapshot after each of these; closed.
fn image(snapshots: &[u64]) -> SimDisk {
    image_as(PLAIN, snapshots)
}

/// The same, of this form.
fn image_as(form: Form, snapshots: &[u64]) -> SimDisk {
    let disk = SimDisk::new();
    let till = open_as::<Till>(form, &disk).unwrap();
    for event in 1..=30 {
        match event % 3 {
            0 => till.file(vec![event as u8; 2_000]).unwrap(),
            _ => drop(till.put(event).unwrap()),
        }
        if snapshots.contains(&event) {
            till.admin().snapshot().unwrap();
        }
    }
    Image::close(till).unwrap();
    disk
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
