//! Pruning keeps the events that a named subscription has not acknowledged, unless an option says otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Journal, Seq};
use memimage_tests::{DiskMethod, GateDisk, Ledger};

use super::{
    ACKNOWLEDGED, PATH, deposit, fill_segments, journal_of, next, open_with, prune, pruning, ready, seq, take,
};

#[test]
fn events_that_are_not_acknowledged_are_kept_and_stats_say_for_whom() {
    let disk = SimDisk::new();
    let image = open_with(&disk, pruning());
    deposit(&image, 1);
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    let event = next(&mut mailer);
    mailer.acknowledge(&event).unwrap();
    drop(mailer);
    fill_segments(&image, 20);
    prune(&image);
    let stats = image.admin().stats();
    assert_eq!((stats.base, stats.pruning_held_by.as_deref()), (None, Some("mailer")));
    assert_eq!((stats.subscriptions[0].name.as_str(), stats.subscriptions[0].acknowledged), ("mailer", Some(seq(1))));
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    let events: Vec<_> = (0..15).map(|_| next(&mut mailer)).collect();
    mailer.acknowledge(&events[13]).unwrap();
    fill_segments(&image, 20);
    prune(&image);
    assert!(image.admin().stats().base.is_none_or(|base| base <= seq(15)));
    assert_eq!(ready(&mut mailer).unwrap().len(), 27, "the mailer lost an event");
    drop(mailer);
    assert!(image.journal().unsubscribe("mailer").unwrap());
    prune(&image);
    let stats = image.admin().stats();
    assert!(stats.base > Some(seq(30)) && stats.pruning_held_by.is_none());
    Image::close(image).unwrap();
}

#[test]
fn with_the_option_the_journal_is_pruned_and_the_subscriber_gets_an_error() {
    let image = open_with(&SimDisk::new(), pruning().retain_for_subscriptions(false));
    drop(image.journal().subscribe_as("mailer", Seq::ZERO).unwrap());
    fill_segments(&image, 20);
    prune(&image);
    assert!(image.admin().stats().base.is_some());
    let error = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pruned);
    assert!(error.to_string().contains("begins with event"), "{error}");
}

/// The position that allows the pruning is synced before. Otherwise a power cut could make the subscription need events that
/// were pruned.
#[test]
fn after_a_power_cut_the_subscription_finds_all_events_that_it_needs() {
    let disk = SimDisk::new();
    let image = open_with(&disk, pruning());
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    fill_segments(&image, 20);
    for _ in 0..20 {
        let event = next(&mut mailer);
        mailer.acknowledge(&event).unwrap();
    }
    prune(&image);
    assert!(image.admin().stats().base.is_some());
    for kept in [false, true] {
        let cut = disk.crash(|_| kept);
        let image = open_with(&cut, pruning());
        let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
        assert_eq!(take(&mut mailer, 1), [21]);
    }
}

#[test]
fn a_position_that_cannot_be_read_or_synced_or_is_damaged_keeps_everything() {
    let disk = SimDisk::new();
    let gate = GateDisk::new(disk.clone());
    let image = pruning().open_with(std::sync::Arc::new(gate.clone()), PATH).unwrap();
    fill_segments(&image, 20);
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    for _ in 0..20 {
        let event = next(&mut mailer);
        mailer.acknowledge(&event).unwrap();
    }
    for method in [DiskMethod::Read, DiskMethod::Open, DiskMethod::SyncData] {
        gate.fail(method, "acknowledged", std::io::ErrorKind::Other);
        image.admin().snapshot().unwrap();
        deposit(&image, 1);
        image.admin().snapshot().unwrap();
        let stats = image.admin().stats();
        assert_eq!(stats.base, None, "{method:?}");
        assert!(stats.retention_failure.unwrap().contains("acknowledged"), "{method:?}");
        gate.remove_rule();
    }
    drop(mailer);
    let bytes = disk.read(ACKNOWLEDGED).unwrap();
    disk.write(ACKNOWLEDGED, 0, &vec![9; bytes.len()]).unwrap();
    prune(&image);
    let stats = image.admin().stats();
    assert_eq!((stats.base, stats.pruning_held_by.as_deref()), (None, Some("mailer")));
}

/// Calls `subscribe` once, at the first call of `method` on a path with this ending, and prunes.
fn prune_while(
    disk: &SimDisk,
    (method, ending): (DiskMethod, &'static str),
    subscribe: impl Fn(&Journal<Ledger>) + Send + Sync + 'static,
) -> Image<Ledger> {
    let gate = GateDisk::new(disk.clone());
    let image = pruning().open_with(Arc::new(gate.clone()), PATH).unwrap();
    fill_segments(&image, 20);
    let (journal, is_done) = (journal_of(disk.clone()), AtomicBool::new(false));
    gate.rule(move |call| {
        if call.is(method, ending) && !is_done.swap(true, Ordering::SeqCst) {
            subscribe(&journal);
        }
        Ok(None)
    });
    prune(&image);
    image
}

/// Regression: a pruning looked at the positions when it began, and removed what a subscription needed that was created since.
#[test]
fn a_subscription_that_is_created_while_the_journal_is_pruned_loses_no_event() {
    let disk = SimDisk::new();
    // the pruning has chosen its base, and copies it
    let image = prune_while(&disk, (DiskMethod::Rename, ".2.base"), |journal| {
        drop(journal.subscribe_as("mailer", Seq::ZERO).unwrap());
    });
    let stats = image.admin().stats();
    assert_eq!((stats.base, stats.pruning_held_by.as_deref()), (None, Some("mailer")));
    assert!(disk.files().iter().all(|path| !path.to_string_lossy().contains(".base")), "the base is left");
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    assert_eq!(ready(&mut mailer).unwrap(), (1..=21).collect::<Vec<_>>());
    drop(mailer);
    assert!(image.journal().unsubscribe("mailer").unwrap());
    prune(&image);
    assert!(image.admin().stats().base.is_some());
}

#[test]
fn a_subscription_that_is_created_after_a_pruning_has_begun_to_remove_events_is_refused() {
    let disk = SimDisk::new();
    let refused = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&refused);
    let image = prune_while(&disk, (DiskMethod::Remove, ".journal"), move |journal| {
        // the events are still there
        assert_eq!(take(&mut journal.subscribe(Seq::ZERO).unwrap(), 1), [1]);
        let error = journal.subscribe_as("mailer", Seq::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pruned, "{error}");
        assert!(journal.subscriptions().unwrap().is_empty(), "the position of the refused subscription is left");
        seen.store(true, Ordering::SeqCst);
    });
    assert!(refused.load(Ordering::SeqCst));
    assert!(image.admin().stats().base.is_some());
    assert_eq!(image.admin().stats().pruning_held_by, None);
}
