//! Promises 1 and 2: a crash does not take back an answer that was given.

use std::io;
use std::path::Path;
use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{CommandError, ErrorKind, Image, Seq};
use memimage_tests::{DiskMethod, GateDisk, Ledger, LedgerCommands, LedgerDeposit, Overdrawn, TooLittle};

use crate::{disks, forbid, hold, hold_and_fail, in_background, open, recovered};

const DEPOSIT: LedgerDeposit = LedgerDeposit { account: 1, amount: 100 };

/// A ledger with one event of each kind used here, because the first event of a kind also records its shape.
fn prepared(disk: &GateDisk) -> Image<Ledger> {
    let image = open(disk);
    image.deposit(8, 1).unwrap();
    image.settle(8, 1).unwrap();
    assert_eq!(image.explode(8).unwrap_err().kind(), ErrorKind::Panicked);
    image
}

#[test]
fn promise_1_an_answer_waits_for_its_sync() {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.deposit(1, 1).unwrap();
    let gate = hold(&disk, DiskMethod::SyncData);
    let answer = in_background(&image, |image| image.deposit(1, 100));
    gate.wait_until_reached();
    answer.assert_not_finished();
    // executed and written, but not yet safe from a power cut
    assert_eq!((image.journal().seq(), image.journal().durable_seq()), (Seq::new(2), Seq::new(1)));
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 1);
    gate.open();
    assert_eq!(answer.result().unwrap(), 101);
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 101);
}

#[test]
fn promise_1_an_answer_that_was_given_is_on_disk() {
    let (sim, disk) = disks();
    let image = open(&disk);
    for nth in 1..=50 {
        assert_eq!(image.deposit(1, 1).unwrap(), nth);
        assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], nth);
    }
}

/// A rejected command may have changed the model, so its event is recorded, and the answer waits for the sync.
#[test]
fn promise_1_a_rejection_waits_for_its_sync() {
    let (sim, disk) = disks();
    let image = prepared(&disk);
    let gate = hold(&disk, DiskMethod::SyncData);
    let answer = in_background(&image, |image| image.settle(3, 5));
    gate.wait_until_reached();
    answer.assert_not_finished();
    gate.open();
    assert_eq!(answer.result(), Err(CommandError::Refused(Overdrawn(3))));
    assert_eq!(recovered(&sim.crash(|_| false)).failed, 1);
}

#[test]
fn promise_1_a_refusal_waits_for_the_pending_command_it_depends_on() {
    let (sim, disk) = disks();
    let image = prepared(&disk);
    let gate = hold(&disk, DiskMethod::SyncData);
    let deposit = image.submit(DEPOSIT).unwrap();
    gate.wait_until_reached();
    let refusal = in_background(&image, |image| image.withdraw(1, 200));
    refusal.assert_not_finished();
    assert!(!deposit.is_ready());
    gate.open();
    assert_eq!(refusal.result(), Err(CommandError::Refused(TooLittle(100))));
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 100, "the refusal revealed the deposit");
}

/// The refusal depends on a batch that is being written and on the open batch after it.
#[test]
fn promise_1_a_refusal_waits_for_the_open_batch() {
    let (sim, disk) = disks();
    let image = prepared(&disk);
    let gate = hold(&disk, DiskMethod::SyncData);
    let deposits = [image.submit(DEPOSIT).unwrap(), {
        gate.wait_until_reached();
        image.submit(DEPOSIT).unwrap()
    }];
    let refusal = in_background(&image, |image| image.withdraw(1, 500));
    refusal.assert_not_finished();
    assert!(deposits.iter().all(|deposit| !deposit.is_ready()));
    gate.open();
    assert_eq!(refusal.result(), Err(CommandError::Refused(TooLittle(200))));
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 200);
}

#[test]
fn promise_1_a_refusal_fails_if_a_command_it_depends_on_fails() {
    let (_, disk) = disks();
    let image = prepared(&disk);
    let gate = hold_and_fail(&disk, DiskMethod::SyncData);
    let _deposit = image.submit(DEPOSIT).unwrap();
    gate.wait_until_reached();
    let refusal = in_background(&image, |image| image.withdraw(1, 200));
    refusal.assert_not_finished();
    gate.open();
    let error = refusal.result().unwrap_err();
    assert!(matches!(&error, CommandError::Image(error) if error.is_poisoned()), "{error}");
}

#[test]
fn promise_1_a_refusal_is_immediate_if_nothing_is_pending() {
    let (_, disk) = disks();
    let image = open(&disk);
    image.deposit(1, 100).unwrap();
    forbid(&disk);
    assert_eq!(
        in_background(&image, |image| image.withdraw(1, 200)).result(),
        Err(CommandError::Refused(TooLittle(100)))
    );
    let panicked = in_background(&image, |image| image.burn()).result().unwrap_err();
    assert!(panicked.to_string().contains("the check exploded"), "{panicked}");
}

