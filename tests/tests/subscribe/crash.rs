//! Power cuts on the simulated disk. A subscriber never sees an event that is lost afterwards, and a named subscription loses
//! no event, wherever the power fails.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use memimage::disk::{Crash, Effect, Fault, Method, SimDisk};
use memimage::{Durability, Image, Seq, Subscription};
use memimage_tests::{Ledger, LedgerCommands, Run, SplitMix64, cases};

use super::{amount, deposit, journal_of, open, open_with, prune, pruning, take};

/// The disk after some operation, and what the subscribers had seen by then.
struct Point {
    disk: SimDisk,
    seen: u64,
    /// The last event whose effect the mailer has had, and of which it has tried to write the acknowledgement.
    done: u64,
    synced: u64,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    seen: u64,
    done: u64,
    synced: u64,
}

/// Runs `body` on a disk, and records the disk after each operation.
fn record(body: impl FnOnce(&SimDisk, &Mutex<Progress>)) -> Vec<Point> {
    let (disk, progress) = (SimDisk::new(), Arc::new(Mutex::new(Progress::default())));
    let points = Arc::new(Mutex::new(Vec::new()));
    let (recorded, now) = (Arc::clone(&points), Arc::clone(&progress));
    disk.observe(move |_, disk| {
        let Progress { seen, done, synced } = *now.lock().unwrap();
        recorded.lock().unwrap().push(Point { disk: disk.fork(), seen, done, synced });
    });
    body(&disk, &progress);
    std::mem::take(&mut *points.lock().unwrap())
}

fn see(subscription: &mut Subscription<Ledger>, progress: &Mutex<Progress>) {
    while let Some(event) = subscription.next_timeout(std::time::Duration::ZERO).unwrap() {
        let mut progress = progress.lock().unwrap();
        progress.seen = progress.seen.max(event.seq().get());
    }
}

fn crashes(point: &Point, rng: &mut SplitMix64) -> Vec<SimDisk> {
    let variants =
        [Crash::Nothing, Crash::Everything, Crash::NamesOnly, Crash::BytesOnly, Crash::Subset(rng.below(u64::MAX))];
    let mut disks: Vec<SimDisk> = variants.iter().map(|crash| point.disk.crash_by(crash)).collect();
    disks.push(point.disk.fork());
    disks
}

#[test]
fn no_subscriber_has_seen_an_event_that_a_power_cut_takes_back() {
    for durability in [Durability::Synced, Durability::Buffered] {
        let options = || Run::options(durability, 512);
        let points = record(|disk, progress| {
            let mut image = open_with(disk, options());
            let mut beside = journal_of(disk.clone()).subscribe(Seq::ZERO).unwrap();
            for round in 0..6 {
                let mut live = image.journal().subscribe(beside.seq()).unwrap();
                for _ in 0..8 {
                    deposit(&image, 1);
                    image.file(vec![7; 1_500]).unwrap();
                    see(&mut live, progress);
                    see(&mut beside, progress);
                }
                if round % 2 == 0 {
                    image.journal().sync().unwrap();
                }
                see(&mut live, progress);
                see(&mut beside, progress);
                if round == 3 {
                    Image::close(image).unwrap();
                    see(&mut live, progress);
                    see(&mut beside, progress);
                    image = open_with(disk, options());
                }
            }
            assert!(progress.lock().unwrap().seen > 50);
        });
        let mut rng = SplitMix64::new(3);
        for point in points.iter().step_by(stride()).filter(|point| point.seen > 0) {
            for crashed in crashes(point, &mut rng) {
                let image = open_with(&crashed, options());
                let seq = image.journal().seq().get();
                assert!(seq >= point.seen, "{durability:?}: a subscriber has seen {}, and {seq} are left", point.seen);
            }
        }
    }
}

fn stride() -> usize {
    if cases(0) > 0 { 1 } else { 7 }
}

/// Takes events, has their effects, and acknowledges them.
fn mail(mailer: &mut Subscription<Ledger>, progress: &Mutex<Progress>, effects: &mut BTreeMap<u64, u32>, count: usize) {
    for _ in 0..count {
        let event = mailer.next().unwrap().unwrap();
        effects.insert(event.seq().get(), amount(&event));
        progress.lock().unwrap().done = event.seq().get();
        mailer.acknowledge(&event).unwrap();
    }
}

#[test]
fn a_subscription_whose_process_was_killed_while_it_was_made_stays_once_it_is_taken_again() {
    let disk = SimDisk::new();
    let image = open(&disk);
    deposit(&image, 3);
    let killed = Arc::new(Mutex::new(Vec::new()));
    let observed = Arc::clone(&killed);
    disk.observe(move |_, disk| observed.lock().unwrap().push(disk.clone()));
    drop(journal_of(disk.clone()).subscribe_as("mailer", Seq::ZERO).unwrap());
    let killed = std::mem::take(&mut *killed.lock().unwrap());
    assert!(killed.len() > 5, "{}", killed.len());
    for (number, disk) in killed.into_iter().enumerate() {
        let mailer = journal_of(disk.clone()).subscribe_as("mailer", Seq::ZERO).unwrap();
        let cut = disk.crash(|_| false);
        drop(mailer);
        let left = journal_of(cut).subscriptions().unwrap();
        assert_eq!(left.len(), 1, "killed after operation {number}");
    }
}

