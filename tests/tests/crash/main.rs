//! Power cuts and kills after each disk operation of a scenario. Any part of the unsynced data survives or reads as garbage.
//! The image must open with all acknowledged events and at most a prefix of the others. The same holds for a crash during
//! that recovery, and for a crash after the image was used again. Only garbage may be refused, and without garbage the same
//! crash must be recoverable.
//!
//! `MEMIMAGE_CASES` sets the minimum number of crash images of all tests together, `MEMIMAGE_SEED` the seed of the first
//! scenario of each test. Without `MEMIMAGE_CASES`, a crash happens after every fifth operation.

mod oracle;
mod recorder;
mod rewrite;
mod scenario;
mod crash_counts;

use std::time::{Duration, Instant};

use memimage::disk::{Crash, SimDisk};
use memimage::{Durability, Replica, Retention, SnapshotSource};
use memimage_tests::protection::{BOTH, MODES, PLAIN, ProtectionMode};
use memimage_tests::{Ledger, SplitMix64, cases};

use crash_counts::CrashCounts;
use oracle::{CompletedRun, Guarantee, variants};
use recorder::{CrashPoint, Recorder};
use scenario::{Mode, scenario};

fn crash_everywhere(mode: Mode, seed: u64, counts: &mut CrashCounts) {
    let mut rng = SplitMix64::new(seed);
    let disk = SimDisk::new();
    let recorder = Recorder::of(&disk);
    let digests = scenario(&disk, mode, &recorder, &mut rng);
    let run = CompletedRun { mode, digests };
    let stride = if std::env::var_os("MEMIMAGE_CASES").is_some() { 1 } else { 5 };
    for point in recorder.points().iter().step_by(stride) {
        // a kill keeps all written data, and so all acknowledged events
        let after_power_cut = if mode.durability == Durability::Synced { point.acknowledged } else { point.durable };
        let guarantee = Guarantee { now: point.acknowledged, after_power_cut, garbled: false };
        let killed = run.check(&point.disk.fork(), guarantee, rng.once_in(40), &mut rng, counts);
        killed.unwrap_or_else(|why| failed(&why, mode, seed, point, None, |_| unreachable!("a kill cannot be shrunk")));
        counts.kills += 1;

        let guarantee = Guarantee { now: after_power_cut, after_power_cut, garbled: false };
        for crash in variants(&point.disk, &mut rng, 20) {
            // an acknowledged event may share its sector with an event that is being written
            if matches!(crash, Crash::GarbageAnywhere(_)) && mode.align < 512 {
                continue;
            }
            let again = rng.once_in(250);
            if let Err(why) = run.power_cut(&point.disk, &crash, guarantee, again, &mut rng, counts) {
                let mut ignored = CrashCounts::default();
                failed(&why, mode, seed, point, Some(&crash), |left| {
                    run.check(&left, guarantee, again, &mut SplitMix64::new(seed), &mut ignored).is_err()
                });
            }
        }
    }
}

/// Reports a crash that the image did not survive, shrunk to the smallest power cut with the same result.
fn failed(
    why: &str,
    mode: Mode,
    seed: u64,
    at: &CrashPoint,
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

/// The share of all crash images that a test runs, in percent.
struct Share(u64);

/// The maximum number of scenarios that a test runs beyond its share to see each kind of crash.
const MORE_SCENARIOS: u64 = 20;

/// The options that do not depend on the seed. The scenario with seed 1 is protected as `first`, each later one by the next mode.
#[derive(Clone, Copy)]
struct ModeOfSeed {
    durability: Durability,
    retention: Retention,
    first: ProtectionMode,
}

impl ModeOfSeed {
    fn mode(self, seed: u64) -> Mode {
        let ModeOfSeed { durability, retention, first } = self;
        let align = [8, 512, 4096][seed as usize % 3];
        let mut protections = MODES.into_iter().cycle().skip_while(|protection| *protection != first);
        let protection =
            protections.nth((seed as usize + MODES.len() - 1) % MODES.len()).expect("the cycle has no end");
        let snapshot_source = match seed % 3 {
            0 => SnapshotSource::Replica,
            1 => SnapshotSource::Clone(Ledger::clone),
            _ => SnapshotSource::InPlace,
        };
        let replica = if seed.is_multiple_of(2) { Replica::OnDemand } else { Replica::Standing };
        Mode { durability, align, retention, protection, snapshot_source, replica }
    }
}

/// Runs scenarios until the test has tried its share of crash images, and each kind of crash has occurred. How many crashes of a
/// kind a scenario has depends on its threads, and so on the load of the machine.
fn crash_scenarios(
    name: &str,
    Share(percent): Share,
    modes: ModeOfSeed,
    crash: fn(Mode, u64, &mut CrashCounts),
    is_complete: impl Fn(&CrashCounts) -> bool,
) {
    let first: u64 = std::env::var("MEMIMAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let (mut counts, started) = (CrashCounts::default(), Instant::now());
    let images_min = u64::from(cases(2_000)) * percent / 100;
    let mut more = 0;
    for seed in first.. {
        crash(modes.mode(seed), seed, &mut counts);
        counts.scenarios += 1;
        if counts.images >= images_min {
            if is_complete(&counts) {
                break;
            }
            more += 1;
            assert!(more <= MORE_SCENARIOS, "a kind of crash did not occur: {counts}");
        }
    }
    println!("{name}, from seed {first}, {:.0?}: {counts}", started.elapsed());
}

/// Runs crash scenarios until each kind of crash has occurred.
fn check_crashes(name: &str, share: Share, durability: Durability, retention: Retention, first: ProtectionMode) {
    crash_scenarios(name, share, ModeOfSeed { durability, retention, first }, crash_everywhere, |counts| {
        assert!(counts.pruned == 0 || retention != Retention::Everything, "{counts}");
        let pruned = counts.pruned > 0 || retention == Retention::Everything;
        pruned && counts.torn > 0 && counts.twice > 0 && counts.thrice > 0 && counts.garbled > 0
    });
}

#[test]
fn a_synced_image_survives_any_crash() {
    check_crashes("synced", Share(20), Durability::Synced, Retention::Everything, PLAIN);
}

#[test]
fn a_protected_image_survives_any_crash() {
    check_crashes("protected", Share(10), Durability::Synced, Retention::Events(8), BOTH);
}

#[test]
fn a_buffered_image_survives_any_crash() {
    check_crashes("buffered", Share(25), Durability::Buffered, Retention::Everything, PLAIN);
}

#[test]
fn an_image_synced_at_intervals_survives_any_crash() {
    check_crashes(
        "at intervals",
        Share(24),
        Durability::Interval(Duration::from_micros(300)),
        Retention::Everything,
        PLAIN,
    );
}

#[test]
fn a_pruned_image_survives_any_crash() {
    check_crashes("pruned", Share(9), Durability::Synced, Retention::Events(0), PLAIN);
}

#[test]
fn a_pruned_and_buffered_image_survives_any_crash() {
    check_crashes("pruned and buffered", Share(10), Durability::Buffered, Retention::Events(8), PLAIN);
}

#[test]
fn a_rewrite_survives_any_crash() {
    let modes = ModeOfSeed { durability: Durability::Synced, retention: Retention::Everything, first: PLAIN };
    crash_scenarios("rewritten", Share(2), modes, rewrite::crash_everywhere, |counts| {
        counts.rewritten > 0 && counts.garbled > 0
    });
}
