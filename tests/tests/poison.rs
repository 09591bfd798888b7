//! Corners of promise 7: what each is told when an image is poisoned, and that it ends. The promise itself is tested in
//! `promises/failures.rs`.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Image, Options, SnapshotPolicy};
use memimage_tests::{Act, Gate, GateDisk, Ledger, LedgerCommands, LedgerDeposit};

fn options() -> Options<Ledger> {
    Image::options().segment_size(16 << 10).snapshots(SnapshotPolicy::Manual)
}

fn open(disk: impl Disk) -> Image<Ledger> {
    options().open_with(Arc::new(disk), "/ledger").unwrap()
}

/// While one batch was being written for a sync, the image was poisoned for another reason, and the next batch was told
/// that it was not recorded; the one who wrote went on and recorded it.
#[test]
fn promise_7_what_is_said_not_to_be_recorded_is_not() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let (renaming, writing) = (Gate::default(), Gate::default());
    let (rename, write) = (renaming.clone(), writing.clone());
    let armed = Arc::new(AtomicU64::new(0));
    let arm = Arc::clone(&armed);
    disk.rule(move |call| {
        if call.is(Act::Rename, "00000002.journal") {
            rename.pass();
            return Err(ErrorKind::Other.into());
        }
        if call.is(Act::Write, "00000001.journal") && arm.load(Ordering::SeqCst) == 1 {
            write.pass();
        }
        Ok(None)
    });
    let image =
        options().durability(Durability::Buffered).segment_size(64 << 10).open_with(Arc::new(disk), "/ledger").unwrap();
    image.deposit(1, 1).unwrap();
    armed.store(1, Ordering::SeqCst);
    let told = std::thread::scope(|scope| {
        let first = image.submit(LedgerDeposit { account: 1, amount: 10 }).unwrap();
        let syncing = scope.spawn(|| image.sync());
        writing.until_somebody_waits();
        let second = image.submit(LedgerDeposit { account: 1, amount: 100 }).unwrap();
        renaming.until_somebody_waits();
        renaming.open();
        let told = second.wait().unwrap_err();
        writing.open();
        let _ = (syncing.join().unwrap(), first.wait());
        told
    });
    assert!(told.is_poisoned() && !told.is_outcome_unknown(), "{told}");
    drop(image);
    let balance = open(sim.fork()).query(|ledger| ledger.accounts[&1]).unwrap();
    assert!(balance < 100, "it was said not to be recorded, and it is there: {balance}");
}

#[test]
fn promise_7_a_write_of_nothing_does_not_go_on_for_ever() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = open(disk.clone());
    disk.rule(|call| Ok(call.is(Act::Write, ".journal").then_some(0)));
    assert!(image.deposit(1, 1).unwrap_err().is_poisoned());
}
