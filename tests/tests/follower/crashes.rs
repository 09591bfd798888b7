//! A follower beside an owner whose process dies, or whose power is cut, at any disk operation.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memimage::disk::{Crash, SimDisk};
use memimage::{Durability, Error, Image, Options, Retention};
use memimage_tests::{DiskMethod, GateDisk, Ledger, LedgerCommands, SplitMix64, cases, seed};

use super::{IMAGE, follow, options};

const DURABILITIES: [Durability; 3] =
    [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(1))];

fn pruned(durability: Durability) -> Options<Ledger> {
    options().durability(durability).retention(Retention::Events(10))
}

/// Every state that a follower shows is a state of the image after any power cut. Catches the planted bug `UnsyncedFollowed`.
#[test]
fn what_a_follower_shows_survives_any_power_cut() {
    let mut rng = SplitMix64::new(seed(3));
    for durability in DURABILITIES {
        let disk = SimDisk::new();
        let mut image = pruned(durability).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
        let follower = follow(&disk);
        for step in 0..u64::from(cases(60)) {
            match rng.below(12) {
                0 => drop(image.admin().snapshot().unwrap()),
                1 => image.journal().sync().unwrap(),
                2 => {
                    Image::close(image).unwrap();
                    image = pruned(durability).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
                }
                3..6 => drop(image.file(vec![step as u8; 3_000]).unwrap()),
                _ => drop(image.deposit(step as u32 % 5, 1).unwrap()),
            }
            follower.wait_timeout(follower.seq().next(), Duration::from_millis(3)).unwrap();
            let (seq, shown) = (follower.seq(), follower.query(Ledger::clone).unwrap());
            for crash in [Crash::Nothing, Crash::NamesOnly, Crash::BytesOnly, Crash::Subset(step)] {
                let after = Arc::new(disk.crash_by(&crash));
                let image = pruned(durability).open_with(after.clone(), IMAGE).unwrap();
                let recovered = image.journal().seq();
                assert!(recovered >= seq, "{durability:?} {step} {crash:?}: {seq} was shown, {recovered} recovered");
                if recovered == seq {
                    assert_eq!(image.query(Ledger::clone).unwrap(), shown, "{durability:?} {step} {crash:?}");
                }
            }
        }
        assert!(follower.seq().get() > 5, "{durability:?}");
    }
}

/// Executes commands until the disk fails. Returns how many deposits were acknowledged.
fn session(disk: &GateDisk, durability: Durability) -> i64 {
    let mut acknowledged = 0;
    let mut run = || -> Result<(), Error> {
        for _ in 0..2 {
            let image = pruned(durability).open_with(Arc::new(disk.clone()), IMAGE)?;
            for number in 0..14 {
                acknowledged = image.deposit(1, 1)?;
                if number % 3 == 0 {
                    image.file(vec![1; 3_000]).ok();
                }
                if number == 9 {
                    image.admin().snapshot()?;
                }
            }
            Image::close(image)?;
        }
        Ok(())
    };
    // the disk fails at some point
    drop(run());
    acknowledged
}

/// The owner's process dies at a disk operation, in turn at each third or eleventh; a follower takes over, and has every acknowledged event, once.
#[test]
fn a_promotion_after_a_death_at_an_operation_loses_nothing() {
    for durability in DURABILITIES {
        let mut promoted = 0;
        for operations in (0..).step_by(if durability == Durability::Synced { 3 } else { 11 }) {
            let disk = SimDisk::new();
            Image::close(pruned(durability).open_with(Arc::new(disk.clone()), IMAGE).unwrap()).unwrap();
            let follower = pruned(durability).follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
            let gate = GateDisk::new(disk.clone());
            let done = AtomicU64::new(0);
            gate.rule(move |call| match call.method {
                DiskMethod::Open | DiskMethod::List | DiskMethod::Read | DiskMethod::Lock => Ok(None),
                _ if done.fetch_add(1, Ordering::Relaxed) < operations => Ok(None),
                _ => Err(io::Error::other("the process is dead")),
            });
            let acknowledged = session(&gate, durability);
            let image = follower.promote().unwrap_or_else(|failed| panic!("{durability:?} {operations}: {failed}"));
            let found = image.query(|ledger| ledger.accounts.get(&1).copied().unwrap_or(0)).unwrap();
            assert!(
                (acknowledged..=acknowledged + 1).contains(&found),
                "{durability:?} {operations}: {acknowledged} acknowledged, {found} found"
            );
            assert_eq!(image.deposit(1, 1).unwrap(), found + 1);
            image.admin().verify().unwrap();
            Image::close(image).unwrap();
            promoted += 1;
            if acknowledged == 28 {
                break;
            }
        }
        assert!(promoted > 10, "{durability:?}");
    }
}
