//! Branches: `Journal::branch`.

#![allow(unreachable_pub, reason = "each module of `model_versions` stands for a program with a public model")]

mod conflicts;
mod beside;
mod crash;
mod killed;
mod images;
#[path = "../rewrite/model_versions.rs"]
mod model_versions;
mod random;
mod refusals;
mod requests;
mod till;
mod unchanged;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::disk::SimDisk;
use memimage::{Branch, Image, Journal, Metadata, Model, Options, Seq, SnapshotPolicy, Timestamp};

use till::{Till, TillCommands as _};

const PARENT: &str = "/parent";
const BRANCH: &str = "/branch";

/// Options with small segments, manual snapshots, and a deterministic clock.
fn options<M: Model>() -> Options<M> {
    let clock = AtomicU64::new(1_000_000);
    Image::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, Ordering::Relaxed)))
}

/// Opens an image for writing, on a copy of the disk.
fn open<M: Model>(disk: &SimDisk, path: &str) -> Image<M> {
    options().create(false).open_with(Arc::new(disk.fork()), path).unwrap_or_else(|error| panic!("{error}"))
}

/// The state of an image.
fn state<M: Model + Clone>(disk: &SimDisk, path: &str) -> M {
    open::<M>(disk, path).query(Clone::clone).unwrap()
}

fn journal<M: Model>(disk: &SimDisk) -> Journal<M> {
    journal_at(disk, PARENT)
}

fn journal_at<M: Model>(disk: &SimDisk, path: &str) -> Journal<M> {
    options().open_journal_with(Arc::new(disk.clone()), path).unwrap()
}

/// Begins a branch with small segments.
fn branch<M: Model>(disk: &SimDisk) -> Branch<'static, M> {
    journal::<M>(disk).branch(BRANCH).segment_bytes(16 << 10)
}

fn seq(number: u64) -> Seq {
    Seq::new(number)
}

fn seqs(numbers: &[u64]) -> Vec<Seq> {
    numbers.iter().copied().map(Seq::new).collect()
}

/// The paths on the disk that belong neither to the parent nor to the branch.
fn strays(disk: &SimDisk) -> Vec<std::path::PathBuf> {
    let is_stray = |path: &std::path::PathBuf| !path.starts_with(PARENT) && !path.starts_with(BRANCH);
    disk.files().into_iter().filter(is_stray).collect()
}

fn exists(disk: &SimDisk, path: &str) -> bool {
    disk.files().iter().any(|file| file.starts_with(Path::new(path)))
}

/// A disk with an image of a till, whose ten events are these:
///
/// 1 open 7, 2 deposit 100 to 7, 3 draw, 4 withdraw 30 from 7, 5 settle 60 of 7 (applied), 6 settle 60 of 7 (rejected),
/// 7 open 8, 8 deposit 5 to 8, 9 audit 8, 10 draw
fn parent_image() -> SimDisk {
    let disk = SimDisk::new();
    let till: Image<Till> = options().open_with(Arc::new(disk.clone()), PARENT).unwrap();
    till.open(7).unwrap();
    till.with(Metadata::actor("ada")).deposit(7, 100).unwrap();
    till.draw().unwrap();
    till.withdraw(7, 30).unwrap();
    till.settle(7, 60).unwrap();
    till.settle(7, 60).unwrap_err();
    till.open(8).unwrap();
    till.deposit(8, 5).unwrap();
    till.audit(8).unwrap();
    till.draw().unwrap();
    assert_eq!(till.journal().seq(), seq(10));
    Image::close(till).unwrap();
    disk
}
