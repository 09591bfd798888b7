//! The changes of a value, the first state with a property, and the differences of two states.

use std::collections::BTreeMap;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Image, Metadata, Model, Seq, Shape, SnapshotPolicy, Value, admin};
use memimage_tests::LedgerCommands;
use serde::{Deserialize, Serialize};

use super::{PATH, journal, open, options};

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

#[test]
fn a_void_event_changes_nothing_and_later_events_change_what_they_did_without_it() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    image.deposit(1, 100).unwrap();
    image.deposit(1, 50).unwrap();
    image.settle(1, 200).unwrap_err();
    image.deposit(2, 1).unwrap();
    Image::close(image).unwrap();
    admin::Void::new(Seq::new(2), "a mistake").run_with(Arc::new(disk.clone()), PATH).unwrap();

    let journal = journal(&disk);
    let changes = journal.changes(|ledger| ledger.accounts.get(&1).copied()).map(Result::unwrap);
    let found: Vec<_> = changes.map(|change| (change.seq.get(), change.old, change.new)).collect();
    assert_eq!(found, [(1, None, Some(100)), (3, Some(100), Some(-100))]);
    assert!(journal.first(|ledger| ledger.accounts.get(&1) == Some(&150)).unwrap().is_none());
    assert_eq!(journal.first(|ledger| ledger.failed > 0).unwrap().unwrap().seq(), Seq::new(3), "a rejected event");
    assert_eq!(journal.diff(Seq::new(1), Seq::new(2)).unwrap(), []);
    let lines = |old, new| -> Vec<String> {
        journal.diff(Seq::new(old), Seq::new(new)).unwrap().iter().map(ToString::to_string).collect()
    };
    assert_eq!(lines(2, 3), ["accounts[1]: 100 → -100", "failed: 0 → 1"]);

    let mut past = journal.at(Seq::new(1)).unwrap();
    assert!(past.step().unwrap());
    let events = past.events().unwrap();
    assert_eq!((events.len(), events[0].is_void(), events[0].event().is_none()), (1, true, true));
    assert!(past.step().unwrap() && past.events().unwrap()[0].is_rejected());
}

/// Names, with an index that is not stored.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = reindex)]
struct Staff {
    names: BTreeMap<u32, String>,
    #[model(derived)]
    #[serde(skip)]
    by_name: BTreeMap<String, u32>,
}

impl Staff {
    fn reindex(&mut self) {
        self.by_name = self.names.iter().map(|(id, name)| (name.clone(), *id)).collect();
    }
}

#[memimage::commands]
impl Staff {
    #[command]
    fn rename(&mut self, id: u32, name: String) {
        if let Some(before) = self.names.insert(id, name.clone()) {
            self.by_name.remove(&before);
        }
        self.by_name.insert(name, id);
    }
}

#[test]
fn derived_fields_can_be_selected_and_are_no_difference_of_their_own() {
    let disk = SimDisk::new();
    let options = Image::<Staff>::options().snapshots(SnapshotPolicy::Manual);
    let image = options.open_with(Arc::new(disk), "/staff").unwrap();
    image.rename(7, "ann".to_owned()).unwrap();
    image.rename(8, "bob".to_owned()).unwrap();
    image.admin().snapshot().unwrap();
    image.rename(7, "eve".to_owned()).unwrap();
    image.rename(9, "ann".to_owned()).unwrap();

    let journal = image.journal();
    let found = |changes: Vec<memimage::Change<Staff, Option<u32>>>| -> Vec<_> {
        changes.iter().map(|change| (change.seq.get(), change.old, change.new)).collect()
    };
    let ann = |staff: &Staff| staff.by_name.get("ann").copied();
    let all = journal.changes(ann).map(Result::unwrap).collect();
    assert_eq!(found(all), [(1, None, Some(7)), (3, Some(7), None), (4, None, Some(9))]);
    let from_snapshot = journal.at(Seq::new(2)).unwrap();
    assert_eq!(from_snapshot.by_name.len(), 2, "rebuilt when the snapshot was loaded");
    let later = from_snapshot.changes(ann).map(Result::unwrap).collect();
    assert_eq!(found(later), [(3, Some(7), None), (4, None, Some(9))]);
    let first = journal.first(|staff| staff.by_name.contains_key("bob")).unwrap().unwrap();
    assert_eq!(first.seq(), Seq::new(2));
    let differences = journal.diff(Seq::new(2), Seq::new(4)).unwrap();
    let lines: Vec<_> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["names[7]: \"ann\" → \"eve\"", "names[9]: absent → \"ann\""]);
}

#[test]
fn a_panic_of_the_closure_ends_the_changes() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    for amount in 1..=5 {
        image.deposit(1, amount).unwrap();
    }
    let mut calls = 0;
    let mut changes = image.journal().changes(move |ledger| {
        calls += 1;
        assert!(calls != 4, "at event 3");
        ledger.accounts.get(&1).copied()
    });
    assert_eq!(changes.next().unwrap().unwrap().new, Some(1));
    assert_eq!(changes.next().unwrap().unwrap().new, Some(3));
    let next = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| changes.next().is_some()));
    assert!(next.is_err());
    assert!(changes.next().is_none(), "no change is left out");
}

#[test]
fn changes_end_with_the_last_event_that_was_durable_when_the_loop_began() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    image.deposit(1, 1).unwrap();
    image.deposit(1, 1).unwrap();
    let balance = |ledger: &memimage_tests::Ledger| ledger.accounts.get(&1).copied();
    let past = image.journal().at(Seq::new(1)).unwrap();
    let (all, later) = (image.journal().changes(balance), past.changes(balance));
    image.deposit(1, 1).unwrap();
    for (changes, expected) in [(all.take(50).collect::<Vec<_>>(), 3), (later.take(50).collect(), 2)] {
        assert_eq!(changes.len(), expected, "an event before the loop begins is read");
    }
    let mut seen = 0;
    for change in image.journal().changes(balance).take(50) {
        change.unwrap();
        image.deposit(1, 1).unwrap();
        seen += 1;
    }
    assert_eq!(seen, 3, "the events of the loop itself are not read");
}
