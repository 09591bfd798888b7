//! Promise 7: interrupted calls are retried, failures poison the image, and reopening recovers it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use memimage::disk::SimDisk;
use memimage::{CommandError, Durability, Error, ErrorKind, Image, Seq};
use memimage_tests::{
    DiskMethod, GateDisk, Ledger, LedgerCommands, LedgerDeposit, LedgerFile, Request, Run, with_timeout,
};

use crate::{BackgroundCall, disks, hold_and_fail, hold_if, in_background, open, recovered, snapshots, state};

const SEGMENT: &str = "/ledger/journal/00000001.journal";

fn gone() -> io::Error {
    io::Error::other("the disk is gone")
}

#[test]
fn promise_7_interruptions_and_short_writes_are_retried() {
    let (sim, disk) = disks();
    let calls = AtomicU64::new(0);
    disk.rule(move |call| match (call.method, calls.fetch_add(1, Ordering::SeqCst) % 3) {
        (DiskMethod::Read | DiskMethod::Write, 0) => Err(io::ErrorKind::Interrupted.into()),
        (DiskMethod::Read | DiskMethod::Write, 1) => Ok(Some(call.len.min(331))),
        _ => Ok(None),
    });
    let mut digests = Vec::new();
    let mut seq = Seq::ZERO;
    for _ in 0..3 {
        let mut run = Run::open(disk.clone(), Durability::Synced, 512, digests, seq).unwrap();
        for request in [
            Request::Deposit(1, 1),
            Request::File(9_000),
            Request::Settle(2, 1),
            Request::Explode(1),
            Request::File(9_000),
        ] {
            run.execute(&request);
        }
        run.image().admin().snapshot().unwrap();
        run.execute(&Request::Deposit(1, 1));
        (digests, seq) = run.close();
    }
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 6);
}

/// Asserts that a poisoned image refuses each call, with an error that says that the command was not recorded.
#[track_caller]
fn assert_poisoned(image: &Image<Ledger>) {
    let certain = |error: &Error| {
        assert!(error.is_poisoned() && error.is_io() && !error.is_outcome_unknown(), "{error}");
        assert!(error.to_string().contains("this call recorded nothing; help: reopen the image"), "{error}");
    };
    for _ in 0..2 {
        certain(&image.deposit(1, 1).unwrap_err());
        certain(&image.submit(LedgerDeposit { account: 1, amount: 1 }).unwrap_err());
        certain(&image.try_submit(LedgerDeposit { account: 1, amount: 1 }).unwrap_err());
        assert!(matches!(image.withdraw(1, 1), Err(CommandError::Image(error)) if error.is_poisoned()));
        assert!(image.read_uncommitted().is_err_and(|error| error.is_poisoned()));
        assert!(image.query(|_| ()).is_err_and(|error| error.is_poisoned()));
        assert!(image.journal().sync().is_err_and(|error| error.is_poisoned()));
        assert!(image.admin().snapshot().is_err_and(|error| error.is_poisoned()));
    }
}

/// A write or sync fails: the outcome of its batch is unknown, and later commands are not recorded.
fn assert_journal_failure_poisons(act: DiskMethod) -> (SimDisk, GateDisk) {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.deposit(1, 100).unwrap();
    let gate = hold_and_fail(&disk, act);
    let first = in_background(&image, |image| image.deposit(1, 20));
    gate.wait_until_reached();
    let behind = image.submit(LedgerDeposit { account: 1, amount: 3 }).unwrap();
    let asked = in_background(&image, |image| image.query(|ledger| ledger.accounts[&1]));
    asked.assert_not_finished();
    gate.open();

    let error = first.result().unwrap_err();
    assert!(error.is_poisoned() && error.is_outcome_unknown() && error.is_io(), "{error}");
    assert!(error.to_string().contains("it is not known whether this call recorded anything until"), "{error}");
    let error = with_timeout(move || behind.wait()).unwrap_err();
    assert!(error.is_poisoned() && !error.is_outcome_unknown(), "{error}");
    assert!(asked.result().unwrap_err().is_poisoned());

    // the disk works again, but the image does not use it
    disk.remove_rule();
    disk.trace();
    assert_poisoned(&image);
    assert!(Image::close(image).unwrap_err().is_poisoned());
    let written: Vec<_> = disk.trace().into_iter().filter(|call| call.method == DiskMethod::Write).collect();
    assert!(written.is_empty(), "{written:?}");
    (sim, disk)
}

#[test]
fn promise_7_a_failed_write_poisons_and_reopening_recovers() {
    let (_, disk) = assert_journal_failure_poisons(DiskMethod::Write);
    let image = open(&disk);
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 100, "the event should not be recovered");
    assert_eq!(image.deposit(1, 5).unwrap(), 105);
}

