//! Followers: copies of the model that follow the journal of an owner, and take over from it.
//!
//! Most tests run the owner and the followers in one process, on the simulated disk: a follower uses nothing of the owner but
//! its files. `processes.rs` runs them as processes.

mod following;
mod continuity;
mod digests;
mod promotion;
mod faults;
mod races;
mod handles;
mod crashes;
mod protection;
mod processes;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use memimage::disk::{Disk, SimDisk};
use memimage::{Error, Follower, Image, Model, Options, Seq, SnapshotPolicy};
use memimage_tests::{Gate, GateDisk, Ledger, LedgerCommands, wait_until};

const IMAGE: &str = "/ledger";

/// Options with small segments and manual snapshots.
fn options() -> Options<Ledger> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual)
}

fn open(disk: &(impl Disk + Clone)) -> Image<Ledger> {
    open_with(disk, options())
}

fn open_with(disk: &(impl Disk + Clone), options: Options<Ledger>) -> Image<Ledger> {
    options.open_with(Arc::new(disk.clone()), IMAGE).unwrap()
}

fn follow(disk: &(impl Disk + Clone)) -> Follower<Ledger> {
    options().follow_with(Arc::new(disk.clone()), IMAGE).unwrap()
}

/// Makes deposits that fill several segments.
fn fill_segments(image: &Image<Ledger>, deposits: u32) {
    for number in 0..deposits {
        image.deposit(number % 7, 1).unwrap();
        image.file(vec![7; 2_000]).unwrap();
    }
}

/// Waits until the follower has all events of the image, and compares the states.
fn assert_follows(follower: &Follower<Ledger>, image: &Image<Ledger>) {
    let seq = image.journal().durable_seq();
    assert!(follower.wait_timeout(seq, Duration::from_secs(60)).unwrap(), "{:?} of {seq}", follower.seq());
    assert_eq!(follower.query(Ledger::clone).unwrap(), image.query(Ledger::clone).unwrap());
    assert_eq!((follower.seq(), follower.lag().unwrap()), (seq, 0));
}

/// Waits until the follower stops, and returns the reason.
fn stopped<M: Model>(follower: &Follower<M>) -> Error {
    wait_until("the follower stops", || follower.lag().is_err());
    let error = follower.lag().unwrap_err();
    assert_eq!(follower.query(|_| ()).unwrap_err(), error, "a stopped follower shows no state");
    assert_eq!(follower.wait(Seq::new(u64::MAX)).unwrap_err(), error);
    error
}

fn paths(disk: &SimDisk, directory: &str) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|path| path.starts_with(directory)).collect()
}

/// A follower whose disk calls can be blocked.
fn follow_gated(disk: &SimDisk) -> (Follower<Ledger>, GateDisk) {
    let gate = GateDisk::new(disk.clone());
    (follow(&gate), gate)
}

/// Calls `change` while no disk call of a follower runs, so that the follower sees the change as a whole.
fn between_calls(gate: &GateDisk, change: impl FnOnce()) {
    let closed = Gate::default();
    let at_gate = closed.clone();
    gate.rule(move |_| {
        at_gate.pass();
        Ok(None)
    });
    closed.wait_until_blocked();
    change();
    gate.remove_rule();
    closed.open();
}

/// Replaces the directory of the image by the one on another disk.
fn replace(disk: &SimDisk, by: &SimDisk) {
    remove(disk);
    for path in paths(by, IMAGE) {
        for directory in path.ancestors().skip(1).collect::<Vec<_>>().into_iter().rev() {
            if disk.kind(directory).unwrap().is_none() {
                disk.create_dir(directory).unwrap();
            }
        }
        let file = disk.create_new(&path).unwrap();
        let bytes = by.read(&path).unwrap();
        assert_eq!(file.write_at(&bytes, 0).unwrap(), bytes.len());
    }
}

/// Removes the directory of the image.
fn remove(disk: &SimDisk) {
    for path in paths(disk, IMAGE) {
        disk.remove(&path).unwrap();
    }
    for directory in ["journal", "snapshot", "quarantine", ""] {
        let directory = PathBuf::from(IMAGE).join(directory);
        if disk.kind(&directory).unwrap().is_some() {
            disk.remove_dir(&directory).unwrap();
        }
    }
}
