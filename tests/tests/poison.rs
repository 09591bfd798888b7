//! Details of promises 7 and 8 for a poisoned image: which error each waiter gets, that no call hangs, and when the owner's
//! lock is released. `promises/` tests the promises themselves.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Image, Options, SnapshotPolicy};
use memimage_tests::{DiskMethod, Gate, GateDisk, Ledger, LedgerCommands, LedgerDeposit, wait_until};

fn options() -> Options<Ledger> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual)
}

fn open(disk: impl Disk) -> Image<Ledger> {
    options().open_with(Arc::new(disk), "/ledger").unwrap()
}

/// Regression: the image was poisoned for another reason while a sync was writing a batch. The next batch failed as not
/// recorded, but the writer went on and recorded it.
#[test]
fn promise_7_a_command_reported_as_not_recorded_is_not_recorded() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let (renaming, writing) = (Gate::default(), Gate::default());
    let (rename, write) = (renaming.clone(), writing.clone());
    let armed = Arc::new(AtomicU64::new(0));
    let arm = Arc::clone(&armed);
    disk.rule(move |call| {
        if call.is(DiskMethod::Rename, "00000002.journal") {
            rename.pass();
            return Err(ErrorKind::Other.into());
        }
        if call.is(DiskMethod::Write, "00000001.journal") && arm.load(Ordering::SeqCst) == 1 {
            write.pass();
        }
        Ok(None)
    });
    let image = options()
        .durability(Durability::Buffered)
        .segment_bytes(64 << 10)
        .open_with(Arc::new(disk), "/ledger")
        .unwrap();
    image.deposit(1, 1).unwrap();
    // more than half of the segment, so that the next one is preallocated
    image.file(vec![7; 12_000]).unwrap();
    armed.store(1, Ordering::SeqCst);
    let error = std::thread::scope(|scope| {
        let first = image.submit(LedgerDeposit { account: 1, amount: 10 }).unwrap();
        let syncing = scope.spawn(|| image.journal().sync());
        writing.wait_until_blocked();
        let second = image.submit(LedgerDeposit { account: 1, amount: 100 }).unwrap();
        renaming.wait_until_blocked();
        renaming.open();
        let second_error = second.wait().unwrap_err();
        writing.open();
        let _ = (syncing.join().unwrap(), first.wait());
        second_error
    });
    assert!(error.is_poisoned() && !error.is_outcome_unknown(), "{error}");
    drop(image);
    let balance = open(sim.fork()).query(|ledger| ledger.accounts[&1]).unwrap();
    assert!(balance < 100, "a command that was reported as not recorded was recovered: {balance}");
}

#[test]
fn promise_7_a_write_of_zero_bytes_is_not_retried_forever() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = open(disk.clone());
    disk.rule(|call| Ok(call.is(DiskMethod::Write, ".journal").then_some(0)));
    assert!(image.deposit(1, 1).unwrap_err().is_poisoned());
}

/// Regression: an image that was poisoned for another reason could be closed while a batch was being written. The events of the
/// next owner and of the old one could then have been written to the same place.
#[test]
fn promise_8_an_image_stays_locked_while_it_is_being_written() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let (renaming, writing) = (Gate::default(), Gate::default());
    let (rename, write) = (renaming.clone(), writing.clone());
    let armed = Arc::new(AtomicU64::new(0));
    let arm = Arc::clone(&armed);
    disk.rule(move |call| {
        if call.is(DiskMethod::Rename, "00000002.journal") {
            rename.pass();
            return Err(ErrorKind::Other.into());
        }
        if call.is(DiskMethod::Write, "00000001.journal") && arm.load(Ordering::SeqCst) == 1 {
            write.pass();
        }
        Ok(None)
    });
    let image = options().segment_bytes(64 << 10).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    image.deposit(1, 1).unwrap();
    // more than half of the segment, so that the next one is preallocated
    image.file(vec![7; 30_000]).unwrap();
    armed.store(1, Ordering::SeqCst);
    let answer = std::thread::scope(|scope| {
        let leading = scope.spawn(|| image.deposit(1, 10));
        writing.wait_until_blocked();
        renaming.wait_until_blocked();
        renaming.open();
        wait_until("the image is poisoned", || image.read_uncommitted().is_err());
        let closing = scope.spawn(|| Image::close(image.clone()));
        std::thread::sleep(Duration::from_millis(50));
        let refused = options().open_with(Arc::new(disk.clone()), "/ledger").unwrap_err();
        writing.open();
        assert_eq!(refused.kind(), memimage::ErrorKind::Locked, "{refused}");
        assert!(closing.join().unwrap().unwrap_err().is_poisoned());
        leading.join().unwrap()
    });
    disk.remove_rule();
    let balance = open(disk).query(|ledger| ledger.accounts[&1]).unwrap();
    assert_eq!(answer.unwrap_or(balance), balance, "an acknowledged command should be recovered");
}