#[test]
fn promise_7_a_failed_sync_poisons_and_reopening_recovers() {
    let (sim, disk) = assert_journal_failure_poisons(DiskMethod::SyncData);
    // written but not acknowledged: after a power cut it may be there or not
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 100);
    assert_eq!(recovered(&sim.crash(|_| true)).accounts[&1], 120);
    let image = open(&disk);
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 120);
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 120, "the recovered event should be synced");
    assert_eq!(image.deposit(1, 5).unwrap(), 125);
}

/// A successful sync after a failed one proves nothing. Opening writes the unproven bytes again and syncs them before it
/// reports them as durable.
#[test]
fn promise_7_after_a_failed_sync_the_bytes_are_written_again_before_they_are_durable() {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.file(vec![1; 100]).unwrap();
    disk.trace();
    let gate = hold_and_fail(&disk, DiskMethod::SyncData);
    let filed = in_background(&image, |image| image.file(vec![2; 2_000]));
    gate.wait_until_reached();
    gate.open();
    assert!(filed.result().unwrap_err().is_outcome_unknown());
    drop(image);
    let failed = disk.trace().into_iter().rfind(|call| call.is(DiskMethod::Write, SEGMENT)).unwrap();
    let (start, end) = (failed.offset, failed.offset + failed.len as u64);
    let bytes = sim.read(SEGMENT).unwrap();

    disk.remove_rule();
    let image = open(&disk);
    let calls = disk.trace();
    let again = calls.iter().position(|call| {
        call.is(DiskMethod::Write, SEGMENT) && call.offset <= start && call.offset + call.len as u64 >= end
    });
    let again = again.expect("the bytes should be written again");
    let synced = calls[again..]
        .iter()
        .position(|call| call.is(DiskMethod::SyncData, SEGMENT))
        .expect("the bytes should be synced")
        + again;
    let recorded = calls
        .iter()
        .position(|call| call.is(DiskMethod::Write, "journal/durable"))
        .expect("the bytes should be recorded as durable");
    assert!(again < synced && synced < recorded, "{calls:?}");
    assert_eq!(sim.read(SEGMENT).unwrap()[..end as usize], bytes[..end as usize], "the bytes should be the same");
    assert_eq!((image.journal().seq(), image.journal().durable_seq()), (Seq::new(2), Seq::new(2)));
}

/// If this sync also fails, opening fails and changes nothing else.
#[test]
fn promise_7_opening_fails_if_the_bytes_written_again_cannot_be_synced() {
    let (sim, disk) = assert_journal_failure_poisons(DiskMethod::SyncData);
    let syncs = AtomicU64::new(0);
    // the first sync is for the bytes to be read, the second for the bytes written again
    disk.rule(move |call| {
        match call.is(DiskMethod::SyncData, ".journal") && syncs.fetch_add(1, Ordering::SeqCst) == 1 {
            true => Err(gone()),
            false => Ok(None),
        }
    });
    assert!(crate::try_open(&disk).unwrap_err().is_io());
    disk.remove_rule();
    assert_eq!(open(&disk).query(|ledger| ledger.accounts[&1]).unwrap(), 120);
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 120);
}

/// Files large payloads, each in its own segment, until a command fails.
fn file_until_it_fails(image: &Image<Ledger>) -> Error {
    (0..20).find_map(|_| image.file(vec![5; 9_000]).err()).expect("a command should fail")
}

/// Asserts that all acknowledged events are recovered, and that the image accepts new ones.
#[track_caller]
fn assert_reopening_recovers(disk: &GateDisk, sim: &SimDisk, image: Image<Ledger>, answered: u64) {
    drop(image);
    disk.remove_rule();
    for seen in [open(disk), open(&sim.crash(|_| false)), open(&sim.crash(|_| true))] {
        // the failed command was never executed
        assert_eq!(seen.query(|ledger| ledger.filed).unwrap(), answered * 9_000);
        seen.file(vec![6; 9_000]).unwrap();
    }
}

#[test]
fn promise_7_a_failed_rename_of_the_preallocated_segment_poisons() {
    let (sim, disk) = disks();
    disk.fail(DiskMethod::Rename, "00000003.journal", io::ErrorKind::Other);
    let image = open(&disk);
    let error = file_until_it_fails(&image);
    assert!(error.is_poisoned() && !error.is_outcome_unknown(), "{error}");
    let answered = image.journal().seq().get();
    assert_poisoned(&image);
    assert_reopening_recovers(&disk, &sim, image, answered);
}

#[test]
fn promise_7_a_failed_directory_sync_after_a_preallocation_poisons() {
    let (sim, disk) = disks();
    let renamed = AtomicBool::new(false);
    disk.rule(move |call| {
        if call.is(DiskMethod::Rename, "00000003.journal") {
            renamed.store(true, Ordering::SeqCst);
        }
        if call.is(DiskMethod::SyncDir, "/ledger/journal") && renamed.load(Ordering::SeqCst) {
            Err(gone())
        } else {
            Ok(None)
        }
    });
    let image = open(&disk);
    let error = file_until_it_fails(&image);
    assert!(error.is_poisoned() && !error.is_outcome_unknown(), "{error}");
    let answered = image.journal().seq().get();
    assert_poisoned(&image);
    assert_reopening_recovers(&disk, &sim, image, answered);
}

