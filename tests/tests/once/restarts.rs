//! Requests are remembered after restarts: from the journal, from a snapshot, and from the base of a pruned journal.

use std::path::Path;
use std::sync::Arc;

use memimage::admin::{Check, Void};
use memimage::disk::SimDisk;
use memimage::{CommandError, ErrorKind, Image, Options, Replica, Retention, Seq, SnapshotSource};
use memimage_tests::protection::{MODES, PLAIN, ProtectionMode};
use memimage_tests::with_keys;

use super::{
    Declined, RefundsCommands as _, SalesCommands as _, Till, assert_error, open, options, ran, remove_snapshots,
};

/// How the image that remembers the requests runs.
#[derive(Clone, Copy, Debug)]
struct Mode {
    source: SnapshotSource<Till>,
    replica: Replica,
    protection: ProtectionMode,
}

impl Mode {
    fn options(self) -> Options<Till> {
        with_keys!(self.protection, options().snapshot_source(self.source).replica(self.replica))
    }

    fn open(self, disk: &SimDisk) -> Image<Till> {
        self.options().open_with(Arc::new(disk.clone()), super::PATH).unwrap()
    }
}

fn modes() -> Vec<Mode> {
    let sources = [SnapshotSource::Replica, SnapshotSource::Clone(Till::clone), SnapshotSource::InPlace];
    let mut modes: Vec<Mode> =
        sources.map(|source| Mode { source, replica: Replica::OnDemand, protection: PLAIN }).to_vec();
    modes.push(Mode { replica: Replica::Standing, ..modes[0] });
    modes.extend(MODES.map(|protection| Mode { protection, ..modes[0] }));
    modes
}

/// Executes requests of each kind.
fn first_requests(image: &Image<Till>) {
    image.sell(5, 5).unwrap();
    assert_eq!(image.once("sold").sell(7, 3).unwrap().number, 2);
    assert_eq!(image.once("paid").pay(90).unwrap(), 90);
    assert_eq!(image.once("declined").pay(900), Err(CommandError::Refused(Declined(900))));
    image.once("rung").ring().unwrap();
    image.refund(10).unwrap();
    image.once("refunded").refund(20).unwrap();
}

/// Repeats each of the requests, and asserts that nothing is executed.
#[track_caller]
fn assert_remembered(image: &Image<Till>) {
    let before = (ran(image), image.journal().seq());
    assert_eq!(image.once("sold").sell(7, 3).unwrap().items, [7; 3]);
    assert_eq!(image.once("paid").pay(90).unwrap(), 90);
    assert_eq!(image.once("declined").pay(900), Err(CommandError::Refused(Declined(900))));
    assert_error(&image.once("rung").ring().unwrap_err(), ErrorKind::AlreadyExecuted, 5, "`Shape`");
    assert_eq!(image.once("refunded").refund(20).unwrap(), 60);
    assert_error(&image.once("paid").ring().unwrap_err(), ErrorKind::RequestKeyReused, 3, "it was the command `pay`");
    let Err(CommandError::Image(error)) = image.once("paid").pay(91) else { panic!("another amount") };
    assert_error(&error, ErrorKind::RequestKeyReused, 3, "other arguments");
    assert_eq!((ran(image), image.journal().seq()), before);
}

#[test]
fn requests_are_remembered_after_a_replay() {
    let disk = SimDisk::new();
    let image = open(&disk);
    first_requests(&image);
    assert_remembered(&image);
    Image::close(image).unwrap();
    assert_remembered(&open(&disk));
}

#[test]
fn requests_are_remembered_after_a_snapshot() {
    for mode in modes() {
        let disk = SimDisk::new();
        let image = mode.open(&disk);
        first_requests(&image);
        image.admin().snapshot().unwrap();
        image.once("later").sell(9, 1).unwrap();
        Image::close(image).unwrap();
        let image = mode.open(&disk);
        assert_eq!(image.admin().stats().recovery.snapshot, Some(Seq::new(7)), "{mode:?}");
        assert_remembered(&image);
        assert_eq!(image.once("later").sell(9, 1).unwrap().number, 8);
        // from a snapshot that was made of a table from a snapshot
        image.admin().snapshot().unwrap();
        Image::close(image).unwrap();
        let image = mode.open(&disk);
        assert_eq!(image.admin().stats().recovery.snapshot, Some(Seq::new(8)));
        assert_remembered(&image);
        let report = with_keys!(mode.protection, Check::new()).run_with(Arc::new(disk.clone()), super::PATH).unwrap();
        assert!(report.is_sound(), "{report}");
        Image::close(image).unwrap();
        remove_snapshots(&disk);
        let image = mode.open(&disk);
        assert_eq!(image.admin().stats().recovery.snapshot, None);
        assert_remembered(&image);
        assert_eq!(image.once("later").sell(9, 1).unwrap().number, 8);
    }
}

