//! Promise 7: interruptions go on, failures poison, and reopening recovers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use memimage::disk::SimDisk;
use memimage::{CommandError, Durability, Error, ErrorKind, Image, Seq};
use memimage_tests::{Act, Ask, GateDisk, Ledger, LedgerCommands, LedgerDeposit, LedgerFile, Run, in_time};

use crate::{Later, disks, hold_and_fail, hold_if, later, open, recovered, snapshots, state};

const SEGMENT: &str = "/ledger/journal/00000001.journal";

fn gone() -> io::Error {
    io::Error::other("the disk is gone")
}

#[test]
fn promise_7_interruptions_and_short_writes_go_on() {
    let (sim, disk) = disks();
    let calls = AtomicU64::new(0);
    disk.rule(move |call| match (call.act, calls.fetch_add(1, Ordering::SeqCst) % 3) {
        (Act::Read | Act::Write, 0) => Err(io::ErrorKind::Interrupted.into()),
        (Act::Read | Act::Write, 1) => Ok(Some(call.len.min(331))),
        _ => Ok(None),
    });
    let mut digests = Vec::new();
    let mut seq = Seq::ZERO;
    for _ in 0..3 {
        let mut run = Run::open(disk.clone(), Durability::Synced, 512, digests, seq).unwrap();
        for ask in [Ask::Deposit(1, 1), Ask::File(9_000), Ask::Settle(2, 1), Ask::Explode(1), Ask::File(9_000)] {
            run.ask(&ask);
        }
        run.image().admin().snapshot().unwrap();
        run.ask(&Ask::Deposit(1, 1));
        (digests, seq) = run.close();
    }
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 6);
}

/// All that the image refuses once it is poisoned, and that each refusal is certain.
#[track_caller]
fn is_poisoned(image: &Image<Ledger>) {
    let certain = |error: &Error| {
        assert!(error.is_poisoned() && error.is_io() && !error.is_outcome_unknown(), "{error}");
        assert!(error.to_string().contains("this command was not recorded; help: reopen the image"), "{error}");
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

/// A failing write or sync: its batch's waiters do not know, those behind it do.
fn a_failure_in_the_journal_poisons(act: Act) -> (SimDisk, GateDisk) {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.deposit(1, 100).unwrap();
    let gate = hold_and_fail(&disk, act);
    let first = later(&image, |image| image.deposit(1, 20));
    gate.is_reached();
    let behind = image.submit(LedgerDeposit { account: 1, amount: 3 }).unwrap();
    let asked = later(&image, |image| image.query(|ledger| ledger.accounts[&1]));
    asked.has_not_come();
    gate.open();

    let error = first.comes().unwrap_err();
    assert!(error.is_poisoned() && error.is_outcome_unknown() && error.is_io(), "{error}");
    assert!(error.to_string().contains("it is unknown whether this command was recorded"), "{error}");
    let error = in_time(move || behind.wait()).unwrap_err();
    assert!(error.is_poisoned() && !error.is_outcome_unknown(), "{error}");
    assert!(asked.comes().unwrap_err().is_poisoned());

    // the disk is well again, and it is not tried again
    disk.calm();
    disk.trace();
    is_poisoned(&image);
    assert!(Image::close(image).unwrap_err().is_poisoned());
    let written: Vec<_> = disk.trace().into_iter().filter(|call| call.act == Act::Write).collect();
    assert!(written.is_empty(), "{written:?}");
    (sim, disk)
}

#[test]
fn promise_7_a_failed_write_poisons_and_reopening_recovers() {
    let (_, disk) = a_failure_in_the_journal_poisons(Act::Write);
    let image = open(&disk);
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 100, "it was not written");
    assert_eq!(image.deposit(1, 5).unwrap(), 105);
}

#[test]
fn promise_7_a_failed_sync_poisons_and_reopening_recovers() {
    let (sim, disk) = a_failure_in_the_journal_poisons(Act::SyncData);
    // written, and never acknowledged: a power cut may take it or leave it
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 100);
    assert_eq!(recovered(&sim.crash(|_| true)).accounts[&1], 120);
    let image = open(&disk);
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 120);
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 120, "what was shown is on disk");
    assert_eq!(image.deposit(1, 5).unwrap(), 125);
}

