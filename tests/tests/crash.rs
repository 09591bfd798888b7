//! Power cuts and kills at every operation of a scenario, with any part of what was not synced surviving: an image always
//! opens, with all that was acknowledged and no more than a prefix of what was not. And again while it recovers from that,
//! and again after it went on.
//!
//! `MEMIMAGE_CASES` sets how many scenarios are tried, `MEMIMAGE_SEED` the first one's seed.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use memimage::disk::{Disk, Operation, SimDisk, Unsynced};
use memimage::{Durability, Retention, Seq};
use memimage_tests::{Ask, Dice, Run, cases};

/// The disk after one operation, and what a crash then must not take.
struct Point {
    operation: Operation,
    disk: SimDisk,
    /// The last event answered.
    acknowledged: Seq,
    /// The last event said to be durable.
    durable: Seq,
}

/// Records a point after each operation of a disk.
#[derive(Clone, Default)]
struct Recorder {
    points: Arc<Mutex<Vec<Point>>>,
    promised: Arc<Mutex<[Arc<AtomicU64>; 2]>>,
}

impl Recorder {
    fn attach(&self, disk: &SimDisk) {
        let recorder = self.clone();
        disk.observe(move |operation, fork| {
            let [acknowledged, durable] = &*recorder.promised.lock().unwrap();
            let point = Point {
                operation: operation.clone(),
                disk: fork.clone(),
                acknowledged: Seq::new(acknowledged.load(Ordering::SeqCst)),
                durable: Seq::new(durable.load(Ordering::SeqCst)),
            };
            recorder.points.lock().unwrap().push(point);
        });
    }

    /// Follows what this run is promised from now on.
    fn follow(&self, run: &Run) {
        *self.promised.lock().unwrap() = [run.acknowledged(), run.durable()];
    }

    fn points(&self) -> Vec<Point> {
        std::mem::take(&mut *self.points.lock().unwrap())
    }
}

/// How images are opened.
#[derive(Clone, Copy, Debug)]
struct Mode {
    durability: Durability,
    align: u32,
    retention: Retention,
}

impl Mode {
    fn open(self, disk: &SimDisk, digests: Vec<u64>, kept: Seq) -> Result<Run, String> {
        let options = Run::options(self.durability, self.align).retention(self.retention);
        let image = options.open_with(Arc::new(disk.clone()), "/ledger").map_err(|error| error.to_string())?;
        Run::begin(image, digests, kept)
    }

    fn prunes(self) -> bool {
        self.retention != Retention::Everything
    }
}

/// One scenario: a new image, commands of all forms, rolls, snapshots, closed and opened again. More snapshots, and more of
/// the journal between them, if there is to be pruning.
fn scenario(disk: &SimDisk, mode: Mode, recorder: &Recorder, dice: &mut Dice) -> Vec<u64> {
    let mut run = mode.open(disk, Vec::new(), Seq::ZERO).unwrap();
    recorder.follow(&run);
    for half in 0..2 {
        for _ in 0..15 {
            match dice.below(12) {
                0..=2 => run.ask(&Ask::Deposit(dice.below(4) as u32, dice.below(300) as u32)),
                3 => run.ask(&Ask::Withdraw(dice.below(4) as u32, dice.below(300) as u32)),
                4 => run.ask(&Ask::Settle(dice.below(4) as u32, dice.below(900) as u32)),
                5 => run.ask(&Ask::Draw(None)),
                6 => run.ask(&Ask::File(dice.below(3_000) as usize)),
                7 if dice.once_in(4) => run.ask(&Ask::File(dice.below(30_000) as usize)),
                7 => run.ask(&Ask::Explode(1)),
                8 | 9 => (0..dice.below(6)).for_each(|n| run.ask(&Ask::Submit(n as u32, 5))),
                10 | 11 if mode.prunes() => {
                    run.ask(&Ask::File(9_000));
                    run.image().admin().snapshot().unwrap();
                    assert_eq!(run.image().stats().retention_failure, None);
                }
                10 if dice.once_in(3) => drop(run.image().admin().snapshot().unwrap()),
                10 => run.sync(),
                _ => run.wait(),
            }
        }
        if half == 0 {
            let (digests, seq) = run.close();
            run = mode.open(disk, digests, seq).unwrap();
            recorder.follow(&run);
        }
    }
    run.close().0
}

