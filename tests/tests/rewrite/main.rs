//! Rewriting a journal: `memimage::admin::rewrite`.

#![allow(unreachable_pub, reason = "each module of `model_versions` stands for a program with a public model")]

mod crash;
mod export;
mod model_versions;
mod refusals;
mod rewritten_image;
mod shapes;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::admin::{Rewrite, RewriteReport};
use memimage::disk::SimDisk;
use memimage::{Error, Image, Metadata, Model, Options, SnapshotPolicy, Timestamp};

use model_versions::first::{self, DeskCommands as _};

const OLD: &str = "/old";
const NEW: &str = "/new";

/// Options with small segments, manual snapshots, and a deterministic clock.
fn options<M: Model>() -> Options<M> {
    let clock = AtomicU64::new(1_000_000);
    Image::options()
        .segment_bytes(16 << 10)
        .snapshots(SnapshotPolicy::Manual)
        .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, Ordering::Relaxed)))
}

/// Opens an image on a copy of the disk.
fn open<M: Model>(disk: &SimDisk, path: &str) -> Image<M> {
    options().open_with(Arc::new(disk.fork()), path).unwrap_or_else(|error| panic!("{error}"))
}

fn rewrite<M: Model>(disk: &SimDisk, from: &str, to: &str) -> Result<RewriteReport, Error> {
    Rewrite::<M>::new().segment_bytes(16 << 10).run_with(Arc::new(disk.clone()), from, to)
}

/// The number of events in a [`source_image`].
const EVENTS: u64 = 21;

/// A disk with an image of the first program, with events of all its commands.
fn source_image(given: Option<first::Desk>) -> SimDisk {
    let disk = SimDisk::new();
    let given = given.map_or_else(options, |state| options().genesis(state));
    let image: Image<first::Desk> = given.open_with(Arc::new(disk.clone()), OLD).unwrap();
    for round in 0..3 {
        image.transfer(round, 10 + round).unwrap();
        image.ping().unwrap();
        image.with(Metadata::actor(round).correlation(7)).deposit(round, "m".repeat(4_000)).unwrap();
        image.attempt(true).unwrap();
        image.with(Metadata::actor("failing")).attempt(false).unwrap_err();
        image.fee().unwrap();
        image.ping().unwrap();
    }
    assert_eq!(image.journal().seq().get(), EVENTS);
    Image::close(image).unwrap();
    disk
}

/// The number of files below this path.
fn count_files(disk: &SimDisk, path: &str) -> usize {
    disk.files().iter().filter(|file| file.starts_with(Path::new(path))).count()
}