#[test]
fn requests_are_remembered_after_pruning() {
    let disk = SimDisk::new();
    let open = |disk: &SimDisk| {
        let options = options().retention(Retention::Events(0)).snapshot_source(SnapshotSource::InPlace);
        options.open_with(Arc::new(disk.clone()), super::PATH).unwrap()
    };
    let mut image = open(&disk);
    first_requests(&image);
    let mut pruned = false;
    for round in 0..6 {
        image.print(40_000).unwrap();
        for _ in 0..30 {
            image.pay(1).unwrap();
            image.label((0..400).map(|n| (n.to_string(), n)).collect()).unwrap();
        }
        pruned |= image.admin().snapshot().unwrap().pruned.is_some();
        assert_remembered(&image);
        if round % 2 == 1 {
            Image::close(image).unwrap();
            image = open(&disk);
            assert_remembered(&image);
        }
    }
    assert!(pruned, "the journal was pruned");
    Image::close(image).unwrap();
    assert!(!disk.files().contains(&Path::new("/till/journal/00000001.journal").to_owned()));
    remove_snapshots(&disk);
    let image = open(&disk);
    assert_remembered(&image);
}

/// A table of many chunks, in a snapshot of many chunks.
#[test]
fn a_large_table_is_stored_and_loaded() {
    for protection in MODES {
        let mode = Mode { source: SnapshotSource::InPlace, replica: Replica::OnDemand, protection };
        let disk = SimDisk::new();
        let image = mode.open(&disk);
        let key = |n: u32| format!("{n:0>200}");
        for n in 1..=8_000 {
            let _unawaited = image.once(key(n)).submit(super::TillSell { item: 1, count: n % 60 }).unwrap();
        }
        image.journal().sync().unwrap();
        assert!(image.admin().snapshot().unwrap().bytes > 2 << 20);
        Image::close(image).unwrap();
        let image = mode.open(&disk);
        assert_eq!(image.admin().stats().recovery.replayed, 0);
        for n in [1, 2, 59, 4_000, 7_999, 8_000] {
            let receipt = image.once(key(n)).sell(1, n % 60).unwrap();
            assert_eq!((receipt.number, receipt.items.len() as u32), (u64::from(n), n % 60), "{protection:?}");
        }
        assert_eq!(ran(&image), 8_000);
    }
}

#[test]
fn the_number_of_remembered_events_may_change() {
    let disk = SimDisk::new();
    let open = |remember| options().remember(remember).open_with(Arc::new(disk.clone()), super::PATH).unwrap();
    let image = open(1_000);
    for n in 1..=20 {
        assert_eq!(image.once(n.to_string()).sell(1, 1).unwrap().number, n);
    }
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    // fewer: events 16 to 20
    let image = open(5);
    assert_eq!(image.once("16").sell(1, 1).unwrap().number, 16);
    assert_eq!(image.once("15").sell(1, 1).unwrap().number, 21, "forgotten");
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    // more: what was forgotten when the snapshot was made is not executed again
    let image = open(1_000);
    assert_eq!(image.once("17").sell(1, 1).unwrap().number, 17);
    assert_eq!(image.once("15").sell(1, 1).unwrap().number, 21, "the newest request counts");
    assert_error(&image.once("16").sell(1, 1).unwrap_err(), ErrorKind::AlreadyExecuted, 16, "a smaller `remember`");
    Image::close(image).unwrap();
    // the journal has all of them, and some twice
    remove_snapshots(&disk);
    let image = open(1_000);
    assert_eq!(image.once("1").sell(1, 1).unwrap().number, 1);
    assert_eq!(image.once("15").sell(1, 1).unwrap().number, 21);
    assert_eq!(image.once("16").sell(1, 1).unwrap().number, 16);
    assert_eq!(ran(&image), 21);
}

/// Whether a snapshot is in use must not decide what is remembered.
#[test]
fn a_snapshot_and_the_journal_remember_the_same() {
    for window in [1, 4, 9] {
        let disk = SimDisk::new();
        let open = |disk: &SimDisk| options().remember(window).open_with(Arc::new(disk.clone()), super::PATH).unwrap();
        let image = open(&disk);
        for n in 1..=12 {
            image.once(n.to_string()).sell(1, 1).unwrap();
            if n == 8 {
                image.admin().snapshot().unwrap();
            }
        }
        Image::close(image).unwrap();
        let without = disk.fork();
        remove_snapshots(&without);
        for n in 1..=12 {
            let [one, other] =
                [disk.fork(), without.fork()].map(|disk| open(&disk).once(n.to_string()).sell(1, 1).unwrap().number);
            assert_eq!(one, other, "window {window}, request {n}");
            assert_eq!(one, if n > 12 - window { n } else { 13 });
        }
    }
}

#[test]
fn a_void_request_is_not_executed_again() {
    let disk = SimDisk::new();
    let image = open(&disk);
    first_requests(&image);
    Image::close(image).unwrap();
    Void::new(Seq::new(2), "a mistake").run_with(Arc::new(disk.clone()), super::PATH).unwrap();
    let image = open(&disk);
    assert_error(&image.once("sold").sell(7, 3).unwrap_err(), ErrorKind::AlreadyExecuted, 2, "void");
    assert_eq!(image.once("paid").pay(90).unwrap(), 90);
    assert_eq!(ran(&image), 6);
}

#[test]
fn a_rewritten_journal_has_the_keys() {
    let disk = SimDisk::new();
    let image = open(&disk);
    first_requests(&image);
    Image::close(image).unwrap();
    let rewrite = memimage::admin::Rewrite::<Till>::new().segment_bytes(16 << 10);
    rewrite.run_with(Arc::new(disk.clone()), super::PATH, "/rewritten").unwrap();
    let image = options().open_with(Arc::new(disk), "/rewritten").unwrap();
    assert_remembered(&image);
}