/// A choice of what survives.
type Choice<'a> = (&'a str, Box<dyn FnMut(usize, &Unsynced) -> bool + 'a>);

/// None, all, each alone, all but each, and some at random.
fn choices(unsynced: usize, random: u64, dice: &mut Dice) -> Vec<Choice<'static>> {
    let mut choices: Vec<Choice<'static>> = vec![("none", Box::new(|_, _| false))];
    if unsynced == 0 {
        return choices;
    }
    choices.push(("all", Box::new(|_, _| true)));
    let step = unsynced.div_ceil(6);
    for kept in (dice.below(step as u64) as usize..unsynced).step_by(step) {
        choices.push(("one", Box::new(move |at, _| at == kept)));
        choices.push(("all but one", Box::new(move |at, _| at != kept)));
    }
    for _ in 0..random {
        let (mut own, times) = (Dice::new(dice.u64()), 2 + dice.below(3));
        choices.push(("some", Box::new(move |_, _| own.once_in(times))));
    }
    choices
}

fn crash(disk: &SimDisk, survives: &mut dyn FnMut(usize, &Unsynced) -> bool) -> SimDisk {
    let mut at = 0;
    disk.crash(|asked| {
        at += 1;
        survives(at - 1, asked)
    })
}

struct Tally {
    opened: u64,
    quarantined: u64,
    twice: u64,
    /// With the start of the journal gone, and so opened twice more: without snapshots, and without the base.
    pruned: u64,
}

/// What must be there: after the crash that was, and after a power cut during the recovery from it.
#[derive(Clone, Copy)]
struct Kept {
    now: Seq,
    then: Seq,
}

/// A scenario that was run: how, and the digest after each of its events.
struct Ran {
    mode: Mode,
    digests: Vec<u64>,
}

impl Ran {
    /// Opens what is left of it, in which this many events must be.
    fn open(&self, disk: &SimDisk, kept: Seq) -> Result<Run, String> {
        self.mode.open(disk, self.digests.clone(), kept)
    }

    /// Opens what a crash left and judges it; if `again`, crashes that recovery too, goes on from it, and crashes again.
    fn judge(&self, disk: &SimDisk, kept: Kept, again: bool, dice: &mut Dice, tally: &mut Tally) -> Result<(), String> {
        if is_pruned(disk) {
            for (how, lost) in [("by the base alone", ".snapshot"), ("by the snapshots alone", ".base")] {
                let disk = disk.fork();
                remove(&disk, lost);
                self.open(&disk, kept.now).map_err(|why| format!("{how}: {why}"))?;
            }
            tally.pruned += 1;
        }
        let recorder = Recorder::default();
        if again {
            recorder.attach(disk);
        }
        let run = self.open(disk, kept.now)?;
        tally.opened += 1;
        tally.quarantined += u64::from(run.image().stats().recovery.quarantined.is_some());
        if !again {
            return Ok(());
        }
        // what was recovered once is there for good
        let cut = disk.crash(|_| false);
        self.open(&cut, run.image().seq()).map_err(|why| format!("lost again: {why}"))?;
        drop(run);
        for point in recorder.points() {
            let mut own = Dice::new(dice.u64());
            let twice = point.disk.crash(|_| own.once_in(2));
            let run = self
                .open(&twice, kept.then)
                .map_err(|why| format!("crashed while recovering, after {:?}: {why}", point.operation))?;
            tally.twice += 1;
            if dice.once_in(6) {
                self.go_on(run, &twice, dice).map_err(|why| format!("crashed a third time: {why}"))?;
            }
        }
        Ok(())
    }

    /// It goes on after it recovered, and once more the power fails.
    fn go_on(&self, mut run: Run, disk: &SimDisk, dice: &mut Dice) -> Result<(), String> {
        for amount in 0..4 {
            run.ask(&Ask::Deposit(9, amount));
            run.ask(&Ask::File(dice.below(900) as usize));
        }
        if self.mode.prunes() {
            for _ in 0..4 {
                (0..4).for_each(|_| run.ask(&Ask::File(3_000)));
                run.image().admin().snapshot().map_err(|error| error.to_string())?;
            }
            if let Some(why) = run.image().stats().retention_failure {
                return Err(why);
            }
            if !is_pruned(disk) {
                return Err("nothing was pruned".to_owned());
            }
        }
        let promised = if self.mode.durability == Durability::Synced { run.acknowledged() } else { run.durable() };
        let kept = Seq::new(promised.load(Ordering::SeqCst));
        let (cut, digests) = (disk.crash(|_| dice.once_in(2)), run.digests().to_vec());
        drop(run);
        self.mode.open(&cut, digests, kept).map(drop)
    }
}

