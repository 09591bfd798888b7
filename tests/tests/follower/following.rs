//! What a follower shows while its owner writes, rolls segments, prunes, restarts and ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use memimage::admin::Void;
use memimage::disk::{Fault, Method, SimDisk};
use memimage::{Durability, ErrorKind, Follower, Image, Retention, Seq};
use memimage_tests::{DiskMethod, Gate, GateDisk, Ledger, LedgerCommands, wait_until, with_timeout};

use super::{IMAGE, assert_follows, fill_segments, follow, open, open_with, options, paths};

#[test]
fn a_follower_shows_each_durable_event() {
    let disk = SimDisk::new();
    let image = open(&disk);
    let follower = follow(&disk);
    assert_eq!((follower.seq(), follower.lag().unwrap()), (Seq::ZERO, 0));
    for account in 0..20 {
        image.deposit(account, 5).unwrap();
        image.draw().unwrap();
        assert!(image.settle(account, 9).is_err());
        assert_follows(&follower, &image);
    }
    let opened_later = follow(&disk);
    assert_follows(&opened_later, &image);
    assert_eq!(format!("{follower:?}"), "Follower { path: \"/ledger\", seq: Seq(60), .. }");
}

#[test]
fn a_follower_reads_across_segments_and_snapshots() {
    let disk = SimDisk::new();
    let image = open(&disk);
    let follower = follow(&disk);
    for _ in 0..5 {
        fill_segments(&image, 20);
        image.admin().snapshot().unwrap();
        assert_follows(&follower, &image);
        assert_follows(&follow(&disk), &image);
    }
    assert_eq!(follower.recoveries(), 0);
    assert!(paths(&disk, "/ledger/journal").len() > 10);
}

/// Catches the planted bug `UnsyncedFollowed`.
#[test]
fn a_follower_shows_no_event_that_is_not_synced() {
    let disk = SimDisk::new();
    let image = open_with(&disk, options().durability(Durability::Buffered));
    image.deposit(1, 1).unwrap();
    image.journal().sync().unwrap();
    let follower = follow(&disk);
    assert_follows(&follower, &image);
    for _ in 0..3 {
        for _ in 0..10 {
            image.deposit(1, 1).unwrap();
        }
        let synced = image.journal().durable_seq();
        assert!(!follower.wait_timeout(synced.next(), Duration::from_millis(60)).unwrap(), "shows what is not synced");
        assert_eq!(follow(&disk).seq(), synced, "shows what is not synced");
        image.journal().sync().unwrap();
        assert_follows(&follower, &image);
    }
}

/// Waits until there is a segment after the last one that has grown, and returns its path.
fn segment_after_a_grown_one(disk: &SimDisk) -> PathBuf {
    let is_grown = |path: &PathBuf| disk.read(path).is_ok_and(|bytes| bytes.len() > 16 << 10);
    let next = || {
        let segments = paths(disk, "/ledger/journal")
            .into_iter()
            .filter(|path| path.extension().is_some_and(|end| end == "journal"));
        segments.skip_while(|path| !is_grown(path)).find(|path| !is_grown(path))
    };
    wait_until("the next segment", || next().is_some());
    next().expect("no segment is removed")
}

/// The first record of a segment may be larger than the segment, which then becomes longer than it was when the readers listed it.
#[test]
fn a_record_that_is_larger_than_a_segment_holds_up_no_reader() {
    let disk = SimDisk::new();
    let image = open_with(&disk, options().durability(Durability::Buffered));
    image.file(vec![7; 20_000]).unwrap();
    image.journal().sync().unwrap();
    let before = segment_after_a_grown_one(&disk);
    let follower = follow(&disk);
    let mut subscription =
        options().open_journal_with(Arc::new(disk.clone()), IMAGE).unwrap().subscribe(Seq::ZERO).unwrap();
    assert_follows(&follower, &image);
    assert_eq!(subscription.next().unwrap().unwrap().seq(), Seq::new(1));
    image.file(vec![7; 20_000]).unwrap();
    // the third segment begins, which shows that the second is synced; then a write fails, so that the owner never comes to rest,
    // when it would write how far the journal is synced
    let third = segment_after_a_grown_one(&disk);
    assert!(third > before);
    disk.inject(Fault::io().path(third.to_str().unwrap()).on(&[Method::WriteAt]).nth(2));
    image.deposit(1, 1).unwrap_err();
    assert!(follower.wait_timeout(Seq::new(2), Duration::from_secs(20)).unwrap(), "{:?}", follower.seq());
    let event = subscription.next_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(event.map(|event| event.seq()), Some(Seq::new(2)));
}