/// A sync that succeeds after one that failed proves nothing: what it did not prove is written once more, then synced, and
/// only then anything says that it is durable.
#[test]
fn promise_7_after_a_failed_sync_the_bytes_are_written_again_before_they_count() {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.file(vec![1; 100]).unwrap();
    disk.trace();
    let gate = hold_and_fail(&disk, Act::SyncData);
    let filed = later(&image, |image| image.file(vec![2; 2_000]));
    gate.is_reached();
    gate.open();
    assert!(filed.comes().unwrap_err().is_outcome_unknown());
    drop(image);
    let failed = disk.trace().into_iter().rfind(|call| call.is(Act::Write, SEGMENT)).unwrap();
    let (start, end) = (failed.offset, failed.offset + failed.len as u64);
    let bytes = sim.read(SEGMENT).unwrap();

    disk.calm();
    let image = open(&disk);
    let calls = disk.trace();
    let again = calls
        .iter()
        .position(|call| call.is(Act::Write, SEGMENT) && call.offset <= start && call.offset + call.len as u64 >= end);
    let again = again.expect("they are written again");
    let synced = calls[again..].iter().position(|call| call.is(Act::SyncData, SEGMENT)).expect("and synced") + again;
    let said = calls.iter().position(|call| call.is(Act::Write, "journal/durable")).expect("and said to be durable");
    assert!(again < synced && synced < said, "{calls:?}");
    assert_eq!(sim.read(SEGMENT).unwrap()[..end as usize], bytes[..end as usize], "as they were");
    assert_eq!((image.journal().seq(), image.journal().durable_seq()), (Seq::new(2), Seq::new(2)));
}

/// If the sync on opening fails too, there is no image, and no harm.
#[test]
fn promise_7_opening_fails_if_what_it_wrote_again_cannot_be_synced() {
    let (sim, disk) = a_failure_in_the_journal_poisons(Act::SyncData);
    let syncs = AtomicU64::new(0);
    // the first is for what will be read, the second for what was written again
    disk.rule(move |call| match call.is(Act::SyncData, ".journal") && syncs.fetch_add(1, Ordering::SeqCst) == 1 {
        true => Err(gone()),
        false => Ok(None),
    });
    assert!(crate::try_open(&disk).unwrap_err().is_io());
    disk.calm();
    assert_eq!(open(&disk).query(|ledger| ledger.accounts[&1]).unwrap(), 120);
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 120);
}

/// Files one large payload after the other, each of which takes a segment, until that fails.
fn file_until_it_fails(image: &Image<Ledger>) -> Error {
    (0..20).find_map(|_| image.file(vec![5; 9_000]).err()).expect("it fails")
}

/// What is answered before that is there afterwards, and goes on.
#[track_caller]
fn reopening_recovers(disk: &GateDisk, sim: &SimDisk, image: Image<Ledger>, answered: u64) {
    drop(image);
    disk.calm();
    for seen in [open(disk), open(&sim.crash(|_| false)), open(&sim.crash(|_| true))] {
        // the one that failed was not recorded: it was never executed
        assert_eq!(seen.query(|ledger| ledger.filed).unwrap(), answered * 9_000);
        seen.file(vec![6; 9_000]).unwrap();
    }
}

#[test]
fn promise_7_a_failed_rename_of_the_segment_made_ahead_poisons() {
    let (sim, disk) = disks();
    disk.fail(Act::Rename, "00000003.journal", io::ErrorKind::Other);
    let image = open(&disk);
    let error = file_until_it_fails(&image);
    assert!(error.is_poisoned() && !error.is_outcome_unknown(), "{error}");
    let answered = image.journal().seq().get();
    is_poisoned(&image);
    reopening_recovers(&disk, &sim, image, answered);
}

#[test]
fn promise_7_a_failed_directory_sync_after_a_segment_was_made_ahead_poisons() {
    let (sim, disk) = disks();
    let renamed = AtomicBool::new(false);
    disk.rule(move |call| {
        if call.is(Act::Rename, "00000003.journal") {
            renamed.store(true, Ordering::SeqCst);
        }
        if call.is(Act::SyncDir, "/ledger/journal") && renamed.load(Ordering::SeqCst) { Err(gone()) } else { Ok(None) }
    });
    let image = open(&disk);
    let error = file_until_it_fails(&image);
    assert!(error.is_poisoned() && !error.is_outcome_unknown(), "{error}");
    let answered = image.journal().seq().get();
    is_poisoned(&image);
    reopening_recovers(&disk, &sim, image, answered);
}

