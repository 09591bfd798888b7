//! The changes of a value, the first state with a property, and the differences of two states.

use memimage::disk::SimDisk;
use memimage::{Metadata, Seq, Value};
use memimage_tests::LedgerCommands;

use super::{open, options};

#[test]
fn each_change_names_its_event_and_both_values() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    image.with(Metadata::actor("ann")).deposit(1, 100).unwrap();
    image.deposit(2, 7).unwrap();
    image.with(Metadata::actor("bob")).withdraw(1, 30).unwrap();
    image.deposit(1, 0).unwrap();
    image.settle(1, 500).unwrap_err();
    let journal = image.journal();
    let changes: Vec<_> = journal.changes(|ledger| ledger.accounts.get(&1).copied()).map(Result::unwrap).collect();
    let found: Vec<_> = changes.iter().map(|change| (change.seq.get(), change.old, change.new)).collect();
    assert_eq!(found, [(1, None, Some(100)), (3, Some(100), Some(70)), (5, Some(70), Some(-430))]);
    assert_eq!(changes[1].events[0].metadata().get(Metadata::ACTOR), Some("bob"));
    assert!(changes[2].events[0].is_rejected(), "a rejected command can change the state");
    assert!(changes[0].time < changes[1].time);

    let later = journal.at(Seq::new(3)).unwrap().changes(|ledger| ledger.accounts.get(&1).copied());
    assert_eq!(later.map(|change| change.unwrap().seq.get()).collect::<Vec<_>>(), [5]);
}

#[test]
fn the_first_state_with_a_property_is_found() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    for _ in 0..10 {
        image.deposit(1, 10).unwrap();
    }
    let first = image.journal().first(|ledger| ledger.accounts.get(&1) >= Some(&50)).unwrap().unwrap();
    assert_eq!((first.seq(), first.accounts[&1]), (Seq::new(5), 50));
    assert!(image.journal().first(|ledger| ledger.failed > 0).unwrap().is_none());
    assert_eq!(image.journal().first(|_| true).unwrap().unwrap().seq(), Seq::ZERO);
}

#[test]
fn two_states_differ_in_the_parts_that_changed_between() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    image.deposit(1, 10).unwrap();
    image.deposit(2, 20).unwrap();
    image.withdraw(1, 3).unwrap();
    image.deposit(3, 30).unwrap();
    let journal = image.journal();
    let differences = journal.diff(Seq::new(2), Seq::new(4)).unwrap();
    let lines: Vec<_> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["accounts[1]: 10 → 7", "accounts[3]: absent → 30"]);
    assert_eq!(differences[0].old, Some(Value::from(10i64)));
    let reverse: Vec<_> = journal.diff(Seq::new(4), Seq::new(2)).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(reverse, ["accounts[1]: 7 → 10", "accounts[3]: 30 → absent"]);
    assert_eq!(journal.diff(Seq::new(4), Seq::new(4)).unwrap(), []);
}
