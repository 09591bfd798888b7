//! Backups of an image that is in use or not: `Admin::backup` and `memimage::admin::backup`.

mod by_hand;
mod concurrent;
mod continued;
mod crash;
mod failures;
mod longer_segment;
mod protected;
mod pruned;
mod real;
mod refusals;
mod unusable;
mod whole;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::admin::{Backup, BackupReport, check_with};
use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, Image, Seq};
use memimage_tests::{Ledger, Request, Run};

/// The path of a [`Run`]'s image.
const IMAGE: &str = "/ledger";
const COPY: &str = "/copy";

/// A run on a new disk, with `events` deposits and files that fill several segments.
fn begin(disk: &SimDisk, events: u64) -> Run {
    let mut run = Run::open(disk.clone(), Durability::Synced, 512, Vec::new(), Seq::ZERO).unwrap();
    extend(&mut run, events);
    run
}

/// Executes commands: every third one takes a large part of a segment.
fn extend(run: &mut Run, events: u64) {
    for event in 0..events {
        run.execute(&match event % 3 {
            0 => Request::File(5_000),
            _ => Request::Deposit(event as u32 % 5, 7),
        });
    }
}

/// A backup beside the owner, as by a program without the model.
fn beside(disk: &SimDisk) -> Result<BackupReport, Error> {
    Backup::new().run_with(Arc::new(disk.clone()), IMAGE, COPY)
}

/// Opens the image at `path` on a fork of the disk, and verifies its state by the digests of the run.
fn verify(disk: &SimDisk, path: &str, digests: &[u64], at_least: u64) -> Result<Seq, String> {
    let image = Run::options(Durability::Synced, 512).open_with(Arc::new(disk.fork()), path);
    let image = image.map_err(|error| error.to_string())?;
    let run = Run::begin(image, digests.to_vec(), Seq::new(at_least))?;
    Ok(run.close().1)
}

/// The names of the files of the image at `path`, with their bytes.
fn files_at(disk: &SimDisk, path: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let at = |file: &PathBuf| file.strip_prefix(path).ok().map(Path::to_owned);
    let files = disk.files();
    files.iter().filter_map(|file| Some((at(file)?, disk.read(file).unwrap()))).collect()
}

/// Whether there is any directory or file at the path.
fn exists(disk: &SimDisk, path: &str) -> bool {
    disk.kind(Path::new(path)).unwrap().is_some()
}

/// Asserts that a check finds no damage.
fn assert_sound(disk: &SimDisk, path: &str) {
    let report = check_with(Arc::new(disk.fork()), path).unwrap();
    assert!(report.is_sound(), "{report}");
}

/// A clone of the image of a run.
fn image(run: &Run) -> Image<Ledger> {
    run.image().clone()
}
