//! Promises 1 and 2: no answer is given that a crash could take back.

use memimage::{CommandError, ErrorKind, Image, Seq};
use memimage_tests::{Act, GateDisk, Ledger, LedgerCommands, LedgerDeposit, Overdrawn, TooLittle};

use crate::{disks, forbid, hold, hold_and_fail, later, open, recovered};

const DEPOSIT: LedgerDeposit = LedgerDeposit { account: 1, amount: 100 };

/// A ledger that has recorded one event of each kind used here: the first of its kind writes its shape before.
fn begun(disk: &GateDisk) -> Image<Ledger> {
    let image = open(disk);
    image.deposit(8, 1).unwrap();
    image.settle(8, 1).unwrap();
    assert_eq!(image.explode(8).unwrap_err().kind(), ErrorKind::Panicked);
    image
}

#[test]
fn promise_1_a_value_waits_for_its_sync() {
    let (sim, disk) = disks();
    let image = open(&disk);
    image.deposit(1, 1).unwrap();
    let gate = hold(&disk, Act::SyncData);
    let answer = later(&image, |image| image.deposit(1, 100));
    gate.is_reached();
    answer.has_not_come();
    // executed and written, but a power cut would take it back
    assert_eq!((image.journal().seq(), image.journal().durable_seq()), (Seq::new(2), Seq::new(1)));
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 1);
    gate.open();
    assert_eq!(answer.comes().unwrap(), 101);
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 101);
}

#[test]
fn promise_1_a_value_that_came_is_on_disk() {
    let (sim, disk) = disks();
    let image = open(&disk);
    for nth in 1..=50 {
        assert_eq!(image.deposit(1, 1).unwrap(), nth);
        assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], nth);
    }
}

/// A refusal by a body may have changed something, so it is recorded, and waits for that.
#[test]
fn promise_1_a_bodys_refusal_waits_for_its_sync() {
    let (sim, disk) = disks();
    let image = begun(&disk);
    let gate = hold(&disk, Act::SyncData);
    let answer = later(&image, |image| image.settle(3, 5));
    gate.is_reached();
    answer.has_not_come();
    gate.open();
    assert_eq!(answer.comes(), Err(CommandError::Refused(Overdrawn(3))));
    assert_eq!(recovered(&sim.crash(|_| false)).failed, 1);
}

#[test]
fn promise_1_a_refusal_waits_for_the_pending_command_it_rests_on() {
    let (sim, disk) = disks();
    let image = begun(&disk);
    let gate = hold(&disk, Act::SyncData);
    let deposit = image.submit(DEPOSIT).unwrap();
    gate.is_reached();
    let refusal = later(&image, |image| image.withdraw(1, 200));
    refusal.has_not_come();
    assert!(!deposit.is_ready());
    gate.open();
    assert_eq!(refusal.comes(), Err(CommandError::Refused(TooLittle(100))));
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 100, "the refusal told of it");
}

/// The one that is written now, and the one that gathers behind it.
#[test]
fn promise_1_a_refusal_waits_for_the_open_batch_too() {
    let (sim, disk) = disks();
    let image = begun(&disk);
    let gate = hold(&disk, Act::SyncData);
    let deposits = [image.submit(DEPOSIT).unwrap(), {
        gate.is_reached();
        image.submit(DEPOSIT).unwrap()
    }];
    let refusal = later(&image, |image| image.withdraw(1, 500));
    refusal.has_not_come();
    assert!(deposits.iter().all(|deposit| !deposit.is_ready()));
    gate.open();
    assert_eq!(refusal.comes(), Err(CommandError::Refused(TooLittle(200))));
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 200);
}

#[test]
fn promise_1_a_refusal_is_not_told_if_what_it_rests_on_fails() {
    let (_, disk) = disks();
    let image = begun(&disk);
    let gate = hold_and_fail(&disk, Act::SyncData);
    let _deposit = image.submit(DEPOSIT).unwrap();
    gate.is_reached();
    let refusal = later(&image, |image| image.withdraw(1, 200));
    refusal.has_not_come();
    gate.open();
    let error = refusal.comes().unwrap_err();
    assert!(matches!(&error, CommandError::Image(error) if error.is_poisoned()), "{error}");
}