/// A command that waited for that very segment was told of the bare error, as if it could be tried again.
#[test]
fn promise_7_a_command_that_waits_for_the_segment_is_told_that_the_image_is_poisoned() {
    let (_, disk) = disks();
    let gate = hold_if(&disk, |call| call.is(Act::Rename, "00000003.journal"), || Err(gone()));
    let image = open(&disk);
    let filed = later(&image, file_until_it_fails);
    gate.is_reached();
    // until it has come to where it waits
    filed.has_not_come();
    gate.open();
    let error = filed.comes();
    assert!(error.is_poisoned() && !error.is_outcome_unknown(), "{error}");
}

/// Until it has its name, the segment made ahead is no part of the image.
#[test]
fn promise_7_a_segment_that_could_not_be_filled_does_not_poison() {
    for act in [Act::CreateNew, Act::Write, Act::SyncAll] {
        let (sim, disk) = disks();
        disk.fail(act, "00000003.journal.tmp", io::ErrorKind::StorageFull);
        let image = open(&disk);
        let error = file_until_it_fails(&image);
        assert!(error.kind() == ErrorKind::StorageFull && !error.is_poisoned(), "{error}");
        let answered = image.journal().seq().get();
        assert_eq!(image.query(|ledger| ledger.filed).unwrap(), answered * 9_000);
        disk.calm();
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
        (Act::CreateNew, ".tmp"),
        (Act::Write, ".tmp"),
        (Act::SyncData, ".tmp"),
        (Act::SyncAll, ".tmp"),
        (Act::Rename, ".snapshot"),
        (Act::SyncDir, "/ledger/snapshot"),
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
            assert!(act == Act::SyncData || act == Act::SyncAll, "{act:?} is not used");
        }
        image.deposit(1, 1).unwrap();
        disk.calm();
        assert!(image.admin().snapshot().unwrap().verified, "the next one is made");
        assert!(!snapshots(&sim).iter().any(|path| path.to_string_lossy().ends_with(".tmp")), "nothing is left over");
    }
    let live = state(&image);
    assert_eq!(state(&open(&sim.crash(|_| false))), live);
}

/// Neither those whose batches are queued, nor those who wait for room in the queue.
#[test]
fn promise_7_nobody_waits_for_ever() {
    let (_, disk) = disks();
    let image = Run::options(Durability::Synced, 512).batch_bytes(1).pending_batches_max(1);
    let image = image.open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let gate = hold_and_fail(&disk, Act::SyncData);
    let waiters: Vec<Later<Result<i64, Error>>> = (0..6).map(|_| later(&image, |image| image.deposit(1, 1))).collect();
    gate.is_reached();
    gate.open();
    assert!(waiters.iter().all(|waiter| waiter.comes().is_err_and(|error| error.is_poisoned())));
}

/// What was written before may be on disk or not, so whoever wanted it synced does not know. They were told that it was not
/// recorded, of events that had been answered and are recovered.
#[test]
fn promise_7_a_sync_that_fails_leaves_the_outcome_unknown() {
    let (_, disk) = disks();
    let image = Run::options(Durability::Buffered, 512);
    let image = image.open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    image.file(vec![1; 10]).unwrap();
    let gate = hold_and_fail(&disk, Act::SyncData);
    let synced = later(&image, |image| image.journal().sync());
    gate.is_reached();
    let filed = image.submit(LedgerFile { bytes: vec![2; 10] }).unwrap();
    gate.open();
    let error = synced.comes().unwrap_err();
    assert!(error.is_poisoned() && error.is_outcome_unknown(), "{error}");
    assert!(filed.wait().is_err_and(|error| error.is_poisoned()));
    drop(image);
    disk.calm();
    assert_eq!(open(&disk).query(|ledger| ledger.filed).unwrap(), 10, "it was recorded");
}
