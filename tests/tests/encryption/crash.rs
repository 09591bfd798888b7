//! A protected image recovers from any crash.
//!
//! `MEMIMAGE_CASES` sets the number of scenarios, `MEMIMAGE_SEED` the seed of the first one.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use memimage::Retention;
use memimage_tests::{SplitMix64, cases};

use super::*;

/// The disk after an operation, and the last event acknowledged at that time.
type Point = (SimDisk, Seq);

/// Runs a scenario and returns the disk after each of its operations.
fn points(mode: ProtectionMode, retention: Retention) -> (Vec<Point>, Vec<u64>) {
    let disk = SimDisk::new();
    let options = || mode.options().retention(retention);
    let points: Arc<Mutex<Vec<Point>>> = Arc::default();
    let mut run = begin(&disk, options(), Vec::new(), Seq::ZERO);
    let mut digests = Vec::new();
    for half in 0..2 {
        let (seen, acknowledged) = (Arc::clone(&points), run.acknowledged());
        disk.observe(move |_, fork| {
            seen.lock().unwrap().push((fork.clone(), Seq::new(acknowledged.load(Ordering::SeqCst))));
        });
        run_commands(&mut run);
        let (known, seq) = run.close();
        if half == 1 {
            digests = known;
            break;
        }
        run = begin(&disk, options(), known, seq);
    }
    disk.observe(|_, _| {});
    let points = std::mem::take(&mut *points.lock().unwrap());
    (points, digests)
}

/// Recovers a crashed disk, runs a few commands, and recovers again.
fn recover(disk: &SimDisk, options: impl Fn() -> Options<Ledger>, digests: &[u64], kept: Seq) -> Result<(), String> {
    let image = open(disk, options()).map_err(|error| error.to_string())?;
    let mut run = Run::begin(image, digests.to_vec(), kept)?;
    run.execute(&Request::Deposit(1, 1));
    run.execute(&Request::Draw(None));
    let (digests, seq) = run.close();
    let image = open(disk, options()).map_err(|error| format!("again: {error}"))?;
    Run::begin(image, digests, seq)?.close();
    Ok(())
}

#[test]
fn a_protected_image_recovers_from_every_crash() {
    let seed: u64 = std::env::var("MEMIMAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for case in 0..u64::from(cases(1)) {
        let mut rng = SplitMix64::new(seed + case);
        for (mode, retention) in
            [(BOTH, Retention::Everything), (ENCRYPTED, Retention::Events(0)), (CHAINED, Retention::Everything)]
        {
            let (points, digests) = points(mode, retention);
            assert!(points.len() > 100, "{}", points.len());
            // each case covers every fourth operation, from another start
            for (at, (disk, kept)) in points.iter().enumerate().skip(rng.below(4) as usize).step_by(4) {
                for times in [0, 1, 2] {
                    let (mut own, nothing) = (SplitMix64::new(rng.u64()), times == 0);
                    let crashed = disk.crash(|_| !nothing && own.once_in(times));
                    recover(&crashed, || mode.options().retention(retention), &digests, *kept).unwrap_or_else(|what| {
                        panic!("MEMIMAGE_SEED={} {mode:?} {retention:?} after operation {at}, 1 of {times} survives: {what}", seed + case)
                    });
                }
            }
        }
    }
}
