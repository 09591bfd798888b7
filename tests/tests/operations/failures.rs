//! Repairs and voids on disks that fail: each call fails in turn, once and from then on. What was asked for is then done or
//! it is not; asked for again on a healthy disk it is done, whether the process was ended in between, or the power cut.
//! Nothing that was sound is gone, and what was changed is kept.
//!
//! `MEMIMAGE_CASES` sets how many times each is gone through, each time with other effects; `MEMIMAGE_SEED` the first of
//! these times. Without `MEMIMAGE_CASES` only some of the calls and reads fail: see [`stride`].

use std::sync::Arc;
use std::time::Instant;

use memimage::disk::{Crash, Effect, Fault, Method};
use memimage::{Error, ErrorKind};
use memimage_tests::{cases, files, in_time, seed};

use super::repair_cases::{Kind, Task, tasks};

/// With this fault. Says how often it struck.
fn attempt(task: &Task, fault: &Fault, turn: u64) -> Result<u64, String> {
    let disk = task.disk.fork();
    disk.inject(fault.clone());
    let outcome = task.run(&disk);
    let strikes = disk.strikes();
    disk.heal();
    let cuts = [Crash::Nothing, Crash::Everything, Crash::NamesOnly, Crash::BytesOnly, Crash::Subset(turn)];
    let left = [("the next process", disk.fork()), ("after a power cut", disk.crash_by(&cuts[turn as usize % 5]))];
    for (who, left) in left {
        let judged = match &outcome {
            // snapshots that it could not remove are not used, and told of in the log only
            Ok(_) if matches!(task.kind, Kind::Void) => task.again(&left),
            Ok(_) => task.is_done(&left),
            Err(error)
                if !error.is_io() && error.kind() != ErrorKind::NotApplicable && error.kind() != ErrorKind::Corrupt =>
            {
                Err("a strange error".to_owned())
            }
            Err(_) if files(&left) == task.before => Ok(()),
            Err(_) => task.may_be_done(&left).and_then(|()| task.again(&left)),
        };
        let told = || outcome.as_ref().map_or_else(Error::to_string, |_| "it was done".to_owned());
        judged.map_err(|why| format!("{why}\n{who}, where it said: {}\n{}", told(), disk.trace()))?;
    }
    Ok(strikes)
}

fn seeds() -> std::ops::Range<u64> {
    let first = seed(1);
    first..first + u64::from(cases(1))
}

fn strikes(task: &Arc<Task>, fault: Fault, (seed, turn): (u64, u64)) -> u64 {
    let (tried, of) = (fault.clone(), Arc::clone(task));
    let told = in_time(move || attempt(&of, &tried, turn));
    told.unwrap_or_else(|why| panic!("{}: {why}\nMEMIMAGE_SEED={seed} MEMIMAGE_CASES=1, {fault:?}", task.name))
}

/// By how many calls the next failing one is behind the last: this many with `MEMIMAGE_CASES`, or else seven. That meets all
/// effects and power cuts, which go by fours and fives.
fn stride(thorough: usize) -> usize {
    if std::env::var_os("MEMIMAGE_CASES").is_some() { thorough } else { 7 }
}

/// Fails one call after the other until none is left, each alone, or from then on each third.
fn fail_each(name: &str, once: bool, fault: impl Fn(u64) -> Fault) {
    fail_by(if once { 1 } else { 3 }, name, once, fault);
}

fn fail_by(stride: usize, name: &str, once: bool, fault: impl Fn(u64) -> Fault) {
    for task in tasks() {
        let (mut attempts, mut struck, started) = (0, 0, Instant::now());
        for seed in seeds() {
            let turns = (1 + if once { 0 } else { seed % 3 }..).step_by(stride);
            for n in turns {
                let fault = fault(seed + n).seed(seed + n);
                let strikes = strikes(&task, if once { fault.nth(n) } else { fault.from(n) }, (seed, seed + n));
                (attempts, struck) = (attempts + 1, struck + strikes);
                if strikes == 0 {
                    assert!(n > 2, "{}: only {n} calls were met", task.name);
                    break;
                }
            }
        }
        println!("{name}, {}, {:.0?}: {attempts} attempts, {struck} calls struck", task.name, started.elapsed());
    }
}

const EFFECTS: [Effect; 4] = [Effect::Nothing, Effect::Everything, Effect::Part, Effect::Dropped];

/// With an effect by turns. A directory's sync that fails drops nothing: that is assumed, in FORMAT.md.
fn of_any_call(turn: u64) -> Fault {
    let effect = EFFECTS[turn as usize % EFFECTS.len()];
    let drops = matches!(effect, Effect::Part | Effect::Dropped);
    let methods = Method::ALL.into_iter().filter(|method| !(drops && *method == Method::SyncDir));
    Fault::io().on(&methods.collect::<Vec<_>>()).effect(effect)
}

#[test]
fn any_call_may_fail() {
    fail_by(stride(1), "any call fails", true, of_any_call);
}

#[test]
fn any_call_may_fail_and_all_after_it() {
    fail_by(stride(3), "any call fails, and all after it", false, of_any_call);
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
fn there_may_be_no_room() {
    for once in [true, false] {
        fail_each("no room", once, |turn| {
            Fault::full().effect(if turn % 2 == 0 { Effect::Nothing } else { Effect::Part })
        });
    }
}

#[test]
fn interruptions_and_short_transfers_go_unnoticed() {
    for task in tasks() {
        for seed in seeds() {
            for fault in [Fault::interrupted().every(2), Fault::short().every(1), Fault::short().one_in(3)] {
                let disk = task.disk.fork();
                disk.inject(fault.seed(seed));
                task.run(&disk).unwrap_or_else(|error| panic!("{}, seed {seed}: {error}", task.name));
                assert!(disk.strikes() > 5, "{}", task.name);
                task.is_done(&disk).unwrap_or_else(|why| panic!("{}, seed {seed}: {why}\n{}", task.name, disk.trace()));
            }
        }
    }
}
