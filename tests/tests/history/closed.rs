//! Readers of the history of an image that was closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Model, Seq, Shape, SnapshotPolicy};
use serde::{Deserialize, Serialize};

/// The number of models in memory.
static MODELS: AtomicI64 = AtomicI64::new(0);

/// A field of which there is one in each model.
#[derive(PartialEq)]
struct Counted;

impl Default for Counted {
    fn default() -> Counted {
        MODELS.fetch_add(1, Ordering::SeqCst);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        MODELS.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
#[model(rebuild = nothing)]
struct Large {
    sum: u64,
    #[model(derived)]
    #[serde(skip)]
    counted: Counted,
}

#[memimage::commands]
impl Large {
    #[command]
    fn add(&mut self, number: u64) {
        self.sum += number;
    }
}

impl Large {
    fn nothing(&mut self) {}
}

#[test]
fn readers_do_not_keep_the_model_of_a_closed_image_in_memory() {
    let disk = SimDisk::new();
    let options = || Image::<Large>::options().snapshots(SnapshotPolicy::Manual);
    let image = options().open_with(Arc::new(disk.clone()), "/large").unwrap();
    for number in 0..5 {
        image.add(number).unwrap();
    }
    assert!(MODELS.load(Ordering::SeqCst) > 0, "the running image has a model");
    let journal = image.journal().clone();
    let mut events = journal.history().into_iter();
    events.next().unwrap().unwrap();
    let unread = journal.history();
    let changes = journal.changes(|large| large.sum);
    let branch = journal.branch("/branch");
    let mut subscription = journal.subscribe(Seq::ZERO).unwrap();
    let stream = journal.subscribe(Seq::ZERO).unwrap().into_stream();
    let past = journal.at(Seq::new(3)).unwrap();
    Image::close(image).unwrap();
    assert_eq!(MODELS.load(Ordering::SeqCst), 1, "that of the past state");
    drop(past);
    assert_eq!(MODELS.load(Ordering::SeqCst), 0);

    // what was begun goes on, and nothing can be begun
    assert_eq!(events.map(|event| event.unwrap().seq().get()).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!(subscription.by_ref().map(|event| event.unwrap().seq().get()).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let closed = [
        journal.at(Seq::new(1)).map(drop),
        journal.durable_seq().map(drop),
        journal.subscribe(Seq::ZERO).map(drop),
        journal.diff(Seq::new(1), Seq::new(2)).map(drop),
        unread.into_iter().next().unwrap().map(drop),
        { changes }.next().unwrap().map(drop),
        branch.create().map(drop),
    ];
    for result in closed {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Closed);
    }
    drop(stream);
    let reopened = options().open_journal_with(Arc::new(disk), "/large").unwrap();
    assert_eq!(reopened.at(Seq::new(5)).unwrap().sum, 10);
}
