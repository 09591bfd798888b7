//! A swarm of small simulations, each determined by its seed. Up to four threads run commands, queries, syncs, snapshots, backups and
//! panics on one image, in all durability modes, with and without pruning, while the disk fails, lies or is full. A named
//! subscriber, a projection and a follower observe the image, in its process or as in another. A close, a
//! kill or a power cut ends the lifetime, and the next lifetime of the same image begins with the remaining disk: the image is
//! opened, or a follower takes it over. (Many
//! simulations with different enabled features: Groce and others, "Swarm Testing", 2012; TigerBeetle's simulator.)
//!
//! After each lifetime: everything that the durability mode promised is recovered, the recovered commands are a prefix of the
//! executed ones in the same order, and the image opens, or is refused as suspect if the power cut left garbage. Everything that
//! an observer has seen is recovered too, in each mode. The subscriber gets each event after its acknowledged position, once; the
//! states of the projection and of the follower are states of the image.
//!
//! `MEMIMAGE_CASES` sets the number of seeds, `MEMIMAGE_SEED` the first one. A seed does not determine the thread schedule, so
//! a failure may need several attempts: `MEMIMAGE_SEED=… MEMIMAGE_CASES=1 MEMIMAGE_TIMES=1000`.

mod model;
mod ending;
mod observed;
mod oracle;
mod parameters;
mod observers;
mod lifetime;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Seq};
use memimage_tests::{cases, repair_until_sound};

use ending::EndKind;
use lifetime::{LifetimeResult, run_lifetime};
use model::Mark;
use observed::{Observed, ObservedRecord};
use observers::{Stop, take_over};
use oracle::PromiseRecord;
use parameters::{LifetimeEnd, LifetimeParameters, SwarmParameters};

/// The time limit for a seed.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How many seeds run at the same time; most of the time each of them waits for its own threads.
const WORKERS: usize = 6;

