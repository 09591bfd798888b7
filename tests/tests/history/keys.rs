//! The keys of events: the same wherever an event is read, and never those of another event.

use std::collections::BTreeSet;
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{EventKey, Journal, Seq, admin};
use memimage_tests::{Ledger, LedgerCommands};

use super::{PATH, journal, open, options};

fn keys(journal: &Journal<Ledger>) -> Vec<EventKey> {
    journal.history().into_iter().map(|event| event.unwrap().key()).collect()
}

#[test]
fn an_event_has_the_same_key_wherever_it_is_read() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    for _ in 0..5 {
        image.deposit(1, 1).unwrap();
    }
    let running = keys(&image.journal());
    assert_eq!(running.iter().collect::<BTreeSet<_>>().len(), 5);
    let subscribed: Vec<_> =
        image.journal().subscribe(Seq::ZERO).unwrap().take(5).map(|event| event.unwrap().key()).collect();
    assert_eq!(subscribed, running);
    let mut backward: Vec<_> =
        image.journal().history().newest_first().into_iter().map(|event| event.unwrap().key()).collect();
    backward.reverse();
    assert_eq!(backward, running);
    let mut past = image.journal().at(Seq::ZERO).unwrap();
    for key in &running {
        assert!(past.step().unwrap());
        assert_eq!(past.events().unwrap()[0].key(), *key);
    }
    image.admin().backup("/backup").unwrap();
    let copy = options().open_journal_with(Arc::new(disk.clone()), "/backup").unwrap();
    assert_eq!(keys(&copy), running);

    memimage::Image::close(image).unwrap();
    assert_eq!(keys(&journal(&disk)), running, "by another process");
    let again = open(&disk, options());
    again.deposit(1, 1).unwrap();
    assert_eq!(keys(&again.journal())[..5], running, "after a restart");
    drop(again);
    admin::Void::new(Seq::new(3), "a mistake").run_with(Arc::new(disk.clone()), PATH).unwrap();
    assert_eq!(keys(&journal(&disk))[..5], running, "after an event became void");
}

/// Regression: the key was the image, the seq and the part, so a receiver took a new event for one that a restore had lost.
#[test]
fn an_event_after_a_restore_has_another_key_than_the_lost_event_with_its_seq() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    image.deposit(1, 1).unwrap();
    image.deposit(1, 2).unwrap();
    image.admin().backup("/backup").unwrap();
    let backup = disk.fork();
    image.deposit(1, 3).unwrap();
    let lost = keys(&image.journal());

    let restored = options().open_with(Arc::new(backup), "/backup").unwrap();
    restored.deposit(1, 3).unwrap();
    let now = keys(&restored.journal());
    assert_eq!(now[..2], lost[..2]);
    assert_eq!((now[2].image, now[2].seq, now[2].part), (lost[2].image, lost[2].seq, lost[2].part));
    assert_ne!(now[2], lost[2]);
    assert_ne!(now[2].to_string(), lost[2].to_string());
}

#[test]
fn each_event_of_a_branch_has_another_key_than_in_the_parent() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    for _ in 0..3 {
        image.deposit(1, 1).unwrap();
    }
    image.journal().branch("/branch").until(Seq::new(2)).create().unwrap();
    let branch: Journal<Ledger> = options().open_journal_with(Arc::new(disk.clone()), "/branch").unwrap();
    let (parent, branch) = (keys(&image.journal()), keys(&branch));
    assert_eq!(branch.len(), 2);
    assert!(branch.iter().all(|key| parent.iter().all(|other| (other.image, other.frame) != (key.image, key.frame))));
    assert!(branch.iter().all(|key| parent.iter().all(|other| other.image != key.image)));
}
