//! A swarm of small simulations, each of them as its seed says: up to four threads that command, query, sync, snapshot and
//! panic on one image, in all durability modes, with and without pruning, while the disk fails, lies or is full; then a
//! close, a kill or a power cut, and the next life of the same image begins with what was left. (The idea of many simulations
//! that each enable other features: Groce and others, "Swarm Testing", 2012; TigerBeetle's simulator.)
//!
//! After each end: everything that was promised is there, in the sense of the mode; what is there is a prefix of what was
//! executed, in that order; and the image opens, or is refused as suspect if the power cut left garbage.
//!
//! `MEMIMAGE_CASES` sets how many seeds are tried, `MEMIMAGE_SEED` the first. A seed fixes all but how the threads take turns,
//! so a failure may need some attempts: `MEMIMAGE_SEED=… MEMIMAGE_CASES=1 MEMIMAGE_TIMES=1000`.

mod model;
mod lifetime;
mod parameters;
mod oracle;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Seq};
use memimage_tests::{cases, mend};

use lifetime::{Left, live};
use model::Word;
use oracle::{Ending, Ledger};
use parameters::{End, Life, Plan};

/// A seed that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many seeds are under way at once: most of the time each waits for a thread of its own.
const WORKERS: usize = 6;

/// What was seen, to know that the swarm is not too tame.
#[derive(Debug, Default)]
struct Tally {
    lives: AtomicU64,
    words: AtomicU64,
    faults: AtomicU64,
    refused_to_open: AtomicU64,
    suspect: AtomicU64,
    quarantined: AtomicU64,
    pruned: AtomicU64,
    kills: AtomicU64,
    power_cuts: AtomicU64,
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// Opens what is left and gives its words; a fault may make the first attempt fail.
fn recover(
    plan: &Plan,
    life: &Life,
    disk: &SimDisk,
    tally: &Tally,
) -> Result<(memimage::Image<model::Crowd>, Vec<Word>), String> {
    if let Some(fault) = life.fault.clone().filter(|_| life.opens_faulty) {
        disk.inject(fault);
        match plan.open(life, disk) {
            Ok(image) => {
                if let Ok(words) = Plan::words(&image) {
                    return Ok((image, words));
                }
            }
            Err(_) => count(&tally.refused_to_open, 1),
        }
        disk.heal();
    }
    let image = plan.open(life, disk).map_err(|error| error.to_string())?;
    let words = Plan::words(&image)?;
    Ok((image, words))
}

/// Runs all lives of a seed.
fn run(seed: u64, tally: &Tally) -> Result<(), String> {
    let plan = Plan::new(seed);
    let mut disk = SimDisk::new();
    let mut before: Vec<Word> = Vec::new();
    let mut ended: Option<(Left, &Life)> = None;
    let mut faulty = false;
    for life in &plan.lives {
        faulty |= life.fault.is_some();
        let fail = |why: String, disk: &SimDisk| format!("{why}\nin {life:?}\nof {plan:?}\n{}", disk.trace());
        let (image, words) = recover(&plan, life, &disk, tally).map_err(|why| fail(why, &disk))?;
        let recovery = image.admin().stats().recovery;
        count(&tally.quarantined, u64::from(recovery.quarantined.is_some()));
        // the second copy of a base may be missing: what made it was cut short
        let has_name = |why: &str| why != "it is missing";
        if !faulty && recovery.unusable_snapshots.iter().any(|(_, why)| has_name(why)) {
            return Err(fail(format!("a snapshot has its name and is not whole: {recovery:?}"), &disk));
        }
        if let Some((left, past)) = &ended {
            let how = (past.durability, left.ending);
            left.promised
                .judge(&words, how, &before, left.live.as_deref())
                .map_err(|why| fail(format!("{why}\nafter {past:?}"), &disk))?;
        }
        let ledger = Arc::new(Ledger::after(&words));
        let mut left = live(life, &disk, image, &ledger).map_err(|why| fail(why, &disk))?;
        count(&tally.lives, 1);
        count(&tally.words, left.live.as_ref().map_or(0, |live| (live.len() - words.len()) as u64));
        count(&tally.faults, disk.strikes());
        count(if left.ending == Ending::Kill { &tally.kills } else { &tally.power_cuts }, 1);
        if let End::PowerCut(_, memimage::disk::Crash::Garbage(_)) = life.end {
            left = without_garbage(&plan, life, left, tally).map_err(|why| fail(why, &disk))?;
        }
        count(&tally.pruned, u64::from(is_pruned(&left.disk)));
        disk = left.disk.clone();
        before = words;
        ended = Some((left, life));
    }
    let (left, life) = ended.expect("there is a life");
    let image =
        plan.open(life, &disk).map_err(|error| format!("{error}\nafter {life:?}\nof {plan:?}\n{}", disk.trace()))?;
    left.promised
        .judge(&Plan::words(&image)?, (life.durability, left.ending), &before, left.live.as_deref())
        .map_err(|why| format!("{why}\nafter {life:?}\nof {plan:?}\n{}", disk.trace()))
}

/// A power cut may leave garbage that no torn write explains. Then the image is refused as suspect, and nothing else than that;
/// and it goes on once it is repaired.
fn without_garbage(plan: &Plan, life: &Life, left: Left, tally: &Tally) -> Result<Left, String> {
    match plan.open(life, &left.disk.fork()) {
        Ok(_) => Ok(left),
        Err(error)
            if error.kind() == ErrorKind::Corrupt
                && error.to_string().contains("never acknowledged as far as is known") =>
        {
            count(&tally.suspect, 1);
            // how much was acknowledged is judged when it is opened
            mend(&left.disk, Path::new("/crowd"), Seq::ZERO)?;
            Ok(left)
        }
        Err(error) => Err(error.to_string()),
    }
}

fn is_pruned(disk: &SimDisk) -> bool {
    !disk.files().is_empty() && !disk.files().iter().any(|path| path.ends_with("journal/00000001.journal"))
}

/// Runs seeds on some threads, and tells of the first that fails or hangs.
fn swarm(first: u64, seeds: u64, times: u64, tally: &Tally) {
    let next = AtomicU64::new(0);
    let under_way: Vec<Mutex<Option<(u64, Instant)>>> = (0..WORKERS).map(|_| Mutex::default()).collect();
    let failed: Mutex<Option<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for mine in &under_way {
            scope.spawn(|| {
                while failed.lock().unwrap().is_none() {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= seeds * times {
                        break;
                    }
                    let seed = first + at % seeds;
                    *mine.lock().unwrap() = Some((seed, Instant::now()));
                    let ran = std::panic::catch_unwind(|| run(seed, tally));
                    *mine.lock().unwrap() = None;
                    let why = match ran {
                        Ok(Ok(())) => continue,
                        Ok(Err(why)) => why,
                        Err(_) => "it panicked, as told above".to_owned(),
                    };
                    failed.lock().unwrap().get_or_insert(format!("seed {seed}: {why}"));
                }
            });
        }
        scope.spawn(|| {
            while next.load(Ordering::Relaxed) < seeds * times + WORKERS as u64 && failed.lock().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(50));
                let hangs = under_way
                    .iter()
                    .filter_map(|seed| *seed.lock().unwrap())
                    .find(|(_, since)| since.elapsed() > PATIENCE);
                if let Some((seed, _)) = hangs {
                    // its threads cannot be ended, so the process is
                    eprintln!("seed {seed} hangs: {:#?}", Plan::new(seed));
                    std::process::exit(101);
                }
            }
        });
    });
    if let Some(why) = failed.into_inner().unwrap() {
        panic!(
            "{why}\nagain: MEMIMAGE_SEED=<the seed> MEMIMAGE_CASES=1 MEMIMAGE_TIMES=1000 cargo test -p memimage-tests --test swarm"
        );
    }
}

#[test]
fn a_swarm_of_lives_keeps_all_promises() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(1);
    let (seeds, tally) = (u64::from(cases(3_000)), Tally::default());
    swarm(number("MEMIMAGE_SEED"), seeds, number("MEMIMAGE_TIMES"), &tally);
    println!("{seeds} seeds: {tally:?}");
    let Tally { faults, refused_to_open, suspect, quarantined, pruned, .. } = tally;
    let tame =
        [faults, refused_to_open, suspect, quarantined, pruned].iter_mut().any(|counter| *counter.get_mut() == 0);
    assert!(seeds < 3_000 || !tame, "the swarm is too tame");
}