/// Whether a segment is missing before the last.
fn is_pruned(disk: &SimDisk) -> bool {
    let segments = disk.files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "journal"));
    segments.zip(1..).any(|(path, number)| !path.ends_with(format!("{number:08}.journal")))
}

fn remove(disk: &SimDisk, ending: &str) {
    for path in disk.files().iter().filter(|path| path.to_string_lossy().ends_with(ending)) {
        disk.remove(path).unwrap();
    }
}

fn crash_everywhere(mode: Mode, seed: u64, tally: &mut Tally) {
    let durability = mode.durability;
    let mut dice = Dice::new(seed);
    let (disk, recorder) = (SimDisk::new(), Recorder::default());
    recorder.attach(&disk);
    let digests = scenario(&disk, mode, &recorder, &mut dice);
    let ran = Ran { mode, digests };
    let points = recorder.points();
    for (at, point) in points.iter().enumerate() {
        let fail = |how: &str, why: String, after: Vec<Unsynced>| {
            let mut trace = String::new();
            for point in &points[at.saturating_sub(12)..=at] {
                writeln!(trace, "  {} {:?}", point.acknowledged, point.operation).unwrap();
            }
            panic!(
                "{why}\nseed {seed}, {mode:?}; after operation {at} of {}, with {} acknowledged and {} \
                 durable, {how} surviving of {after:?}; the last operations, each with the last event acknowledged before:\n{trace}",
                points.len(),
                point.acknowledged,
                point.durable,
            )
        };
        // the process is killed: all that was written is there, and so is all that was answered
        let again = dice.once_in(40);
        let then = if durability == Durability::Synced { point.acknowledged } else { point.durable };
        let kept = Kept { now: point.acknowledged, then };
        ran.judge(&point.disk.fork(), kept, again, &mut dice, tally)
            .unwrap_or_else(|why| fail("everything (a kill)", why, Vec::new()));

        let kept = Kept { now: then, then };
        let unsynced = point.disk.unsynced();
        for (how, mut survives) in choices(unsynced.len(), 3, &mut dice) {
            let crashed = crash(&point.disk, &mut survives);
            let again = dice.once_in(60);
            ran.judge(&crashed, kept, again, &mut dice, tally).unwrap_or_else(|why| fail(how, why, unsynced.clone()));
        }
    }
}

fn crash_scenarios(durability: Durability, retention: Retention, modest: u32) {
    let first: u64 = std::env::var("MEMIMAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut tally = Tally { opened: 0, quarantined: 0, twice: 0, pruned: 0 };
    for seed in first..first + u64::from(cases(modest)) {
        let mode = Mode { durability, align: [8, 512, 4096][seed as usize % 3], retention };
        crash_everywhere(mode, seed, &mut tally);
    }
    let Tally { opened, quarantined, twice, pruned } = tally;
    println!(
        "{durability:?}, {retention:?}: {opened} crash images opened, {quarantined} with a torn write, {twice} crashed again, \
         {pruned} with a pruned journal"
    );
    assert!(quarantined > 0 && twice > 0, "the scenarios are too tame");
    assert_eq!(pruned > 0, retention != Retention::Everything);
}

#[test]
fn a_synced_image_survives_any_crash() {
    crash_scenarios(Durability::Synced, Retention::Everything, 2);
}

#[test]
fn a_buffered_image_survives_any_crash() {
    crash_scenarios(Durability::Buffered, Retention::Everything, 1);
}

#[test]
fn an_image_synced_at_intervals_survives_any_crash() {
    crash_scenarios(Durability::Interval(Duration::from_micros(300)), Retention::Everything, 1);
}

#[test]
fn an_image_that_is_pruned_survives_any_crash() {
    crash_scenarios(Durability::Synced, Retention::Events(0), 1);
}

#[test]
fn an_image_that_is_pruned_and_buffered_survives_any_crash() {
    crash_scenarios(Durability::Buffered, Retention::Events(8), 1);
}
