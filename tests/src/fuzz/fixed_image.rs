//! A small image with a fixed UUID and without whitening, so that an input that was found once has the same effect in the next
//! run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use memimage::disk::{Disk, SimDisk};
use memimage::{Error, Image, Options, Retention, SnapshotPolicy, Timestamp};

use crate::{Book, BookCommands, Files, changed, checksums, files, frames};

pub(super) const ROOT: &str = "/book";
pub(super) const HEADER: usize = 4096;
pub(super) const SEGMENT: usize = 16 << 10;

const UUID: [u8; 16] = [7; 16];

/// The files of an image, and its state.
pub(super) struct FixedImage {
    pub(super) files: Files,
    pub(super) state: Book,
}

pub(super) fn options() -> Options<Book> {
    let clock = AtomicU64::new(1_000_000);
    Image::options()
        .segment_bytes(SEGMENT as u64)
        .align_bytes(8)
        .snapshots(SnapshotPolicy::Manual)
        .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, Ordering::Relaxed)))
}

pub(super) fn open(disk: &SimDisk, options: Options<Book>) -> Result<Image<Book>, Error> {
    options.open_with(Arc::new(disk.clone()), ROOT)
}

pub(super) fn segment(number: u64) -> PathBuf {
    PathBuf::from(format!("{ROOT}/journal/{number:08}.journal"))
}

/// A few events in one segment, two snapshots, and no preallocated segment.
pub(super) fn unpruned() -> &'static FixedImage {
    static FIXED: OnceLock<FixedImage> = OnceLock::new();
    FIXED.get_or_init(|| build(Retention::Everything))
}

/// A pruned journal, which begins with a base.
pub(super) fn pruned() -> &'static FixedImage {
    static FIXED: OnceLock<FixedImage> = OnceLock::new();
    FIXED.get_or_init(|| build(Retention::Events(0)))
}

fn build(retention: Retention) -> FixedImage {
    let disk = SimDisk::new();
    let image = open(&disk, options().retention(retention)).expect("a new image");
    let long = if retention == Retention::Everything { 0 } else { 3_000 };
    for round in 0..4 {
        for page in 0..4 {
            image.write(round * 4 + page, format!("page {page:>long$}")).expect("the disk has no faults");
        }
        image.tear(99).expect_err("the page does not exist");
        if round % 2 == 1 || long > 0 {
            image.admin().snapshot().expect("the disk has no faults");
        }
    }
    let state = image.read_uncommitted().expect("the image is open").clone();
    Image::close(image).expect("the disk has no faults");
    let mut files = files(&disk);
    let headers = files.iter_mut().filter(|(path, bytes)| !path.ends_with("durable") && bytes.len() >= HEADER);
    headers.for_each(|(_, bytes)| bytes[40..56].copy_from_slice(&UUID));
    let mut segments: Vec<_> =
        files.iter_mut().filter(|(path, _)| has_extension(path, "journal")).map(|(_, bytes)| bytes).collect();
    segments.iter_mut().for_each(|segment| frames::unwhiten(segment));
    let mut previous =
        frames::frames(segments[0]).first().map_or(0, |frame| checksums::link(&segments[0][frame.clone()]));
    // the hash of each frame with events, by its last event
    let mut hashes = BTreeMap::new();
    for segment in segments {
        checksums::update_header(segment);
        for frame in frames::frames(segment) {
            previous = checksums::update_frame(segment, frame.clone(), previous);
            if let Some(events @ 1..) = Some(frames::events(segment, &frame)) {
                hashes.insert(frames::first_event(segment, &frame) + u64::from(events) - 1, previous);
            }
        }
    }
    for (path, bytes) in &mut files {
        if has_extension(path, "snapshot") || has_extension(path, "base") {
            checksums::update_snapshot(bytes);
            if let Some(hash) = hashes.get(&checksums::snapshot_seq(bytes)) {
                checksums::link_snapshot(bytes, *hash);
            }
        } else if path.ends_with("durable") {
            bytes[40..48].copy_from_slice(&previous.to_le_bytes());
            checksums::update_watermark(bytes, &UUID);
        }
    }
    let fixed = FixedImage { files, state };
    let image = open(&disk_of(&fixed.files), options().create(false)).expect("all checksums are valid");
    assert_eq!(*image.read_uncommitted().expect("the image is open"), fixed.state);
    let recovery = image.admin().stats().recovery;
    assert!(recovery.snapshot.is_some() && recovery.unusable_snapshots.is_empty(), "{recovery:?}");
    drop(image);
    fixed
}

pub(super) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|end| end == extension)
}

/// A disk that contains these files, all synced.
pub(super) fn disk_of(files: &Files) -> SimDisk {
    let disk = SimDisk::new();
    for dir in ["", "/journal", "/snapshot", "/quarantine"] {
        disk.create_dir(Path::new(&format!("{ROOT}{dir}"))).expect("a new directory");
    }
    for (path, bytes) in files {
        disk.create_new(path).expect("a new file");
        disk.write(path, 0, bytes).expect("a file");
    }
    for dir in ["", ROOT, "/book/journal", "/book/snapshot", "/book/quarantine"] {
        disk.sync_dir(Path::new(&format!("/{dir}"))).expect("a directory");
    }
    disk
}

/// Opens an image with any content. Either the image is refused and not modified, or it opens, accepts a command, and opens
/// again with the same state. Returns the state of the first open.
pub(super) fn open_and_check(files_before: &Files) -> Option<Book> {
    let disk = disk_of(files_before);
    let image = match open(&disk, options().create(false)) {
        Ok(image) => image,
        Err(error) => {
            assert_eq!(
                changed(files_before, &files(&disk)),
                Vec::<PathBuf>::new(),
                "the image was refused, but modified: {error}"
            );
            let again = open(&disk, options().create(false)).map(drop).expect_err("the image was refused before");
            assert_eq!(again.to_string(), error.to_string());
            return None;
        }
    };
    let state = image.read_uncommitted().expect("the image is open").clone();
    image.write(1, "after".to_owned()).expect("an open image accepts commands");
    let (seq, after) = (image.journal().seq(), image.read_uncommitted().expect("the disk has no faults").clone());
    Image::close(image).expect("the disk has no faults");
    let again = open(&disk, options().create(false)).expect("the image was opened before");
    assert_eq!((again.journal().seq(), &*again.read_uncommitted().expect("the image is open")), (seq, &after));
    assert_eq!(again.admin().stats().recovery.quarantined, None, "the image was closed");
    Some(state)
}
