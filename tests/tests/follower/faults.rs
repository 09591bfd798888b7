//! Failing disk calls: a follower tries again or stops, and never shows a wrong state.

use std::sync::Arc;

use memimage::disk::{Fault, SimDisk};
use memimage::{ErrorKind, Follower, Image, Retention, Seq};
use memimage_tests::{Ledger, LedgerCommands};

use super::{IMAGE, assert_follows, fill_segments, follow, open_with, options, paths};

/// Each call of a follower fails once, at another point of its life. The owner has a disk of its own: its files are copied.
#[test]
fn each_call_may_fail_once() {
    for nth in 1..60 {
        let disk = SimDisk::new();
        let image = open_with(&disk, options().retention(Retention::Events(20)));
        fill_segments(&image, 4);
        let seen = memimage_tests::GateDisk::new(disk.clone());
        let follower = options().follow_with(Arc::new(seen.clone()), IMAGE).unwrap();
        let calls = std::sync::atomic::AtomicU32::new(0);
        seen.rule(move |_| match calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 == nth {
            true => Err(std::io::ErrorKind::Other.into()),
            false => Ok(None),
        });
        for _ in 0..3 {
            fill_segments(&image, 4);
            image.admin().snapshot().unwrap();
        }
        assert_follows(&follower, &image);
    }
}

/// Each call of an opening fails: the opening fails, or the follower is right.
#[test]
fn each_call_of_an_opening_may_fail() {
    let disk = SimDisk::new();
    let image = open_with(&disk, options());
    fill_segments(&image, 10);
    image.admin().snapshot().unwrap();
    image.deposit(1, 1).unwrap();
    let (mut opened, mut refused) = (0, 0);
    for nth in 1.. {
        let faulty = disk.fork();
        faulty.inject(Fault::io().nth(nth));
        match options().follow_with(Arc::new(faulty.clone()), IMAGE) {
            Ok(follower) => {
                opened += 1;
                assert_eq!(follower.query(Ledger::clone).unwrap(), image.query(Ledger::clone).unwrap());
                if faulty.strikes() == 0 {
                    break;
                }
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error.kind(), ErrorKind::Io, "{error}");
            }
        }
    }
    assert!(opened > 5 && refused > 50, "{opened}, {refused}");
}

/// A recovery that reads the right bits shows that the journal is not damaged.
#[test]
fn one_read_with_a_wrong_bit_stops_no_follower() {
    let mut recoveries = 0;
    for nth in 1..60 {
        let disk = SimDisk::new();
        let image = open_with(&disk, options());
        let follower = follow(&disk);
        disk.inject(Fault::rot().path(".journal").nth(nth).seed(nth));
        for _ in 0..3 {
            fill_segments(&image, 4);
            assert_follows(&follower, &image);
        }
        // the follower at rest compares the last frame
        memimage_tests::wait_until("a read", || disk.strikes() > 0 || follower.lag().is_err());
        image.deposit(1, 1).unwrap();
        assert_follows(&follower, &image);
        recoveries += follower.recoveries();
    }
    assert!(recoveries > 5, "{recoveries}");
}

#[test]
fn short_reads_change_nothing() {
    let disk = SimDisk::new();
    let gate = memimage_tests::GateDisk::new(disk.clone());
    gate.rule(|call| Ok((call.method == memimage_tests::DiskMethod::Read).then_some(300)));
    let image = open_with(&disk, options());
    let follower = follow(&gate);
    fill_segments(&image, 12);
    assert_follows(&follower, &image);
}

fn promote(disk: &SimDisk, follower: Follower<Ledger>) -> Result<Image<Ledger>, Follower<Ledger>> {
    let promoted = follower.promote();
    assert!(!paths(disk, IMAGE).is_empty());
    promoted.map_err(|failed| {
        assert!(failed.error().is_io(), "{failed}");
        failed.into_follower()
    })
}

/// Each call of a promotion fails once: the promotion succeeds later, and loses nothing.
#[test]
fn each_call_of_a_promotion_may_fail() {
    let mut failures = 0;
    for nth in 1..90 {
        let disk = SimDisk::new();
        let image = open_with(&disk, options());
        fill_segments(&image, 6);
        let state = image.query(Ledger::clone).unwrap();
        let follower = follow(&disk);
        Image::close(image).unwrap();
        follower.wait(Seq::new(12)).unwrap();
        disk.inject(Fault::io().nth(nth));
        let image = match promote(&disk, follower) {
            Ok(image) => image,
            Err(follower) => {
                failures += 1;
                disk.heal();
                assert_eq!(follower.query(Ledger::clone).unwrap(), state, "{nth}: the follower goes on");
                follower.promote().unwrap()
            }
        };
        disk.heal();
        assert_eq!(image.query(Ledger::clone).unwrap(), state, "{nth}");
    }
    assert!(failures > 10, "{failures}");
}

#[test]
fn a_full_disk_at_a_promotion() {
    let disk = SimDisk::new();
    let image = open_with(&disk, options());
    fill_segments(&image, 6);
    let state = image.query(Ledger::clone).unwrap();
    let follower = follow(&disk);
    Image::close(image).unwrap();
    follower.wait(Seq::new(12)).unwrap();
    // this disk refuses every write, even over existing bytes
    disk.inject(Fault::full());
    let failed = follower.promote().unwrap_err();
    assert_eq!(failed.error().kind(), ErrorKind::StorageFull);
    let follower = failed.into_follower();
    assert_eq!(follower.query(Ledger::clone).unwrap(), state);
    disk.heal();
    let image = follower.promote().unwrap();
    assert_eq!(image.query(Ledger::clone).unwrap(), state);
    image.deposit(1, 1).unwrap();
    assert_follows(&follow(&disk), &image);
}
