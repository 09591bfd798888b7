//! A backup, another timeline or another image takes the place of an image while a program holds its journal, a past state, or a
//! loop over its changes.

use std::path::{Path, PathBuf};

use memimage::{Error, ErrorKind, Image, Journal, Options, Past, Retention, Seq, SnapshotPolicy, Timestamp};
use memimage_tests::{Ledger, LedgerCommands};

/// An image with 11 events, each of which deposits its seq, and a backup of its first 9 events.
struct Restore {
    dir: tempfile::TempDir,
}

impl Restore {
    fn new() -> Restore {
        let restore = Restore { dir: tempfile::tempdir().unwrap() };
        let image = restore.open();
        deposit(&image, 1..=9);
        image.admin().backup(restore.path("backup")).unwrap();
        deposit(&image, 10..=11);
        Image::close(image).unwrap();
        restore
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn image(&self) -> PathBuf {
        self.path("image")
    }

    fn open(&self) -> Image<Ledger> {
        options().open(self.image()).unwrap()
    }

    fn journal(&self) -> Journal<Ledger> {
        Journal::open(self.image()).unwrap()
    }

    fn at(&self, seq: u64) -> Past<Ledger> {
        self.journal().at(Seq::new(seq)).unwrap()
    }

    /// Puts the backup into the place of the image, and records `events` in it, each of which deposits 1,000.
    fn restore(&self, events: usize) {
        replace(&self.image(), &self.path("backup"));
        if events > 0 {
            let image = self.open();
            deposit(&image, std::iter::repeat_n(1_000, events));
            Image::close(image).unwrap();
        }
    }
}

fn options() -> Options<Ledger> {
    Image::options().segment_bytes(16 << 10).snapshots(SnapshotPolicy::Manual)
}

fn deposit(image: &Image<Ledger>, amounts: impl IntoIterator<Item = u32>) {
    for amount in amounts {
        image.deposit(1, amount).unwrap();
    }
}

fn replace(image: &Path, by: &Path) {
    std::fs::remove_dir_all(image).unwrap();
    std::fs::rename(by, image).unwrap();
}

fn balance(ledger: &Ledger) -> Option<i64> {
    ledger.accounts.get(&1).copied()
}

fn assert_replaced<T>(result: Result<T, Error>, what: &str) {
    let error = result.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
    assert!(error.to_string().contains(what), "{error}");
}

const OTHER_TIMELINE: &str = "the journal now has another history up to event 11";
const SHORTER: &str = "the journal now ends with event 9";

#[test]
fn a_past_state_does_not_go_on_in_another_timeline() {
    let restore = Restore::new();
    // one that has read the frame of its last event, and one that has not
    let (mut stepped, mut fresh) = (restore.at(10), restore.at(11));
    assert!(stepped.step().unwrap());
    let (mut forward, mut backward) = (restore.at(11), restore.at(11));
    restore.restore(4);
    for past in [&mut stepped, &mut fresh] {
        for _ in 0..2 {
            assert_replaced(past.step(), OTHER_TIMELINE);
            assert_eq!((past.seq(), balance(past)), (Seq::new(11), Some(66)), "the state is unchanged");
        }
    }
    assert_replaced(forward.seek(Seq::new(13)), OTHER_TIMELINE);
    assert_replaced(backward.seek(Seq::new(5)), OTHER_TIMELINE);
    assert_replaced(backward.seek(Timestamp::from(std::time::SystemTime::now())), OTHER_TIMELINE);
    // new calls read the restored image
    assert_eq!(balance(&restore.at(13)), Some(45 + 4_000));
}

#[test]
fn changes_do_not_go_on_in_another_timeline() {
    let restore = Restore::new();
    let late = restore.at(11).changes(balance);
    let mut early = restore.journal().changes(balance);
    for seq in 1..=3 {
        assert_eq!(early.next().unwrap().unwrap().seq, Seq::new(seq));
    }
    restore.restore(4);
    let mut late = late;
    assert_replaced(late.next().unwrap(), OTHER_TIMELINE);
    assert!(late.next().is_none());
    // what was read ahead belongs to one timeline, which is the only one that this loop shows
    let rest: Vec<_> = early.map(|change| change.map(|change| change.new)).collect();
    let old = [10, 15, 21, 28, 36, 45, 55, 66].map(Some);
    for (found, expected) in rest.iter().zip(old) {
        match found {
            Ok(found) => assert_eq!(*found, expected),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Replaced, "{error}"),
        }
    }
}

