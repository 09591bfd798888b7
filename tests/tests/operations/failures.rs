//! Repairs and voids on failing disks: each call of the disk fails in turn, once, or from then on. The operation then
//! succeeds or fails; on a healthy disk the same operation completes it, whether the process ended in between or the power was
//! cut. No intact data is lost, and changed bytes are kept in the quarantine.
//!
//! `MEMIMAGE_CASES` sets the number of passes, each with other effects, and `MEMIMAGE_SEED` the first pass. Without
//! `MEMIMAGE_CASES` only some of the calls fail: see [`stride`].

use std::sync::Arc;
use std::time::Instant;

use memimage::disk::{Crash, Effect, Fault, Method};
use memimage::{Error, ErrorKind};
use memimage_tests::{cases, files, seed, with_timeout};

use super::is_thorough;
use super::repair_cases::{CaseKind, RepairCase, repair_cases};

/// Runs the operation with this fault, checks the result, and returns how often the fault struck.
fn attempt(case: &RepairCase, fault: &Fault, turn: u64) -> Result<u64, String> {
    let disk = case.disk.fork();
    disk.inject(fault.clone());
    let outcome = case.run(&disk);
    let strikes = disk.strikes();
    disk.heal();
    let cuts = [Crash::Nothing, Crash::Everything, Crash::NamesOnly, Crash::BytesOnly, Crash::Subset(turn)];
    let left = [("the next process", disk.fork()), ("after a power cut", disk.crash_by(&cuts[turn as usize % 5]))];
    for (who, left) in left {
        let checked = match &outcome {
            // snapshots that could not be removed are not used, and only the log names them
            Ok(_) if matches!(case.kind, CaseKind::Void) => case.check_repeated(&left),
            Ok(_) => case.check_complete(&left),
            Err(error)
                if !error.is_io() && error.kind() != ErrorKind::NotApplicable && error.kind() != ErrorKind::Corrupt =>
            {
                Err("an unexpected error".to_owned())
            }
            Err(_) if files(&left) == case.before => Ok(()),
            Err(_) => case.check_before_or_after(&left).and_then(|()| case.check_repeated(&left)),
        };
        let message = || outcome.as_ref().map_or_else(Error::to_string, |_| "success".to_owned());
        checked.map_err(|why| format!("{why}\n{who}, result: {}\n{}", message(), disk.trace()))?;
    }
    Ok(strikes)
}

fn seeds() -> std::ops::Range<u64> {
    let first = seed(1);
    first..first + u64::from(cases(1))
}

fn strikes(case: &Arc<RepairCase>, fault: Fault, (seed, turn): (u64, u64)) -> u64 {
    let (tried, of) = (fault.clone(), Arc::clone(case));
    let result = with_timeout(move || attempt(&of, &tried, turn));
    result.unwrap_or_else(|why| panic!("{}: {why}\nMEMIMAGE_SEED={seed} MEMIMAGE_CASES=1, {fault:?}", case.name))
}

/// The distance between two failing calls: `thorough` with `MEMIMAGE_CASES`, otherwise 17, which is coprime to the
/// numbers of effects and power cuts.
fn stride(thorough: usize) -> usize {
    if is_thorough() { thorough } else { 17 }
}

/// Fails each call in turn until no call is left: alone, or each third call and all calls after it.
fn fail_each(name: &str, once: bool, fault: impl Fn(u64) -> Fault) {
    fail_by(if once { 1 } else { 3 }, name, once, fault);
}

fn fail_by(stride: usize, name: &str, once: bool, fault: impl Fn(u64) -> Fault) {
    for case in repair_cases() {
        let (mut attempts, mut struck, started) = (0, 0, Instant::now());
        for seed in seeds() {
            let turns = (1 + if once { 0 } else { seed % 3 }..).step_by(stride);
            for n in turns {
                let fault = fault(seed + n).seed(seed + n);
                let strikes = strikes(&case, if once { fault.nth(n) } else { fault.from(n) }, (seed, seed + n));
                (attempts, struck) = (attempts + 1, struck + strikes);
                if strikes == 0 {
                    assert!(n > 2, "{}: only {n} calls were made", case.name);
                    break;
                }
            }
        }
        println!("{name}, {}, {:.0?}: {attempts} attempts, {struck} calls struck", case.name, started.elapsed());
    }
}

const EFFECTS: [Effect; 4] = [Effect::Nothing, Effect::Everything, Effect::Part, Effect::Dropped];

/// A fault whose effect depends on the turn. A failed directory sync drops nothing, as FORMAT.md assumes.
fn any_call_fault(turn: u64) -> Fault {
    let effect = EFFECTS[turn as usize % EFFECTS.len()];
    let drops = matches!(effect, Effect::Part | Effect::Dropped);
    let methods = Method::ALL.into_iter().filter(|method| !(drops && *method == Method::SyncDir));
    Fault::io().on(&methods.collect::<Vec<_>>()).effect(effect)
}

#[test]
fn any_call_may_fail() {
    fail_by(stride(1), "any call fails", true, any_call_fault);
}

#[test]
fn any_call_and_all_calls_after_it_may_fail() {
    fail_by(stride(3), "any call fails, and all after it", false, any_call_fault);
}

#[test]
fn any_sync_may_fail() {
    for effect in [Effect::Nothing, Effect::Everything] {
        fail_each("any directory's sync fails", true, |_| Fault::io().on(&[Method::SyncDir]).effect(effect));
    }
    for effect in [Effect::Part, Effect::Dropped] {
        fail_each("any file's sync fails", true, |_| {
            Fault::io().on(&[Method::SyncData, Method::SyncAll]).effect(effect)
        });
    }
}

#[test]
fn any_read_may_be_wrong() {
    fail_by(stride(1), "any read is wrong", true, |_| Fault::rot());
}

#[test]
fn the_disk_may_be_full() {
    for once in [true, false] {
        fail_each("no space", once, |turn| {
            Fault::full().effect(if turn % 2 == 0 { Effect::Nothing } else { Effect::Part })
        });
    }
}

#[test]
fn interruptions_and_short_transfers_are_retried() {
    for case in repair_cases() {
        for seed in seeds() {
            for fault in [Fault::interrupted().every(2), Fault::short().every(1), Fault::short().one_in(3)] {
                let disk = case.disk.fork();
                disk.inject(fault.seed(seed));
                case.run(&disk).unwrap_or_else(|error| panic!("{}, seed {seed}: {error}", case.name));
                assert!(disk.strikes() > 5, "{}", case.name);
                case.check_complete(&disk)
                    .unwrap_or_else(|why| panic!("{}, seed {seed}: {why}\n{}", case.name, disk.trace()));
            }
        }
    }
}
