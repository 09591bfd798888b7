//! What an image costs while nobody uses it: open files, threads and space on disk.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use memimage::{Durability, Image, SnapshotPolicy};
use memimage_tests::{Ledger, LedgerCommands, LedgerDeposit, wait_until};

/// Serializes the tests, because each counts the threads of the process.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of files below `path` that this process has open.
fn open_files(path: &Path) -> usize {
    let targets = fs::read_dir("/proc/self/fd").unwrap().filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    targets.filter(|target| target.starts_with(path)).count()
}

/// The number of threads that belong to images.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("memimage")).count()
}

fn is_at_rest(path: &Path) -> bool {
    open_files(path) == 2 && threads() == 0
}

/// The space on disk of a file or directory, as `du` counts it.
fn disk_bytes(path: &Path) -> u64 {
    let own = fs::symlink_metadata(path).unwrap().blocks() * 512;
    let below = fs::read_dir(path).into_iter().flatten();
    own + below.map(|entry| disk_bytes(&entry.unwrap().path())).sum::<u64>()
}

#[test]
fn a_new_image_is_small_and_has_two_open_files_and_no_thread() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let image = Image::<Ledger>::open(&path).unwrap();
    assert!(is_at_rest(&path), "{} files, {} threads", open_files(&path), threads());
    assert!(disk_bytes(&path) <= 128 << 10, "{}", disk_bytes(&path));
    Image::close(image).unwrap();
    let image = Image::<Ledger>::open(&path).unwrap();
    assert!(is_at_rest(&path), "{} files, {} threads", open_files(&path), threads());
    image.deposit(1, 1).unwrap();
    wait_until("the image is at rest", || is_at_rest(&path));
    Image::close(image).unwrap();
    assert_eq!(open_files(&path), 0);
}

#[test]
fn an_image_comes_to_rest_again_and_again() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let modes = [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(5))];
    for (number, durability) in modes.into_iter().enumerate() {
        let path = dir.path().join(number.to_string());
        let options = || Image::<Ledger>::options().durability(durability).segment_bytes(16 << 10);
        let image = options().snapshots(SnapshotPolicy::Manual).open(&path).unwrap();
        let mut segments = 1;
        for round in 1..=3 {
            // from the preallocated segment, which was closed at rest, to the second half of the next segment
            while segments <= round {
                image.submit(LedgerDeposit { account: 1, amount: 1 }).unwrap().wait().unwrap();
                segments = fs::read_dir(path.join("journal")).unwrap().count() - 1;
            }
            drop(image.submit(LedgerDeposit { account: 1, amount: 1 }).unwrap());
            assert_eq!(threads() > 0, !is_at_rest(&path));
            wait_until("the image is at rest", || is_at_rest(&path));
        }
        let balance = image.query(|ledger| ledger.accounts[&1]).unwrap();
        Image::close(image).unwrap();
        assert_eq!((open_files(&path), threads()), (0, 0));
        let image = options().open(&path).unwrap();
        assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), balance);
        Image::close(image).unwrap();
    }
}

/// The images are closed around the time at which their threads end.
#[test]
fn an_image_can_be_closed_while_its_thread_ends() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = |number: usize| dir.path().join(number.to_string());
    let open = |number| Image::<Ledger>::options().durability(Durability::Buffered).open(path(number)).unwrap();
    let images: Vec<_> = (0..60).map(open).collect();
    for image in &images {
        drop(image.submit(LedgerDeposit { account: 1, amount: 7 }).unwrap());
    }
    thread::sleep(Duration::from_millis(1_980));
    for image in images {
        Image::close(image).unwrap();
        thread::sleep(Duration::from_micros(500));
    }
    wait_until("all threads have ended", || threads() == 0);
    for number in 0..60 {
        let image = open(number);
        assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 7);
        Image::close(image).unwrap();
    }
}
