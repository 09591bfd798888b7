//! Recovery reads the next segment on another thread while it replays the current one. The state and the errors are the same as
//! without this thread, and the thread ends with the opening.

use std::io::ErrorKind::Other;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use memimage::disk::{Access, Disk, SimDisk};
use memimage::{Digest, Durability, Error, Image, Options, SegmentId, SnapshotPolicy, digest};
use memimage_tests::{DiskMethod, GateDisk, Ledger, LedgerFile, Run, with_timeout};

/// The name of the thread that reads ahead.
const READER: &str = "memimage-read";

fn options() -> Options<Ledger> {
    Run::options(Durability::Synced, 8).segment_bytes(8 << 20).snapshots(SnapshotPolicy::Manual)
}

fn open(disk: impl Disk) -> Result<Image<Ledger>, Error> {
    options().open_with(Arc::new(disk), "ledger")
}

fn state(image: &Image<Ledger>) -> Digest {
    image.query(|ledger| digest(ledger).unwrap()).unwrap()
}

/// Writes a journal in segments of 1, 2, 4 and 8 MiB. Returns the disk, and the digest of the state.
fn journal() -> (SimDisk, Digest) {
    let disk = SimDisk::new();
    let image = open(disk.clone()).unwrap();
    for number in 0..100_u8 {
        drop(image.submit(LedgerFile { bytes: vec![number | 1; 100_000] }).unwrap());
    }
    let state = state(&image);
    Image::close(image).unwrap();
    (disk, state)
}

fn path(segment: u32) -> String {
    format!("ledger/journal/{segment:08}.journal")
}

/// Flips a bit in the middle of a segment.
fn damage(disk: &SimDisk, segment: u32) {
    let file = disk.open(Path::new(&path(segment)), Access::ReadWrite).unwrap();
    let mut byte = [0];
    file.read_at(&mut byte, 700_000).unwrap();
    file.write_at(&[byte[0] ^ 1], 700_000).unwrap();
}

fn is_reader() -> bool {
    std::thread::current().name() == Some(READER)
}

#[test]
fn a_thread_reads_ahead_and_all_events_are_replayed() {
    let (disk, expected) = journal();
    let disk = GateDisk::new(disk);
    let reads = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reads);
    disk.rule(move |call| {
        count.fetch_add(usize::from(is_reader() && call.method == DiskMethod::Read), Ordering::SeqCst);
        Ok(None)
    });
    let image = open(disk).unwrap();
    assert_eq!(state(&image), expected);
    assert!(reads.swap(0, Ordering::SeqCst) > 3);

    // the replay that verifies the snapshot stops before the end of the journal
    image.admin().snapshot().unwrap();
    assert!(reads.load(Ordering::SeqCst) > 3);
}

#[test]
fn errors_occur_in_the_order_of_the_segments() {
    let (disk, _) = journal();
    let gate = GateDisk::new(disk.clone());
    gate.rule(|call| match is_reader() && call.is(DiskMethod::Read, &path(3)) {
        true => Err(Other.into()),
        false => Ok(None),
    });
    let error = with_timeout({
        let gate = gate.clone();
        move || open(gate).unwrap_err()
    });
    assert!(error.is_io() && error.to_string().contains(&path(3)), "{error}");

    damage(&disk, 2);
    let error = with_timeout(move || open(gate).unwrap_err());
    assert_eq!(error.position().unwrap().segment, Some(SegmentId::new(2)), "{error}");
}

#[test]
fn a_panic_of_the_disk_reaches_the_caller() {
    let (disk, expected) = journal();
    let gate = GateDisk::new(disk.clone());
    gate.rule(|call| match is_reader() && call.is(DiskMethod::Read, &path(3)) {
        true => std::panic::resume_unwind(Box::new("the disk panics")),
        false => Ok(None),
    });
    let panic = with_timeout(move || catch_unwind(AssertUnwindSafe(|| open(gate).map(drop))).unwrap_err());
    assert_eq!(panic.downcast_ref(), Some(&"the disk panics"));
    assert_eq!(state(&open(disk).unwrap()), expected);
}