/// Regression: a command that waited for this segment got the bare I/O error, as if it could be retried.
#[test]
fn promise_7_a_command_that_waits_for_the_segment_fails_as_poisoned() {
    let (_, disk) = disks();
    let gate = hold_if(&disk, |call| call.is(DiskMethod::Rename, "00000003.journal"), || Err(gone()));
    let image = open(&disk);
    let filed = in_background(&image, file_until_it_fails);
    gate.wait_until_reached();
    // the command waits for the segment
    filed.assert_not_finished();
    gate.open();
    let error = filed.result();
    assert!(error.is_poisoned() && !error.is_outcome_unknown(), "{error}");
}

/// The preallocated segment is not part of the image until it is renamed.
#[test]
fn promise_7_a_segment_that_cannot_be_preallocated_does_not_poison() {
    for act in [DiskMethod::CreateNew, DiskMethod::Write, DiskMethod::SyncAll] {
        let (sim, disk) = disks();
        disk.fail(act, "00000003.journal.tmp", io::ErrorKind::StorageFull);
        let image = open(&disk);
        let error = file_until_it_fails(&image);
        assert!(error.kind() == ErrorKind::StorageFull && !error.is_poisoned(), "{error}");
        let answered = image.journal().seq().get();
        assert_eq!(image.query(|ledger| ledger.filed).unwrap(), answered * 9_000);
        disk.remove_rule();
        image.file(vec![5; 9_000]).unwrap();
        assert_eq!(recovered(&sim.crash(|_| false)).filed, (answered + 1) * 9_000);
    }
}

#[test]
fn promise_7_a_snapshot_that_cannot_be_written_does_not_poison() {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.deposit(1, 100).unwrap();
    for (act, ending) in [
        (DiskMethod::CreateNew, ".tmp"),
        (DiskMethod::Write, ".tmp"),
        (DiskMethod::SyncData, ".tmp"),
        (DiskMethod::SyncAll, ".tmp"),
        (DiskMethod::Rename, ".snapshot"),
        (DiskMethod::SyncDir, "/ledger/snapshot"),
    ] {
        let failed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&failed);
        disk.rule(move |call| {
            let fails = call.is(act, ending) && call.path.starts_with("/ledger/snapshot");
            seen.fetch_or(fails, Ordering::SeqCst);
            if fails { Err(gone()) } else { Ok(None) }
        });
        let made = image.admin().snapshot();
        if failed.load(Ordering::SeqCst) {
            assert!(made.is_err_and(|error| error.is_io() && !error.is_poisoned()), "{act:?}");
        } else {
            assert!(act == DiskMethod::SyncData || act == DiskMethod::SyncAll, "{act:?} is not used");
        }
        image.deposit(1, 1).unwrap();
        disk.remove_rule();
        assert!(image.admin().snapshot().unwrap().verified, "the next snapshot should be written");
        assert!(
            !snapshots(&sim).iter().any(|path| path.to_string_lossy().ends_with(".tmp")),
            "no temporary file should be left"
        );
    }
    let live = state(&image);
    assert_eq!(state(&open(&sim.crash(|_| false))), live);
}

/// Neither a caller whose batch is queued nor one that waits for space in the queue hangs.
#[test]
fn promise_7_no_caller_waits_forever() {
    let (_, disk) = disks();
    let image = Run::options(Durability::Synced, 512).batch_bytes(1).pending_batches_max(1);
    let image = image.open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let gate = hold_and_fail(&disk, DiskMethod::SyncData);
    let waiters: Vec<BackgroundCall<Result<i64, Error>>> =
        (0..6).map(|_| in_background(&image, |image| image.deposit(1, 1))).collect();
    gate.wait_until_reached();
    gate.open();
    assert!(waiters.iter().all(|waiter| waiter.result().is_err_and(|error| error.is_poisoned())));
}

/// Regression: earlier events may be on disk or not if a sync fails. The error said that they were not recorded, although they
/// had been acknowledged and were recovered.
#[test]
fn promise_7_a_sync_that_fails_leaves_the_outcome_unknown() {
    let (_, disk) = disks();
    let image = Run::options(Durability::Buffered, 512);
    let image = image.open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    image.file(vec![1; 10]).unwrap();
    let gate = hold_and_fail(&disk, DiskMethod::SyncData);
    let synced = in_background(&image, |image| image.journal().sync());
    gate.wait_until_reached();
    let filed = image.submit(LedgerFile { bytes: vec![2; 10] }).unwrap();
    gate.open();
    let error = synced.result().unwrap_err();
    assert!(error.is_poisoned() && error.is_outcome_unknown(), "{error}");
    assert!(filed.wait().is_err_and(|error| error.is_poisoned()));
    drop(image);
    disk.remove_rule();
    assert_eq!(open(&disk).query(|ledger| ledger.filed).unwrap(), 10, "the event should be recovered");
}
