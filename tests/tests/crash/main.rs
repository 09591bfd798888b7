//! Power cuts and kills after every operation of a scenario, with any part of what was not synced surviving or garbled: an
//! image always opens, with all that was acknowledged and no more than a prefix of what was not. And again while it
//! recovers from that, and again after it went on. Only garbage may be refused, and then it hides nothing.
//!
//! `MEMIMAGE_CASES` sets how many crash images are tried at least by all tests together, `MEMIMAGE_SEED` the first scenario's
//! seed of each. Without `MEMIMAGE_CASES` the crashes come after every second operation.

mod oracle;
mod recorder;
mod rewrite;
mod scenario;
mod tally;

use std::time::{Duration, Instant};

use memimage::disk::{Crash, SimDisk};
use memimage::{Durability, Retention};
use memimage_tests::{Dice, cases};

use oracle::{Kept, Ran, variants};
use recorder::{Point, Recorder};
use scenario::{Mode, scenario};
use tally::Tally;

fn crash_everywhere(mode: Mode, seed: u64, tally: &mut Tally) {
    let mut dice = Dice::new(seed);
    let disk = SimDisk::new();
    let recorder = Recorder::of(&disk);
    let digests = scenario(&disk, mode, &recorder, &mut dice);
    let ran = Ran { mode, digests };
    let stride = if std::env::var_os("MEMIMAGE_CASES").is_some() { 1 } else { 2 };
    for point in recorder.points().iter().step_by(stride) {
        // the process is killed: all that was written is there, and so is all that was answered
        let then = if mode.durability == Durability::Synced { point.acknowledged } else { point.durable };
        let kept = Kept { now: point.acknowledged, then, garbled: false };
        let killed = ran.judge(&point.disk.fork(), kept, dice.once_in(40), &mut dice, tally);
        killed.unwrap_or_else(|why| {
            failed(&why, mode, seed, point, None, |_| unreachable!("a kill is not made smaller"))
        });
        tally.kills += 1;

        let kept = Kept { now: then, then, garbled: false };
        for crash in variants(&point.disk, &mut dice, 20) {
            // an acknowledged event may share its sector with one that is being written
            if matches!(crash, Crash::GarbageAnywhere(_)) && mode.align < 512 {
                continue;
            }
            let again = dice.once_in(250);
            if let Err(why) = ran.cut(&point.disk, &crash, kept, again, &mut dice, tally) {
                let mut aside = Tally::default();
                failed(&why, mode, seed, point, Some(&crash), |left| {
                    ran.judge(&left, kept, again, &mut Dice::new(seed), &mut aside).is_err()
                });
            }
        }
    }
}

/// Tells of a crash that an image did not withstand, by the smallest power cut that does the same.
fn failed(
    why: &str,
    mode: Mode,
    seed: u64,
    at: &Point,
    crash: Option<&Crash>,
    fails: impl FnMut(SimDisk) -> bool,
) -> ! {
    let (how, trace) = match crash {
        Some(crash) => (format!("{crash:?}: {}", at.disk.shrink(crash, fails)), at.disk.crash_by(crash).trace()),
        None => ("a kill".to_owned(), at.disk.trace()),
    };
    panic!(
        "{why}\nMEMIMAGE_SEED={seed} MEMIMAGE_CASES=1, {mode:?}; after {:?}, with {} acknowledged and {} durable\n{how}\n{trace}",
        at.operation, at.acknowledged, at.durable,
    )
}

/// What each test tries of all crash images, in percent: as each takes its time.
struct Share(u64);

/// Tries scenarios until there were so many images.
fn crash_scenarios(
    name: &str,
    Share(percent): Share,
    (durability, retention): (Durability, Retention),
    crash: fn(Mode, u64, &mut Tally),
) -> Tally {
    let first: u64 = std::env::var("MEMIMAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let (mut tally, started) = (Tally::default(), Instant::now());
    let wanted = u64::from(cases(10_000)) * percent / 100;
    for seed in first.. {
        let mode = Mode { durability, align: [8, 512, 4096][seed as usize % 3], retention };
        crash(mode, seed, &mut tally);
        tally.scenarios += 1;
        if tally.images >= wanted {
            break;
        }
    }
    println!("{name}, from seed {first}, {:.0?}: {tally}", started.elapsed());
    tally
}

/// As much of everything must have been tried as makes the test worth its time.
fn withstands(name: &str, share: Share, durability: Durability, retention: Retention) {
    let tally = crash_scenarios(name, share, (durability, retention), crash_everywhere);
    assert!(tally.torn > 0 && tally.twice > 0 && tally.thrice > 0 && tally.garbled > 0, "too tame: {tally}");
    assert_eq!(tally.pruned > 0, retention != Retention::Everything, "{tally}");
}

#[test]
fn a_synced_image_survives_any_crash() {
    withstands("synced", Share(25), Durability::Synced, Retention::Everything);
}

#[test]
fn a_buffered_image_survives_any_crash() {
    withstands("buffered", Share(27), Durability::Buffered, Retention::Everything);
}

#[test]
fn an_image_synced_at_intervals_survives_any_crash() {
    withstands("at intervals", Share(27), Durability::Interval(Duration::from_micros(300)), Retention::Everything);
}

#[test]
fn an_image_that_is_pruned_survives_any_crash() {
    withstands("pruned", Share(9), Durability::Synced, Retention::Events(0));
}

#[test]
fn an_image_that_is_pruned_and_buffered_survives_any_crash() {
    withstands("pruned and buffered", Share(10), Durability::Buffered, Retention::Events(8));
}

#[test]
fn a_rewrite_survives_any_crash() {
    let tally =
        crash_scenarios("rewritten", Share(2), (Durability::Synced, Retention::Everything), rewrite::crash_everywhere);
    assert!(tally.rewritten > 0 && tally.garbled > 0, "{tally}");
}