/// An image with a subscriber that has acknowledged event 1. The first sync of the position fails and drops it. The subscriber writes
/// the position again, unless it is `killed` before.
fn with_a_dropped_position(killed: bool) -> (SimDisk, Image<Ledger>, Subscription<Ledger>) {
    let disk = SimDisk::new();
    let image = open_with(&disk, pruning());
    deposit(&image, 3);
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    let event = mailer.next().unwrap().unwrap();
    mailer.acknowledge(&event).unwrap();
    disk.inject(Fault::io().on(&[Method::SyncData]).path("acknowledged").nth(1).effect(Effect::Dropped));
    if killed {
        disk.inject(Fault::io().on(&[Method::WriteAt]).path("acknowledged").from(1));
    }
    mailer.sync_acknowledged().unwrap_err();
    assert_eq!(disk.strikes(), if killed { 2 } else { 1 });
    (disk, image, mailer)
}

fn position_after_a_power_cut(disk: &SimDisk) -> Option<Seq> {
    journal_of(disk.crash(|_| false)).subscriptions().unwrap()[0].acknowledged
}

#[test]
fn a_position_that_a_failed_sync_has_dropped_is_on_disk_after_the_next_sync() {
    let (disk, _image, mut mailer) = with_a_dropped_position(false);
    mailer.sync_acknowledged().unwrap();
    assert_eq!(position_after_a_power_cut(&disk), Some(Seq::new(1)));
}

#[test]
fn a_position_that_a_failed_sync_has_dropped_is_on_disk_before_a_pruning_relies_on_it() {
    let (disk, image, _mailer) = with_a_dropped_position(false);
    prune(&image);
    assert_eq!(position_after_a_power_cut(&disk), Some(Seq::new(1)));
}

#[test]
fn a_position_that_a_failed_sync_has_dropped_is_on_disk_once_the_subscription_is_taken_again() {
    let (disk, _image, mailer) = with_a_dropped_position(true);
    drop(mailer);
    assert_eq!(disk.strikes(), 3, "the sync, the write after it, and the write when the subscription is dropped");
    disk.heal();
    let mailer = journal_of(disk.clone()).subscribe_as("mailer", Seq::ZERO).unwrap();
    assert_eq!(mailer.acknowledged(), Some(Seq::new(1)));
    assert_eq!(position_after_a_power_cut(&disk), Some(Seq::new(1)));
}

#[test]
fn a_named_subscription_loses_no_event_wherever_the_power_fails() {
    let points = record(|disk, progress| {
        let image = open_with(disk, pruning());
        let mut effects = BTreeMap::new();
        for round in 0..5 {
            let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
            deposit(&image, 9);
            mail(&mut mailer, progress, &mut effects, 4);
            mail(&mut mailer, progress, &mut effects, 3);
            mailer.sync_acknowledged().unwrap();
            {
                let mut progress = progress.lock().unwrap();
                progress.synced = progress.done;
            }
            if round % 2 == 1 {
                image.admin().snapshot().unwrap();
            }
            drop(mailer);
        }
        assert_eq!(effects.len(), 35);
        assert_eq!(image.admin().stats().retention_failure, None);
    });
    let mut rng = SplitMix64::new(5);
    for (number, point) in points.iter().enumerate().step_by(stride()) {
        let garbled = (true, point.disk.crash_by(&Crash::Garbage(rng.below(u64::MAX))));
        for (is_garbled, crashed) in crashes(point, &mut rng).into_iter().map(|disk| (false, disk)).chain([garbled]) {
            let why = |what: &str| format!("after operation {number}, {} effects: {what}", point.done);
            let image = match pruning().open_with(Arc::new(crashed.clone()), crate::PATH) {
                Ok(image) => image,
                Err(_) if is_garbled => continue,
                Err(error) => panic!("{}", why(&error.to_string())),
            };
            let exists = !image.journal().subscriptions().unwrap().is_empty();
            assert!(exists || point.synced == 0, "{}", why("the subscription is gone"));
            let last = image.journal().durable_seq();
            let mut mailer =
                image.journal().subscribe_as("mailer", Seq::ZERO).unwrap_or_else(|e| panic!("{}", why(&e.to_string())));
            let acknowledged = mailer.acknowledged().unwrap().get();
            assert!((point.synced..=point.done).contains(&acknowledged), "{}", why(&format!("{acknowledged}")));
            deposit(&image, 1);
            let left = last.get() + 1 - acknowledged;
            let expected: Vec<u64> = (acknowledged + 1..=last.get() + 1).collect();
            assert_eq!(take(&mut mailer, left as usize), expected, "{}", why("other events"));
        }
    }
}

#[test]
fn a_planned_pruning_beside_a_subscription_survives_power_cuts() {
    let points = record(|disk, progress| {
        let image = open_with(disk, pruning());
        let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
        for _ in 0..4 {
            for _ in 0..8 {
                image.file(vec![5; 6_000]).unwrap();
                let event = mailer.next().unwrap().unwrap();
                progress.lock().unwrap().done = event.seq().get();
                mailer.acknowledge(&event).unwrap();
            }
            prune(&image);
            let event = mailer.next().unwrap().unwrap();
            progress.lock().unwrap().done = event.seq().get();
            mailer.acknowledge(&event).unwrap();
        }
        assert!(image.admin().stats().base.is_some());
    });
    let mut rng = SplitMix64::new(9);
    for point in points.iter().step_by(stride()).filter(|point| point.done > 0) {
        for crashed in crashes(point, &mut rng) {
            let image = open(&crashed);
            let last = image.journal().durable_seq().get();
            let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
            let acknowledged = mailer.acknowledged().unwrap().get();
            assert!(acknowledged <= point.done);
            assert_eq!(take(&mut mailer, (last - acknowledged) as usize).len() as u64, last - acknowledged);
        }
    }
}
