//! A follower compares its state with the digests in the journal.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Model, Seq, Shape};
use memimage_tests::LedgerCommands;
use serde::{Deserialize, Serialize};

use super::{IMAGE, assert_follows, fill_segments, follow, open};

/// A model whose state differs on the thread of a follower from its third event on.
#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Skewed {
    count: u64,
}

#[memimage::commands]
impl Skewed {
    #[command]
    fn add(&mut self) {
        self.count += 1 + skew(self.count);
    }
}

fn skew(count: u64) -> u64 {
    u64::from(count >= 2 && std::thread::current().name() == Some("memimage-follower"))
}

#[test]
fn a_digest_that_differs_stops_the_follower() {
    let disk = SimDisk::new();
    let image = Image::<Skewed>::options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let follower = Image::<Skewed>::options().follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
    image.add().unwrap();
    image.add().unwrap();
    image.admin().snapshot().unwrap();
    follower.wait(Seq::new(2)).unwrap();
    image.add().unwrap();
    image.add().unwrap();
    follower.wait(Seq::new(4)).unwrap();
    image.admin().snapshot().unwrap();
    image.add().unwrap();
    let error = follower.wait(Seq::new(5)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged);
    let text = error.to_string();
    assert!(text.contains("the state after event 4 differs from the recorded state"), "{text}");
    assert!(text.contains("a command body that ran for event 3 or a later event is not deterministic"), "{text}");
    assert_eq!(follower.query(|_| ()).unwrap_err(), error);
    let unverified = Image::<Skewed>::options().verify_digests(false).follow_with(Arc::new(disk.clone()), IMAGE);
    let unverified = unverified.unwrap();
    image.add().unwrap();
    image.admin().snapshot().unwrap();
    image.add().unwrap();
    unverified.wait(image.journal().seq()).unwrap();
}

/// No event follows the digest.
#[test]
fn a_follower_at_rest_compares_its_state_with_the_last_digest() {
    let disk = SimDisk::new();
    let image = Image::<Skewed>::options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let follower = Image::<Skewed>::options().follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
    for _ in 0..2 {
        image.add().unwrap();
    }
    follower.wait(Seq::new(2)).unwrap();
    image.admin().snapshot().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(60));
    image.add().unwrap();
    follower.wait(Seq::new(3)).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(60));
    assert!(follower.lag().is_ok(), "there is no digest of this state yet");
    image.admin().snapshot().unwrap();
    let error = super::stopped(&follower);
    assert_eq!((error.kind(), error.position().unwrap().seq), (ErrorKind::Diverged, Some(Seq::new(3))));
    let text = error.to_string();
    assert!(text.contains("a command body that ran for event 3 or a later event"), "the first digest agreed: {text}");
}

/// The digest was recorded before an event became void, so it is not that of the state without the event.
#[test]
fn a_digest_from_before_a_void_event_does_not_count() {
    let disk = SimDisk::new();
    let image = open(&disk);
    image.deposit(1, 100).unwrap();
    image.deposit(1, 13).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    let void = memimage::admin::Void::new(Seq::new(1), "a mistake");
    void.run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let follower = follow(&disk);
    std::thread::sleep(std::time::Duration::from_millis(60));
    assert_eq!(follower.query(|ledger| ledger.accounts[&1]).unwrap(), 13);
    let image = open(&disk);
    image.deposit(1, 1).unwrap();
    assert_follows(&follower, &image);
}

#[test]
fn a_follower_verifies_its_state_on_demand() {
    let disk = SimDisk::new();
    let image = Image::<Skewed>::options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let follower = Image::<Skewed>::options().follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!(follower.verify().unwrap(), Seq::ZERO);
    for _ in 0..2 {
        image.add().unwrap();
    }
    follower.wait(Seq::new(2)).unwrap();
    assert_eq!(follower.verify().unwrap(), Seq::new(2));
    image.add().unwrap();
    follower.wait(Seq::new(3)).unwrap();
    let error = follower.verify().unwrap_err();
    assert_eq!((error.kind(), error.position().unwrap().seq), (ErrorKind::Diverged, Some(Seq::new(3))));
    assert!(follower.query(|_| ()).is_ok(), "the follower goes on; the caller decides");
}

#[test]
fn equal_digests_change_nothing() {
    let disk = SimDisk::new();
    let image = open(&disk);
    let follower = follow(&disk);
    for _ in 0..5 {
        fill_segments(&image, 9);
        image.admin().snapshot().unwrap();
        image.admin().verify().unwrap();
        assert_follows(&follower, &image);
        assert_eq!(follower.verify().unwrap(), image.journal().seq());
    }
    image.deposit(1, 1).unwrap();
    assert_follows(&follower, &image);
}
