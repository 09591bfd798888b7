//! Moments and ranges that the journal does not have, and calls from the wrong place.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Journal, Model, Seq, Shape, Timestamp};
use memimage_tests::{Ledger, LedgerCommands, wait_until};
use serde::{Deserialize, Serialize};

use super::{PATH, journal, open, options};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Other {}

#[memimage::commands]
impl Other {
    #[command]
    fn nothing(&mut self) {}
}

#[test]
fn a_seq_after_the_end_is_refused_with_the_last_event() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    image.deposit(1, 1).unwrap();
    wait_until("the event is shown", || journal(&disk).durable_seq().unwrap() == Seq::new(1));
    for journal in [journal(&disk), image.journal().clone()] {
        let error = journal.at(Seq::new(2)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
        assert!(
            error.to_string().contains("event 2 is not in the journal") && error.to_string().contains("is 1"),
            "{error}"
        );
        let next = journal.history().range(Seq::new(2)..).into_iter().next();
        assert!(next.is_none(), "the next event may be asked for in advance");
        let error = journal.history().range(Seq::new(3)..).into_iter().next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
        let mut past = journal.at(Seq::new(1)).unwrap();
        assert_eq!(past.seek(Seq::new(9)).unwrap_err().kind(), ErrorKind::OutOfRange);
        assert_eq!((past.seq(), past.accounts[&1]), (Seq::new(1), 1), "a refused seek changes nothing");
    }
}

#[test]
fn a_time_before_the_image_or_in_the_future_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    let started = SystemTime::now();
    let image = Image::<Ledger>::open(&path).unwrap();
    image.deposit(1, 1).unwrap();
    let journal = Journal::<Ledger>::open(&path).unwrap();
    wait_until("the event is shown", || journal.durable_seq().unwrap() == Seq::new(1));
    let error = journal.at(Timestamp::from(started - Duration::from_secs(60))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    assert!(error.to_string().contains("the image was created at"), "{error}");
    let error = journal.at(Timestamp::from(SystemTime::now() + Duration::from_secs(60))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    assert!(error.to_string().contains("in the future"), "{error}");
    assert_eq!(journal.at(Timestamp::from(SystemTime::now())).unwrap().seq(), Seq::new(1));
}

#[test]
fn a_path_without_an_image_or_with_another_model_is_refused() {
    let disk = SimDisk::new();
    let missing = Image::<Ledger>::options().open_journal_with(Arc::new(disk.clone()), "/nowhere");
    let missing = missing.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(missing.to_string().contains("no image at `/nowhere`: the path does not exist; help: check"), "{missing}");
    assert!(disk.files().is_empty(), "nothing was created");
    drop(open(&disk, options()));
    let other = Image::<Other>::options().open_journal_with(Arc::new(disk.clone()), PATH);
    assert_eq!(other.unwrap_err().kind(), ErrorKind::Incompatible);
}

#[test]
fn an_image_that_is_removed_meanwhile_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    let image = Image::<Ledger>::open(&path).unwrap();
    image.deposit(1, 1).unwrap();
    let journal = Journal::<Ledger>::open(&path).unwrap();
    Image::close(image).unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    assert_eq!(journal.durable_seq().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(journal.at(Seq::new(1)).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(journal.history().into_iter().next().unwrap().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn the_history_is_not_read_from_inside_the_image() {
    let image = Image::<Ledger>::in_memory().unwrap();
    image.deposit(1, 1).unwrap();
    let inside = image.query(|_| image.journal().at(Seq::new(1)).map(drop)).unwrap();
    assert_eq!(inside.unwrap_err().kind(), ErrorKind::Reentrant);
    let inside = image.view(|_| image.journal().history().into_iter().next().unwrap().map(drop)).unwrap();
    assert_eq!(inside.unwrap_err().kind(), ErrorKind::Reentrant);
    let guard = image.read_uncommitted().unwrap();
    assert_eq!(image.journal().first(|_| true).unwrap_err().kind(), ErrorKind::Reentrant);
    drop(guard);
}

#[test]
fn a_closed_image_has_no_history_but_its_journal_has() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    image.deposit(1, 1).unwrap();
    let handle = image.journal().clone();
    Image::close(image).unwrap();
    assert_eq!(handle.at(Seq::new(1)).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(journal(&disk).at(Seq::new(1)).unwrap().accounts[&1], 1);
}

#[test]
fn the_largest_seq_has_no_successor() {
    use std::ops::Bound::{Excluded, Unbounded};
    let largest = Seq::new(u64::MAX);
    assert_eq!(largest.next(), largest);
    let image = Image::<Ledger>::in_memory().unwrap();
    image.deposit(1, 1).unwrap();
    let error =
        image.journal().history().range((Excluded(largest), Unbounded)).into_iter().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    assert_eq!(image.journal().history().range(..=largest).into_iter().count(), 1);
    assert_eq!(image.journal().at(largest).unwrap_err().kind(), ErrorKind::OutOfRange);
    assert_eq!(image.journal().subscribe(largest).map(drop).unwrap_err().kind(), ErrorKind::OutOfRange);
}

#[test]
fn the_journal_of_a_missing_image_is_not_to_be_created() {
    let dir = tempfile::tempdir().unwrap();
    let error = Journal::<Ledger>::open(dir.path().join("missing")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    assert!(text.contains("the path does not exist; help: check the path") && !text.contains("create"), "{text}");
}
