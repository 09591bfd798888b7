//! Repairs and voids on disks that fail: each call fails in turn, once and from then on. What was asked for is then done or
//! it is not; asked for again on a healthy disk it is done, whether the process was ended in between, or the power cut.
//! Nothing that was sound is gone, and what was changed is kept.
//!
//! `MEMIMAGE_CASES` sets how many times each is gone through, each time with other effects; `MEMIMAGE_SEED` the first of
//! these times.

use std::sync::Arc;
use std::time::Instant;

use memimage::admin::{Choice, Severity};
use memimage::disk::{Crash, Disk, Effect, Fault, Method, SimDisk};
use memimage::{Error, Seq};
use memimage_tests::{Files, cases, changed, files, in_time, seed};

use super::check::check;
use super::proof::is_seen;
use super::repair::{cut_from, damage, pruned, repair, state_after};
use super::till::first::{Till, TillCommands as _};
use super::void::{BAD, recorded, void, without_the_bad_one};
use super::{frames, image, open};

/// What is asked for, of an image.
struct Task {
    name: &'static str,
    disk: SimDisk,
    before: Files,
    kind: Kind,
    /// The last event and the state, once it is done.
    done: (u64, u64),
    /// The same, if the image opens without it.
    undone: Option<(u64, u64)>,
}

#[derive(Clone, Copy)]
enum Kind {
    Repair(Choice),
    Void,
}

type Tried = Result<(), String>;

impl Task {
    fn new(name: &'static str, disk: SimDisk, kind: Kind, done: (u64, u64)) -> Arc<Task> {
        let undone = state(&disk).ok();
        Arc::new(Task { name, before: files(&disk), disk, kind, done, undone })
    }

    fn repair(name: &'static str, disk: SimDisk, choice: Choice, events: u64) -> Arc<Task> {
        Task::new(name, disk, Kind::Repair(choice), (events, state_after(events)))
    }

    /// Whether there was nothing to be done.
    fn run(&self, disk: &SimDisk) -> Result<bool, Error> {
        match self.kind {
            Kind::Repair(choice) => repair(disk, choice).map(|repaired| repaired.is_unchanged()),
            Kind::Void => void(disk, BAD).map(|voided| voided.already),
        }
    }

    fn gives_up(&self) -> bool {
        matches!(self.kind, Kind::Repair(Choice::CutFrom(_) | Choice::BeginAt(_) | Choice::SuspectTail))
    }

    /// With this fault. Says how often it struck.
    fn attempt(&self, fault: &Fault, turn: u64) -> Result<u64, String> {
        let disk = self.disk.fork();
        disk.inject(fault.clone());
        let outcome = self.run(&disk);
        let strikes = disk.strikes();
        disk.heal();
        let cuts = [Crash::Nothing, Crash::Everything, Crash::NamesOnly, Crash::BytesOnly, Crash::Subset(turn)];
        let left = [("the next process", disk.fork()), ("after a power cut", disk.crash_by(&cuts[turn as usize % 5]))];
        for (who, left) in left {
            let judged = match &outcome {
                Ok(_) => self.done_up(&left).and_then(|()| self.is_done(&left)),
                Err(_) if files(&left) == self.before => Ok(()),
                Err(error) => self.may_be_done(&left, error).and_then(|()| {
                    self.run(&left).map_err(|error| format!("asked for again: {error}"))?;
                    self.is_done(&left).map_err(|why| format!("asked for again: {why}"))
                }),
            };
            let told = || outcome.as_ref().map_or_else(Error::to_string, |_| "it was done".to_owned());
            judged.map_err(|why| format!("{why}\n{who}, where it said: {}\n{}", told(), disk.trace()))?;
        }
        Ok(strikes)
    }

    /// The image is as it was, or as it is to be, or refused as it was.
    fn may_be_done(&self, disk: &SimDisk, error: &Error) -> Tried {
        if error.is_panic() || error.is_diverged() {
            return Err("it failed with another error".to_owned());
        }
        match state(disk) {
            Ok(state) if state == self.done || Some(state) == self.undone => Ok(()),
            Ok(state) => Err(format!("it opens with {state:?}")),
            // what proves that more was there may be gone already, and what was there not yet
            Err(error) if self.gives_up() && error.is_corrupt() => Ok(()),
            Err(error) => Err(format!("it does not open: {error}")),
        }
    }

    /// Snapshots that could not be removed are told of in the log only: they are not used, and whoever asks again removes them.
    fn done_up(&self, disk: &SimDisk) -> Tried {
        match self.kind {
            Kind::Void => self.run(disk).map(drop).map_err(|error| format!("asked for again: {error}")),
            Kind::Repair(_) => Ok(()),
        }
    }

    /// All is as it is to be, for good, and to ask again does nothing.
    fn is_done(&self, disk: &SimDisk) -> Tried {
        let cut = disk.crash(|_| false);
        let same = files(&cut) == files(disk);
        for disk in [disk, &cut].into_iter().take(if same { 1 } else { 2 }) {
            let checked = check(disk);
            // but for `journal/durable`, which an open writes anew
            if checked.worst() > Some(Severity::Warning) || !checked.mends().is_empty() {
                return Err(format!("it is not sound: {checked}"));
            }
            match state(disk) {
                Ok(state) if state == self.done => {}
                Ok(state) => return Err(format!("it opens with {state:?}")),
                Err(error) => return Err(format!("it does not open: {error}")),
            }
        }
        match self.kind {
            Kind::Repair(_) => self.is_kept(disk)?,
            Kind::Void if !is_seen(&cut) => return Err("nothing proves the decision".to_owned()),
            Kind::Void => {}
        }
        match self.run(disk) {
            Ok(true) => Ok(()),
            Ok(false) => Err("asked for once more it did something".to_owned()),
            Err(error) => Err(format!("asked for once more: {error}")),
        }
    }