#[test]
fn a_restored_image_that_is_shorter_is_no_damage() {
    let restore = Restore::new();
    let (mut at_end, mut sought) = (restore.at(11), restore.at(11));
    let (mut before, mut early) = (restore.at(10), restore.at(5));
    restore.restore(0);
    assert_replaced(at_end.step(), SHORTER);
    assert_replaced(before.step(), SHORTER);
    assert_replaced(sought.seek(Seq::new(10)), SHORTER);
    // both histories have the events up to 9; those after them, which it was promised, are gone
    assert_replaced(early.seek(Seq::new(11)), SHORTER);
    assert_eq!(early.seq(), Seq::new(9));
    assert_eq!(restore.journal().at(Seq::new(10)).unwrap_err().kind(), ErrorKind::OutOfRange);
}

#[test]
fn a_removed_image_is_no_damage() {
    let restore = Restore::new();
    let (mut past, mut sought) = (restore.at(11), restore.at(11));
    std::fs::remove_dir_all(restore.image()).unwrap();
    assert_replaced(past.step(), "the directory was removed");
    assert_replaced(sought.seek(Seq::new(3)), "the directory was removed");
}

#[test]
fn a_past_state_goes_on_after_a_restore_of_what_it_has_seen() {
    let restore = Restore::new();
    let mut past = restore.at(9);
    restore.restore(4);
    while past.step().unwrap() {}
    assert_eq!((past.seq(), balance(&past)), (Seq::new(13), Some(45 + 4_000)));
}

#[test]
fn an_event_that_became_void_is_taken_out_of_a_past_state() {
    let restore = Restore::new();
    let mut past = restore.at(10);
    assert!(past.step().unwrap());
    memimage::admin::void(restore.image(), Seq::new(4), "a mistake").unwrap();
    deposit(&restore.open(), [100]);
    assert!(past.step().unwrap());
    assert_eq!((past.seq(), balance(&past)), (Seq::new(12), Some(66 - 4 + 100)));
    assert!(!past.step().unwrap());
}

#[test]
fn a_state_that_replaces_pruned_events_goes_on() {
    let restore = Restore::new();
    let image = options().retention(Retention::Events(0)).open(restore.image()).unwrap();
    for _ in 0..6 {
        for _ in 0..20 {
            image.file(vec![1; 1_000]).unwrap();
        }
        image.admin().snapshot().unwrap();
    }
    let journal = restore.journal();
    let base = journal.first(|_| true).unwrap().unwrap().seq();
    assert!(base > Seq::new(11), "the journal was pruned");
    for start in [base, Seq::new(base.get() + 1), image.journal().durable_seq()] {
        let mut past = journal.at(start).unwrap();
        while past.step().unwrap() {}
        assert_eq!(past.seq(), image.journal().durable_seq());
        deposit(&image, [1]);
        assert!(past.step().unwrap());
        assert_eq!(balance(&past), image.query(balance).unwrap());
    }
}

#[test]
fn a_journal_answers_for_the_image_that_it_was_opened_for() {
    let restore = Restore::new();
    let journal = restore.journal();
    let (mut past, running) = (restore.at(11), restore.open());
    let of_running = running.journal().clone();
    let other = options().open(restore.path("other")).unwrap();
    deposit(&other, 1..=20);
    Image::close(other).unwrap();
    std::fs::rename(restore.image(), restore.path("moved")).unwrap();
    std::fs::rename(restore.path("other"), restore.image()).unwrap();

    const OTHER: &str = "the directory now contains another image";
    assert_replaced(past.step(), OTHER);
    assert_replaced(journal.at(Seq::new(9)), OTHER);
    assert_replaced(journal.history().into_iter().next().unwrap(), OTHER);
    assert_replaced(journal.changes(balance).next().unwrap(), OTHER);
    assert_replaced(journal.first(|_| true), OTHER);
    assert_replaced(journal.diff(Seq::new(1), Seq::new(2)), OTHER);
    assert_replaced(journal.first_seq(), OTHER);
    assert_replaced(journal.durable_seq(), OTHER);
    assert_replaced(journal.subscribe(Seq::ZERO), OTHER);
    assert_replaced(journal.subscriptions(), OTHER);
    assert_replaced(journal.unsubscribe("mail"), OTHER);
    assert!(of_running.at(Seq::new(9)).is_err(), "the running image knows that its directory was moved");
    assert_eq!(restore.journal().durable_seq().unwrap(), Seq::new(20));
}
