//! Bad input at an image's path: each error names the fault, the place and the help, and no file is changed.

mod damaged_journal;
mod damaged_snapshots;
mod file_access;
mod full_disk;
mod incompatible_images;
mod limits;
mod paths;
mod second_owner;
mod torn_write;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::Expect;
use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, Image, Model, Options, digest};
use memimage_tests::checksums::{update_frame_checksums, update_header};
use memimage_tests::{GateDisk, Ledger, LedgerCommands, Run, changed, files};

const ROOT: &str = "/ledger";

fn options() -> Options<Ledger> {
    Run::options(Durability::Synced, 512)
}

fn open(disk: &impl DiskClone) -> Result<Image<Ledger>, Error> {
    options().open_with(disk.shared(), ROOT)
}

/// A disk that can be shared with an image.
trait DiskClone {
    fn shared(&self) -> Arc<dyn Disk>;
}

impl DiskClone for SimDisk {
    fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }
}

impl DiskClone for GateDisk {
    fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }
}

/// Asserts that opening is refused and changes no file. Returns the error.
fn assert_refused(disk: &SimDisk) -> Error {
    assert_refused_through(disk, disk, options())
}

fn assert_refused_through<M: Model>(disk: &SimDisk, through: &impl DiskClone, options: Options<M>) -> Error {
    let before = files(disk);
    let error = options.open_with(through.shared(), ROOT).expect_err("opening should be refused");
    assert_eq!(changed(&before, &files(disk)), [] as [PathBuf; 0], "{error}");
    error
}

/// As [`assert_refused`]; asserts also that no operation has changed the disk: no directory, sync or lock.
fn assert_refused_untouched<M: Model>(disk: &SimDisk, options: Options<M>) -> Error {
    let before = (disk.operations(), disk.files());
    let error = assert_refused_through(disk, disk, options);
    assert_eq!((disk.operations(), disk.files()), before, "{error}");
    error
}

fn check(error: &Error, text: Expect) {
    text.assert_eq(&error.to_string());
}

fn put(disk: &SimDisk, path: &str, bytes: &[u8]) {
    let (path, mut above) = (Path::new(path), PathBuf::from("/"));
    for part in path.parent().unwrap().components().skip(1) {
        above.push(part);
        if disk.kind(&above).unwrap().is_none() {
            disk.create_dir(&above).unwrap();
        }
    }
    disk.create_new(path).unwrap().write_at(bytes, 0).unwrap();
}

fn replace(disk: &SimDisk, path: &str, bytes: &[u8]) {
    disk.truncate(path, bytes.len() as u64).unwrap();
    disk.write(path, 0, bytes).unwrap();
}

fn remove(disk: &SimDisk, path: &str) {
    disk.remove(Path::new(path)).unwrap();
}

fn segment(number: usize) -> String {
    format!("{ROOT}/journal/{number:08}.journal")
}

fn snapshot(seq: u64) -> String {
    format!("{ROOT}/snapshot/{seq:020}.snapshot")
}

fn state(image: &Image<Ledger>) -> u64 {
    digest(&*image.read_uncommitted().unwrap()).unwrap().to_u64()
}

/// A closed image with a segment for about every seven events, and with snapshots after some of them.
fn ledger(events: u64, snapshots: &[u64]) -> (SimDisk, u64) {
    let disk = SimDisk::new();
    let image = open(&disk).unwrap();
    for event in 1..=events {
        image.file(vec![event as u8; 1_000]).unwrap();
        if snapshots.contains(&event) {
            image.admin().snapshot().unwrap();
        }
    }
    let state = state(&image);
    Image::close(image).unwrap();
    (disk, state)
}

/// Asserts that the image opens with the expected state, and accepts a command.
fn assert_intact(disk: &SimDisk, seq: u64, expected: u64) {
    let image = open(disk).unwrap();
    assert_eq!((image.journal().seq().get(), state(&image)), (seq, expected));
    image.deposit(1, 1).unwrap();
    Image::close(image).unwrap();
}

/// Changes a byte of a segment header and updates the checksum.
fn patch_header(disk: &SimDisk, path: &str, at: usize, byte: u8) {
    let mut header = disk.read(path).unwrap()[..4096].to_vec();
    header[at] = byte;
    update_header(&mut header);
    disk.write(path, 0, &header).unwrap();
}

/// Changes bytes of a frame header and updates the checksums.
fn patch_frame(disk: &SimDisk, number: usize, place: &Range<usize>, changes: &[(usize, u8)]) {
    let mut bytes = disk.read(segment(number)).unwrap();
    for &(at, byte) in changes {
        bytes[place.start + at] = byte;
    }
    update_frame_checksums(&mut bytes, place.clone());
    disk.write(segment(number), place.start as u64, &bytes[place.clone()]).unwrap();
}
