//! Operations on closed images: `memimage::admin::{check, repair, void}`.

#![allow(unreachable_pub, reason = "each module of `model_versions` stands for a program with a public model")]

mod concurrent_checks;
mod findings;
mod cut_off_segments;
mod combined_damage;
mod check;
mod copies_in_use;
mod crashes;
mod exchanged_frames;
mod failures;
mod frame_edits;
mod give_up;
mod give_up_crashes;
mod timelines;
mod repair_sequences;
mod decision_durability;
mod repair;
mod repairs_offered;
mod report_guidance;
mod repair_cases;
mod model_versions;
mod void;
mod void_outcomes;
mod segment_framing;
mod report_accuracy;
mod recorded_gaps;
mod gap_evidence;
mod carried_gaps;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use memimage::disk::{Operation, SimDisk};
use memimage::{Error, Image, Model, Options, SnapshotPolicy, Timestamp};
use memimage_tests::protection::{PLAIN, ProtectionMode, mode};
use memimage_tests::with_keys;

use frame_edits::frames;
use model_versions::first::{Till, TillCommands as _};

const IMAGE: &str = "/till";

/// Options with small segments, manual snapshots, and a deterministic clock.
fn options<M: Model>() -> Options<M> {
    let clock = AtomicU64::new(1_000_000);
    Image::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, Ordering::Relaxed)))
}

/// Whether `MEMIMAGE_CASES` asks for all cases.
fn is_thorough() -> bool {
    std::env::var_os("MEMIMAGE_CASES").is_some()
}

fn open<M: Model>(disk: &SimDisk) -> Result<Image<M>, Error> {
    open_as(mode(disk), disk)
}

/// Opens or creates an image with this protection mode.
fn open_as<M: Model>(mode: ProtectionMode, disk: &SimDisk) -> Result<Image<M>, Error> {
    with_keys!(mode, options()).open_with(Arc::new(disk.clone()), IMAGE)
}

/// A closed image of thirty events in at least three segments, with a snapshot after each event in `snapshots`.
fn image(snapshots: &[u64]) -> SimDisk {
    image_as(PLAIN, snapshots)
}

/// As [`image`], with this protection mode.
fn image_as(mode: ProtectionMode, snapshots: &[u64]) -> SimDisk {
    let disk = SimDisk::new();
    let till = open_as::<Till>(mode, &disk).unwrap();
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

/// The operations on a disk, each with the disk after it.
type Points = Vec<(Operation, SimDisk)>;

/// Records the operations on a disk from now on.
fn record(disk: &SimDisk) -> Arc<Mutex<Points>> {
    let points = Arc::new(Mutex::new(Points::new()));
    let observed = Arc::clone(&points);
    disk.observe(move |operation, fork| observed.lock().unwrap().push((operation.clone(), fork.clone())));
    points
}