#[test]
fn a_follower_shows_no_event_whose_sync_has_not_returned() {
    let disk = GateDisk::new(SimDisk::new());
    let image = open(&disk);
    image.deposit(1, 1).unwrap();
    let follower = follow(&disk);
    follower.wait(Seq::new(1)).unwrap();
    let gate = Gate::default();
    let at_gate = gate.clone();
    disk.rule(move |call| {
        if call.is(DiskMethod::SyncData, ".journal") {
            at_gate.pass();
        }
        Ok(None)
    });
    let writer = image.clone();
    let thread = std::thread::spawn(move || writer.deposit(1, 1).unwrap());
    gate.wait_until_blocked();
    assert!(!follower.wait_timeout(Seq::new(2), Duration::from_millis(60)).unwrap());
    assert_eq!(follower.query(|ledger| ledger.accounts[&1]).unwrap(), 1);
    gate.open();
    assert_eq!(thread.join().unwrap(), 2);
    assert_follows(&follower, &image);
}

#[test]
fn a_follower_goes_on_after_each_restart_of_the_owner() {
    let disk = SimDisk::new();
    let image = open(&disk);
    let follower = follow(&disk);
    Image::close(image).unwrap();
    for _ in 0..5 {
        let image = open(&disk);
        fill_segments(&image, 5);
        assert_follows(&follower, &image);
        Image::close(image).unwrap();
        assert_eq!(follower.lag().unwrap(), 0);
    }
    assert_eq!(follower.recoveries(), 0);
}

/// The owner writes a part of a frame and fails; its next opening overwrites these bytes.
#[test]
fn a_torn_write_that_is_overwritten_is_never_shown() {
    let disk = SimDisk::new();
    let gate = GateDisk::new(disk.clone());
    let mut image = open(&gate);
    image.deposit(1, 1).unwrap();
    let follower = follow(&disk);
    for _ in 0..6 {
        let written = std::sync::atomic::AtomicBool::new(false);
        gate.rule(move |call| match call.method {
            DiskMethod::Write if call.path.ends_with("durable") => Ok(None),
            DiskMethod::Write if written.swap(true, std::sync::atomic::Ordering::Relaxed) => {
                Err(std::io::ErrorKind::Other.into())
            }
            DiskMethod::Write => Ok(Some(1_000)),
            _ => Ok(None),
        });
        image.file(vec![9; 3_000]).unwrap_err();
        std::thread::sleep(Duration::from_millis(5));
        drop(image);
        gate.remove_rule();
        image = open(&gate);
        image.deposit(1, 1).unwrap();
        assert_follows(&follower, &image);
    }
    assert_eq!(follower.recoveries(), 0);
}

#[test]
fn a_follower_that_was_too_slow_for_pruning_recovers_again() {
    let disk = SimDisk::new();
    let gate = GateDisk::new(disk.clone());
    let image = open_with(&disk, options().retention(Retention::Events(0)));
    fill_segments(&image, 3);
    let follower = follow(&gate);
    assert_follows(&follower, &image);
    let closed = Gate::default();
    let at_gate = closed.clone();
    gate.rule(move |_| {
        at_gate.pass();
        Ok(None)
    });
    closed.wait_until_blocked();
    for _ in 0..4 {
        fill_segments(&image, 20);
        image.admin().snapshot().unwrap();
    }
    assert!(!paths(&disk, "/ledger/journal").contains(&"/ledger/journal/00000002.journal".into()));
    gate.remove_rule();
    closed.open();
    assert_follows(&follower, &image);
    assert!(follower.recoveries() > 0);
}

#[test]
fn a_follower_beside_a_pruning_owner_never_stops() {
    let disk = SimDisk::new();
    let image = open_with(&disk, options().retention(Retention::Events(0)));
    let follower = follow(&disk);
    for _ in 0..30 {
        fill_segments(&image, 8);
        image.admin().snapshot().unwrap();
        assert_follows(&follow(&disk), &image);
    }
    assert_follows(&follower, &image);
}

#[test]
fn an_event_that_becomes_void_leaves_the_state() {
    let disk = SimDisk::new();
    let image = open(&disk);
    image.deposit(1, 100).unwrap();
    image.deposit(1, 13).unwrap();
    image.deposit(2, 5).unwrap();
    let follower = follow(&disk);
    assert_follows(&follower, &image);
    Image::close(image).unwrap();
    for (seq, balance) in [(2, 100), (3, 100)] {
        let void = Void::new(Seq::new(seq), "a mistake").run_with(Arc::new(disk.clone()), IMAGE);
        void.unwrap();
        memimage_tests::wait_until("the void event is gone", || follower.recoveries() >= seq - 1);
        assert_eq!(follower.query(|ledger| ledger.accounts[&1]).unwrap(), balance);
    }
    assert!(follower.query(|ledger| !ledger.accounts.contains_key(&2)).unwrap());
    let image = open(&disk);
    image.deposit(1, 1).unwrap();
    assert_follows(&follower, &image);
    assert_follows(&follow(&disk), &image);
    assert_eq!(follower.recoveries(), 2);
}

mod newer {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Ledger")]
    pub(super) struct Counter {
        pub(super) count: u64,
    }

    #[memimage::commands]
    impl Counter {
        #[command]
        pub(super) fn add(&mut self) {
            self.count += 1;
        }

        #[command]
        pub(super) fn multiply(&mut self, by: u64) {
            self.count *= by;
        }
    }
}

