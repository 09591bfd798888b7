//! What a named subscription has acknowledged does not come again, and everything else does.

use std::thread;

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Seq};
use memimage_tests::with_timeout;

use super::{deposit, journal_of, next, open, ready, seq, take};

#[test]
fn a_named_subscription_continues_after_the_last_acknowledged_event() {
    let disk = SimDisk::new();
    let image = open(&disk);
    deposit(&image, 5);
    let mut mailer = image.journal().subscribe_as("mailer", seq(1)).unwrap();
    assert_eq!((mailer.name(), mailer.acknowledged()), (Some("mailer"), Some(seq(1))));
    let event = next(&mut mailer);
    assert_eq!(event.seq(), seq(2));
    mailer.acknowledge(&event).unwrap();
    // returned, and not acknowledged
    assert_eq!(next(&mut mailer).seq(), seq(3));
    assert_eq!(mailer.acknowledged(), Some(seq(2)));
    drop(mailer);
    // the position at which a new name begins has no effect on an old one
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    assert_eq!(ready(&mut mailer).unwrap(), [3, 4, 5]);
    drop(mailer);
    Image::close(image).unwrap();
    let image = open(&disk);
    assert_eq!(ready(&mut image.journal().subscribe_as("mailer", seq(5)).unwrap()).unwrap(), [3, 4, 5]);
}

#[test]
fn each_position_survives_a_kill_and_a_power_cut_moves_it_only_back() {
    let disk = SimDisk::new();
    let image = open(&disk);
    deposit(&image, 9);
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    let mut events = Vec::new();
    for acknowledged in 1..=9 {
        let event = next(&mut mailer);
        mailer.acknowledge(&event).unwrap();
        events.push(event);
        // a kill keeps what was written
        assert_eq!(position(&disk.fork()), acknowledged);
        for kept in [false, true] {
            assert!((0..=acknowledged).contains(&position(&disk.crash(|_| kept))));
        }
        if acknowledged % 3 == 0 {
            mailer.sync_acknowledged().unwrap();
            assert_eq!(position(&disk.crash(|_| false)), acknowledged);
        }
    }
    // an earlier event does not move the position back
    mailer.acknowledge(&events[2]).unwrap();
    assert_eq!(mailer.acknowledged(), Some(seq(9)));
    drop(mailer);
    assert_eq!(position(&disk.crash(|_| false)), 9, "dropping a subscription syncs its position");
}

/// The position in the files, as another process sees it.
fn position(disk: &SimDisk) -> u64 {
    let subscriptions = journal_of(disk.clone()).subscriptions().unwrap();
    subscriptions[0].acknowledged.unwrap().get()
}

#[test]
fn a_name_has_one_subscriber_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    let image: Image<memimage_tests::Ledger> = super::options().open(&path).unwrap();
    deposit(&image, 2);
    let mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    let _other = image.journal().subscribe_as("other", Seq::ZERO).unwrap();
    let beside = super::options().open_journal(&path).unwrap();
    for refused in [image.journal().subscribe_as("mailer", Seq::ZERO), beside.subscribe_as("mailer", Seq::ZERO)] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.to_string().contains(&format!("in use by pid {}", std::process::id())), "{error}");
    }
    assert_eq!(image.journal().unsubscribe("mailer").unwrap_err().kind(), ErrorKind::Locked);
    let listed = image.journal().subscriptions().unwrap();
    assert_eq!(listed.iter().map(|info| info.name.as_str()).collect::<Vec<_>>(), ["mailer", "other"]);
    assert!(listed[0].subscriber.as_ref().unwrap().starts_with("pid "));
    drop(mailer);
    let mut mailer = beside.subscribe_as("mailer", Seq::ZERO).unwrap();
    assert_eq!(take(&mut mailer, 2), [1, 2]);
    drop(mailer);
    assert!(image.journal().unsubscribe("mailer").unwrap());
    assert!(!image.journal().unsubscribe("mailer").unwrap());
    assert_eq!(image.journal().subscriptions().unwrap().len(), 1);
    let mut again = image.journal().subscribe_as("mailer", seq(1)).unwrap();
    assert_eq!(next(&mut again).seq(), seq(2), "a removed name begins anew");
}

#[test]
fn only_events_that_the_subscription_has_returned_can_be_acknowledged() {
    let image = open(&SimDisk::new());
    deposit(&image, 3);
    let mut unnamed = image.journal().subscribe(Seq::ZERO).unwrap();
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    assert_eq!(next(&mut mailer).seq(), seq(1));
    let (first, second) = (next(&mut unnamed), next(&mut unnamed));
    let error = unnamed.acknowledge(&first).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotApplicable);
    assert!(error.to_string().contains("has no name"), "{error}");
    let error = mailer.acknowledge(&second).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotApplicable);
    assert!(error.to_string().contains("has not returned it"), "{error}");
    let other = open(&SimDisk::new());
    deposit(&other, 1);
    let foreign = next(&mut other.journal().subscribe(Seq::ZERO).unwrap());
    assert_eq!(mailer.acknowledge(&foreign).unwrap_err().kind(), ErrorKind::NotApplicable);
    assert_eq!(mailer.acknowledged(), Some(Seq::ZERO));
    mailer.acknowledge(&first).unwrap();
    assert_eq!(mailer.acknowledged(), Some(seq(1)));
}

#[test]
fn events_can_be_acknowledged_after_the_image_was_closed() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let image = open(&disk);
        let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
        let thread = thread::spawn(move || {
            while let Some(event) = mailer.next() {
                mailer.acknowledge(&event.unwrap()).unwrap();
            }
        });
        deposit(&image, 4);
        Image::close(image).unwrap();
        thread.join().unwrap();
        assert_eq!(position(&disk), 4);
    });
}