/// Counts of the faults and repairs, to check that the swarm covers them.
#[derive(Debug, Default)]
struct Tally {
    lifetimes: AtomicU64,
    marks: AtomicU64,
    faults: AtomicU64,
    refused_to_open: AtomicU64,
    suspect: AtomicU64,
    quarantined: AtomicU64,
    pruned: AtomicU64,
    backups: AtomicU64,
    delivered: AtomicU64,
    taken_over: AtomicU64,
    kills: AtomicU64,
    power_cuts: AtomicU64,
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// Opens the remaining disk and returns its marks. A fault may make the first attempt fail.
fn recover(
    parameters: &SwarmParameters,
    lifetime: &LifetimeParameters,
    disk: &SimDisk,
    observed: &ObservedRecord,
    tally: &Tally,
) -> Result<(memimage::Image<model::MarkList>, Vec<Mark>), String> {
    let open = || {
        let follower = lifetime.taken_over.then(|| take_over(parameters, lifetime, disk, observed));
        match follower.transpose()?.flatten() {
            Some(image) => {
                count(&tally.taken_over, 1);
                Ok(image)
            }
            None => Ok::<_, Stop>(parameters.open(lifetime, disk)?),
        }
    };
    if let Some(fault) = lifetime.fault.clone().filter(|_| lifetime.faulty_opening) {
        disk.inject(fault);
        match open() {
            Ok(image) => {
                if let Ok(marks) = SwarmParameters::marks(&image) {
                    return Ok((image, marks));
                }
            }
            Err(Stop::Failed(_)) => count(&tally.refused_to_open, 1),
            Err(Stop::Broken(why)) => return Err(why),
        }
        disk.heal();
    }
    let image = open().map_err(|stop| match stop {
        Stop::Failed(why) | Stop::Broken(why) => why,
    })?;
    let marks = SwarmParameters::marks(&image)?;
    Ok((image, marks))
}

/// Runs all lifetimes of a seed.
fn run(seed: u64, tally: &Tally) -> Result<(), String> {
    let parameters = SwarmParameters::new(seed);
    let mut disk = SimDisk::new();
    let mut before: Vec<Mark> = Vec::new();
    let mut ended: Option<(LifetimeResult, &LifetimeParameters)> = None;
    let mut faulty = false;
    for lifetime in &parameters.lifetimes {
        faulty |= lifetime.fault.is_some();
        let fail = |why: String, disk: &SimDisk| format!("{why}\nin {lifetime:?}\nof {parameters:?}\n{}", disk.trace());
        let observed = ObservedRecord::after(
            ended.as_ref().map_or_else(Observed::default, |(left, _)| left.promises.observed.clone()),
        );
        let (image, marks) = recover(&parameters, lifetime, &disk, &observed, tally).map_err(|why| fail(why, &disk))?;
        let mut observed = observed.now();
        let recovery = image.admin().stats().recovery;
        count(&tally.quarantined, u64::from(recovery.quarantined.is_some()));
        // the second copy of a base may be missing after a crash
        let has_name = |why: &str| why != "the file is missing";
        if !faulty && recovery.unusable_snapshots.iter().any(|(_, why)| has_name(why)) {
            return Err(fail(format!("a snapshot has its final name but is not complete: {recovery:?}"), &disk));
        }
        check_backup(&parameters, lifetime, &disk, (&marks, faulty), tally).map_err(|why| fail(why, &disk))?;
        if let Some((left, past)) = &ended {
            let how = (past.durability, left.ending);
            left.promises
                .check(&marks, how, &before, left.in_memory.as_deref())
                .map_err(|why| fail(format!("{why}\nafter {past:?}"), &disk))?;
            observed = observed
                .check(&image, &marks, left.ending, lifetime.faulty_opening)
                .map_err(|why| fail(format!("{why}\nafter {past:?}"), &disk))?;
        }
        let before_delivered = observed.delivered();
        let record = Arc::new(PromiseRecord::after(&marks, observed));
        let mut left = run_lifetime(&parameters, lifetime, &disk, image, &record).map_err(|why| fail(why, &disk))?;
        count(&tally.lifetimes, 1);
        count(&tally.marks, left.in_memory.as_ref().map_or(0, |in_memory| (in_memory.len() - marks.len()) as u64));
        count(&tally.faults, disk.strikes());
        count(&tally.delivered, left.promises.observed.delivered() - before_delivered);
        count(if left.ending == EndKind::Kill { &tally.kills } else { &tally.power_cuts }, 1);
        if let LifetimeEnd::PowerCut(_, memimage::disk::Crash::Garbage(_)) = lifetime.end {
            left = without_garbage(&parameters, lifetime, left, tally).map_err(|why| fail(why, &disk))?;
        }
        count(&tally.pruned, u64::from(is_pruned(&left.disk)));
        disk = left.disk.clone();
        before = marks;
        ended = Some((left, lifetime));
    }
    let (left, lifetime) = ended.expect("at least one lifetime");
    let image = parameters
        .open(lifetime, &disk)
        .map_err(|error| format!("{error}\nafter {lifetime:?}\nof {parameters:?}\n{}", disk.trace()))?;
    let marks = SwarmParameters::marks(&image)?;
    left.promises
        .check(&marks, (lifetime.durability, left.ending), &before, left.in_memory.as_deref())
        .and_then(|()| left.promises.observed.check(&image, &marks, left.ending, false))
        .map(drop)
        .map_err(|why| format!("{why}\nafter {lifetime:?}\nof {parameters:?}\n{}", disk.trace()))
}

/// A backup opens after every end of a lifetime, with the first marks of the image. If a failed sync of the image was followed by a
/// successful one, the backup may have more marks than the image.
fn check_backup(
    parameters: &SwarmParameters,
    lifetime: &LifetimeParameters,
    disk: &SimDisk,
    (marks, faulty): (&[Mark], bool),
    tally: &Tally,
) -> Result<(), String> {
    let files = disk.files();
    if !files.iter().any(|path| path.starts_with(parameters::COPY)) {
        return Ok(());
    }
    let copy = parameters.open_at(parameters::COPY, lifetime, &disk.fork());
    let copied = SwarmParameters::marks(&copy.map_err(|error| format!("the backup: {error}"))?)?;
    count(&tally.backups, 1);
    match marks.starts_with(&copied) || faulty && copied.starts_with(marks) {
        true => Ok(()),
        false => Err(format!("the backup has the marks {copied:?}, and the image {marks:?}")),
    }
}

/// A power cut may leave garbage that no torn write explains. Opening then refuses the image as suspect, for no other reason,
/// and after a repair the image opens.
fn without_garbage(
    parameters: &SwarmParameters,
    lifetime: &LifetimeParameters,
    left: LifetimeResult,
    tally: &Tally,
) -> Result<LifetimeResult, String> {
    match parameters.open(lifetime, &left.disk.fork()) {
        Ok(_) => Ok(left),
        Err(error)
            if error.kind() == ErrorKind::Corrupt
                && error.to_string().contains("a frame is damaged; nothing shows that it was synced") =>
        {
            count(&tally.suspect, 1);
            // the next opening checks how much was acknowledged
            repair_until_sound(&left.disk, Path::new("/list"), parameters.protection, Seq::ZERO)?;
            Ok(left)
        }
        Err(error) => Err(error.to_string()),
    }
}

fn is_pruned(disk: &SimDisk) -> bool {
    let files = disk.files();
    !files.is_empty() && !files.contains(&Path::new("/list/journal/00000001.journal").to_owned())
}

/// Runs seeds on several threads and panics at the first one that fails or hangs.
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
                        Err(_) => "it panicked, see above".to_owned(),
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
                    .find(|(_, since)| since.elapsed() > TIMEOUT);
                if let Some((seed, _)) = hangs {
                    // the threads of a seed cannot be stopped, so the process ends
                    eprintln!("seed {seed} hangs: {:#?}", SwarmParameters::new(seed));
                    std::process::exit(101);
                }
            }
        });
    });
    if let Some(why) = failed.into_inner().unwrap() {
        panic!(
            "{why}\nto reproduce: MEMIMAGE_SEED=<the seed> MEMIMAGE_CASES=1 MEMIMAGE_TIMES=1000 cargo test -p memimage-tests --test swarm"
        );
    }
}

#[test]
fn a_swarm_of_lifetimes_keeps_all_promises() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(1);
    let (seeds, tally) = (u64::from(cases(400)), Tally::default());
    swarm(number("MEMIMAGE_SEED"), seeds, number("MEMIMAGE_TIMES"), &tally);
    println!("{seeds} seeds: {tally:?}");
    let Tally { faults, refused_to_open, suspect, quarantined, pruned, backups, delivered, taken_over, .. } = tally;
    let incomplete = [faults, refused_to_open, suspect, quarantined, pruned, backups, delivered, taken_over]
        .iter_mut()
        .any(|counter| *counter.get_mut() == 0);
    assert!(seeds < 1_500 || !incomplete, "the swarm does not cover all faults and repairs");
}