mod older {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    #[model(name = "Ledger")]
    pub(super) struct Counter {
        pub(super) count: u64,
    }

    #[memimage::commands]
    impl Counter {
        #[command]
        pub(super) fn add(&mut self) {
            self.count += 1;
        }
    }
}

#[test]
fn an_event_that_the_follower_does_not_know_stops_it() {
    use newer::CounterCommands as _;
    let disk = SimDisk::new();
    let image = Image::<newer::Counter>::options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    image.add().unwrap();
    let follower = older_follower(&disk);
    follower.wait(Seq::new(1)).unwrap();
    assert_eq!(follower.query(|counter| counter.count).unwrap(), 1);
    image.multiply(5).unwrap();
    let error = follower.wait(Seq::new(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    let text = error.to_string();
    assert!(text.starts_with("the follower of `/ledger` stopped after event 1: "), "{text}");
    assert!(
        text.contains("`multiply` version 1 is in the journal, but no command of this program records it"),
        "{text}"
    );
    assert_eq!(follower.query(|_| ()).unwrap_err(), error);
    assert_eq!(older_options().follow_with(Arc::new(disk), IMAGE).unwrap_err().kind(), ErrorKind::Incompatible);
}

fn older_options() -> memimage::Options<older::Counter> {
    Image::<older::Counter>::options()
}

fn older_follower(disk: &SimDisk) -> Follower<older::Counter> {
    older_options().follow_with(Arc::new(disk.clone()), IMAGE).unwrap()
}

#[test]
fn a_path_without_an_image_is_refused() {
    let disk = SimDisk::new();
    let missing = options().follow_with(Arc::new(disk.clone()), IMAGE).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(missing.to_string().contains("the path does not exist"), "{missing}");
    Image::close(open(&disk)).unwrap();
    let other = Image::<memimage_tests::Book>::options().follow_with(Arc::new(disk.clone()), IMAGE);
    assert_eq!(other.unwrap_err().kind(), ErrorKind::Incompatible);
    assert!(paths(&disk, "/").iter().all(|path| !path.starts_with("/other")), "a follower changes nothing");
}

#[test]
fn a_call_inside_a_query_is_refused() {
    with_timeout(|| {
        let disk = SimDisk::new();
        let _image = open(&disk);
        let follower = follow(&disk);
        let inner = follower.clone();
        let refused = |what: &str, error: memimage::Error| {
            assert_eq!(error.kind(), ErrorKind::Reentrant, "{what}");
        };
        follower
            .query(|_: &Ledger| {
                refused("query", inner.query(|_| ()).unwrap_err());
                refused("wait", inner.wait(Seq::new(1)).unwrap_err());
                refused("verify", inner.verify().unwrap_err());
                refused("promote", inner.clone().promote().unwrap_err().into());
                let _ = (inner.seq(), inner.lag());
            })
            .unwrap();
    });
}

#[test]
fn dropping_the_last_clone_ends_the_thread() {
    let disk = SimDisk::new();
    let image = open(&disk);
    let gate = GateDisk::new(disk.clone());
    let follower = follow(&gate);
    let clone = follower.clone();
    drop(follower);
    image.deposit(1, 1).unwrap();
    assert_follows(&clone, &image);
    drop(clone);
    drop(gate.trace());
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(gate.trace(), []);
}

/// A model that can be replayed up to its third event on the thread of a follower.
mod moody {
    use memimage::{Model, Shape};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize, Shape, Model)]
    pub(super) struct Moody {
        pub(super) count: u64,
    }

    #[memimage::commands]
    impl Moody {
        #[command]
        pub(super) fn add(&mut self) {
            self.count += 1;
            if self.count == 3 {
                super::panic_on_follower();
            }
        }
    }
}

fn panic_on_follower() {
    if std::thread::current().name() == Some("memimage-follower") {
        std::panic::resume_unwind(Box::new("in a bad mood"));
    }
}

#[test]
fn an_event_whose_replay_fails_stops_the_follower() {
    use moody::MoodyCommands as _;
    let disk = SimDisk::new();
    let image = Image::<moody::Moody>::options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let follower = Image::<moody::Moody>::options().follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
    image.add().unwrap();
    image.add().unwrap();
    follower.wait(Seq::new(2)).unwrap();
    image.add().unwrap();
    let error = follower.wait(Seq::new(3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged);
    assert_eq!(error.position().unwrap().seq, Some(Seq::new(3)));
    let text = error.to_string();
    assert!(
        text.starts_with("the follower of `/ledger` stopped after event 2: event 3 (`add` version 1) cannot"),
        "{text}"
    );
    assert!(text.contains("its replay panicked: in a bad mood"), "{text}");
    assert_eq!(follower.query(|_| ()).unwrap_err(), error, "the state is half changed");
    assert_eq!((follower.seq(), follower.recoveries()), (Seq::new(2), 0), "these tell how far it came");
    let failed = follower.promote().unwrap_err();
    assert_eq!(*failed.error(), error);
}