    /// What was changed or taken out of the image stands in its quarantine.
    fn is_kept(&self, disk: &SimDisk) -> Tried {
        let after = files(disk);
        let kept: Vec<&Vec<u8>> =
            after.iter().filter(|(path, _)| path.starts_with("/till/quarantine")).map(|(_, bytes)| bytes).collect();
        for path in changed(&self.before, &after) {
            let Some(was) = self.before.get(&path) else { continue };
            let none = Vec::new();
            let is = after.get(&path).unwrap_or(&none);
            let differs = |at: &usize| was.get(*at) != is.get(*at);
            let (Some(first), Some(last)) = ((0..was.len()).find(differs), (0..was.len()).rfind(differs)) else {
                continue;
            };
            let gone = &was[first..=last];
            if !kept.iter().any(|kept| kept.windows(gone.len()).any(|part| part == gone)) {
                return Err(format!("{} is changed, and what it was is not kept", path.display()));
            }
        }
        Ok(())
    }
}

/// The last event, and the state after it.
fn state(disk: &SimDisk) -> Result<(u64, u64), Error> {
    let till = open::<Till>(&disk.fork())?;
    let cents = till.read()?.cents;
    Ok((till.seq().get(), cents))
}

/// The place after the last frame, and its segment.
fn end(disk: &SimDisk) -> (std::path::PathBuf, u64) {
    let last = frames(disk).into_iter().last().unwrap();
    (last.path, (last.offset as usize + last.len).next_multiple_of(512) as u64)
}

fn torn() -> SimDisk {
    let disk = image(&[]);
    let (path, end) = end(&disk);
    disk.write(path, end + 512, &[0x5A; 512]).unwrap();
    disk
}

fn suspect() -> SimDisk {
    let disk = image(&[]);
    let (path, end) = end(&disk);
    disk.write(path, end, &[0x5A; 1_024]).unwrap();
    disk
}

fn damaged(snapshots: &[u64], events: &[u64]) -> SimDisk {
    let disk = image(snapshots);
    events.iter().for_each(|event| damage(&disk, *event));
    disk
}

fn with_damaged_snapshot() -> SimDisk {
    let disk = image(&[5, 12]);
    disk.write("/till/snapshot/00000000000000000012.snapshot", 4_110, &[1, 2, 3]).unwrap();
    disk
}

/// Each way in which things can be done.
fn tasks() -> Vec<Arc<Task>> {
    let begin = Choice::BeginAt(Seq::new(12));
    let mut tasks = vec![
        Task::repair("clearing a torn end", torn(), Choice::TornTail, 30),
        Task::repair("clearing a suspect end", suspect(), Choice::SuspectTail, 30),
        Task::repair("a cut with snapshots behind it", damaged(&[12, 28], &[13]), cut_from(13), 12),
        Task::repair("a cut of the last event", damaged(&[], &[30]), cut_from(30), 29),
        Task::repair("beginning with what stays", damaged(&[5, 12], &[7]), begin, 30),
        Task::repair("beginning with nothing", damaged(&[5, 12], &[3, 20]), begin, 12),
        Task::repair("putting snapshots away", with_damaged_snapshot(), Choice::Snapshots, 30),
    ];
    for damage in [true, false] {
        let (disk, base, last, all) = pruned();
        let path = format!("/till/journal/{base:020}.1.base", base = base.get());
        match damage {
            true => disk.write(&path, 4_110, &[1, 2, 3]).unwrap(),
            false => disk.remove(path.as_ref()).unwrap(),
        }
        tasks.push(Task::new("copying a base", disk, Kind::Repair(Choice::Base), (last.get(), all)));
    }
    for (name, filler) in [("a void", 0), ("a void that begins a segment", 5_100)] {
        let disk = recorded(&[3, 6]);
        let till = open::<Till>(&disk).unwrap();
        till.file(vec![7; filler]).unwrap();
        till.close().unwrap();
        tasks.push(Task::new(name, disk.fork(), Kind::Void, (9, without_the_bad_one(&disk).cents)));
    }
    tasks
}

fn seeds() -> std::ops::Range<u64> {
    let first = seed(1);
    first..first + u64::from(cases(1))
}

fn attempt(task: &Arc<Task>, fault: Fault, (seed, turn): (u64, u64)) -> u64 {
    let (tried, of) = (fault.clone(), Arc::clone(task));
    let told = in_time(move || of.attempt(&tried, turn));
    told.unwrap_or_else(|why| panic!("{}: {why}\nMEMIMAGE_SEED={seed} MEMIMAGE_CASES=1, {fault:?}", task.name))
}

/// Fails each call in turn until none does, or from then on each third.
fn fail_each(name: &str, once: bool, fault: impl Fn(u64) -> Fault) {
    for task in tasks() {
        let (mut attempts, mut struck, started) = (0, 0, Instant::now());
        for seed in seeds() {
            let turns = if once { (1..).step_by(1) } else { (1 + seed % 3..).step_by(3) };
            for n in turns {
                let fault = fault(seed + n).seed(seed + n);
                let strikes = attempt(&task, if once { fault.nth(n) } else { fault.from(n) }, (seed, seed + n));
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
    fail_each("any call fails", true, of_any_call);
}

#[test]
fn any_call_may_fail_and_all_after_it() {
    fail_each("any call fails, and all after it", false, of_any_call);
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