#[test]
fn promise_1_a_refusal_is_immediate_if_nothing_is_pending() {
    let (_, disk) = disks();
    let image = open(&disk);
    image.deposit(1, 100).unwrap();
    forbid(&disk);
    assert_eq!(later(&image, |image| image.withdraw(1, 200)).comes(), Err(CommandError::Refused(TooLittle(100))));
    let panicked = later(&image, |image| image.burn()).comes().unwrap_err();
    assert!(panicked.to_string().contains("the check exploded"), "{panicked}");
}

#[test]
fn promise_1_a_panics_message_waits_for_what_it_rests_on() {
    let (sim, disk) = disks();
    let image = begun(&disk);
    let gate = hold(&disk, Act::SyncData);
    let deposit = image.submit(DEPOSIT).unwrap();
    gate.is_reached();
    let panicked = later(&image, |image| image.explode(1));
    panicked.has_not_come();
    assert!(!deposit.is_ready());
    gate.open();
    let error = panicked.comes().unwrap_err();
    assert!(error.kind() == ErrorKind::Panicked && error.to_string().contains("exploded at account 1"), "{error}");
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 100);
    assert_eq!(image.query(|ledger| ledger.accounts[&1]).unwrap(), 100, "it left no trace");
}

#[test]
fn promise_1_a_panic_in_a_check_waits_for_what_it_rests_on() {
    let (sim, disk) = disks();
    let image = begun(&disk);
    let gate = hold(&disk, Act::SyncData);
    let _deposit = image.submit(DEPOSIT).unwrap();
    gate.is_reached();
    let panicked = later(&image, |image| image.burn());
    panicked.has_not_come();
    gate.open();
    let error = panicked.comes().unwrap_err();
    assert!(matches!(&error, CommandError::Image(error) if error.kind() == ErrorKind::Panicked), "{error}");
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 100);
}

#[test]
fn promise_2_a_query_waits_for_what_it_saw() {
    let (sim, disk) = disks();
    let image = begun(&disk);
    let gate = hold(&disk, Act::SyncData);
    let _deposit = image.submit(DEPOSIT).unwrap();
    gate.is_reached();
    let shown = later(&image, |image| image.query(|ledger| ledger.accounts[&1]));
    shown.has_not_come();
    assert_eq!(image.read_uncommitted().unwrap().accounts[&1], 100, "`read` waits for nothing, and says so");
    gate.open();
    assert_eq!(shown.comes().unwrap(), 100);
    assert_eq!(recovered(&sim.crash(|_| false)).accounts[&1], 100);
}

#[test]
fn promise_2_a_query_does_not_show_what_could_not_be_synced() {
    let (_, disk) = disks();
    let image = begun(&disk);
    let gate = hold_and_fail(&disk, Act::SyncData);
    let _deposit = image.submit(DEPOSIT).unwrap();
    gate.is_reached();
    let shown = later(&image, |image| image.query(|ledger| ledger.accounts[&1]));
    shown.has_not_come();
    gate.open();
    assert!(shown.comes().unwrap_err().is_poisoned());
}

#[test]
fn promise_2_a_query_of_durable_facts_waits_for_nothing() {
    let (_, disk) = disks();
    let image = open(&disk);
    image.deposit(1, 100).unwrap();
    forbid(&disk);
    assert_eq!(later(&image, |image| image.query(|ledger| ledger.accounts[&1])).comes().unwrap(), 100);
}

#[test]
fn promise_2_whatever_a_query_showed_survives_a_power_cut() {
    let (sim, disk) = disks();
    let image = open(&disk);
    let writer = later(&image, |image| {
        let pending: Vec<_> = (0..500).map(|_| image.submit(LedgerDeposit { account: 1, amount: 1 })).collect();
        pending.into_iter().last().unwrap().unwrap().wait().unwrap();
    });
    let balance = |ledger: &Ledger| ledger.accounts.get(&1).copied().unwrap_or(0);
    for _ in 0..30 {
        let shown = image.query(balance).unwrap();
        let left = balance(&recovered(&sim.crash(|_| false)));
        assert!(left >= shown, "{shown} was shown, and {left} is left");
    }
    writer.comes();
}