#[test]
fn promise_1_a_panic_waits_for_the_commands_it_depends_on() {
    let (sim, disk) = disks();
    let image = prepared(&disk);
    let gate = hold(&disk, DiskMethod::SyncData);
    let deposit = image.submit(DEPOSIT).unwrap();
    gate.wait_until_reached();
    let panicked = in_background(&image, |image| image.explode(1));
    panicked.assert_not_finished();
    assert!(!deposit.is_ready());
    gate.open();
    let error = panicked.result().unwrap_err();
    assert!(error.kind() == ErrorKind::Panicked && error.to_string().contains("exploded at account 1"), "{error}");
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 100);
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 100, "the command should have no effect");
}

#[test]
fn promise_1_a_panic_in_a_check_waits_for_the_commands_it_depends_on() {
    let (sim, disk) = disks();
    let image = prepared(&disk);
    let gate = hold(&disk, DiskMethod::SyncData);
    let _deposit = image.submit(DEPOSIT).unwrap();
    gate.wait_until_reached();
    let panicked = in_background(&image, |image| image.burn());
    panicked.assert_not_finished();
    gate.open();
    let error = panicked.result().unwrap_err();
    assert!(matches!(&error, CommandError::Image(error) if error.kind() == ErrorKind::Panicked), "{error}");
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 100);
}

#[test]
fn promise_2_a_query_waits_for_the_events_it_saw() {
    let (sim, disk) = disks();
    let image = prepared(&disk);
    let gate = hold(&disk, DiskMethod::SyncData);
    let _deposit = image.submit(DEPOSIT).unwrap();
    gate.wait_until_reached();
    let answer = in_background(&image, |image| image.query(|ledger| ledger.accounts[&1]));
    answer.assert_not_finished();
    assert_eq!(image.read_uncommitted().unwrap().accounts[&1], 100, "an uncommitted read should not wait");
    gate.open();
    assert_eq!(answer.result().unwrap(), 100);
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 100);
}

#[test]
fn promise_2_a_query_fails_if_an_event_it_saw_cannot_be_synced() {
    let (_, disk) = disks();
    let image = prepared(&disk);
    let gate = hold_and_fail(&disk, DiskMethod::SyncData);
    let _deposit = image.submit(DEPOSIT).unwrap();
    gate.wait_until_reached();
    let answer = in_background(&image, |image| image.query(|ledger| ledger.accounts[&1]));
    answer.assert_not_finished();
    gate.open();
    assert!(answer.result().unwrap_err().is_poisoned());
}

#[test]
fn promise_2_a_query_of_durable_state_does_not_wait() {
    let (_, disk) = disks();
    let image = open(&disk);
    image.deposit(1, 100).unwrap();
    forbid(&disk);
    assert_eq!(in_background(&image, |image| image.query(|ledger| ledger.accounts[&1])).result().unwrap(), 100);
}

#[test]
fn promise_2_events_that_a_query_saw_survive_a_power_cut() {
    let (sim, disk) = disks();
    let image = open(&disk);
    let writer = in_background(&image, |image| {
        let pending: Vec<_> = (0..500).map(|_| image.submit(LedgerDeposit { account: 1, amount: 1 })).collect();
        pending.into_iter().last().unwrap().unwrap().wait().unwrap();
    });
    let balance = |ledger: &Ledger| ledger.accounts.get(&1).copied().unwrap_or(0);
    for _ in 0..30 {
        let answer = image.query(balance).unwrap();
        let left = balance(&recovered(&sim.crash(|_| false)));
        assert!(left >= answer, "the query returned {answer}, and {left} was recovered");
    }
    writer.result();
}

/// An image may have been moved, or a copy may have got its name, just before the opening.
#[test]
fn promise_1_holds_for_an_image_whose_name_was_not_synced() {
    let disk = SimDisk::new();
    let open = |path: &str| Image::<Ledger>::options().open_with(Arc::new(disk.clone()), path).unwrap();
    Image::close(open("/before")).unwrap();
    disk.create_dir(Path::new("/dir")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk.rename(Path::new("/before"), Path::new("/dir/after")).unwrap();
    let image = open("/dir/after");
    image.deposit(1, 100).unwrap();
    let cut =
        Image::<Ledger>::options().create(false).open_with(Arc::new(disk.crash(|_| false)), "/dir/after").unwrap();
    assert_eq!(cut.query(|ledger| ledger.accounts[&1]).unwrap(), 100);
}

#[test]
fn an_image_opens_although_its_parent_directory_must_not_be_opened() {
    for (kind, opens) in [(io::ErrorKind::PermissionDenied, true), (io::ErrorKind::Other, false)] {
        let disk = GateDisk::new(SimDisk::new());
        disk.create_dir(Path::new("/parent")).unwrap();
        let open = || Image::<Ledger>::options().open_with(Arc::new(disk.clone()), "/parent/ledger");
        Image::close(open().unwrap()).unwrap();
        disk.rule(move |call| if call.is(DiskMethod::SyncDir, "/parent") { Err(kind.into()) } else { Ok(None) });
        assert_eq!(open().is_ok(), opens, "{kind}");
    }
}
