//! The conditions that hold for every state that a crash leaves.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use memimage::admin::check_with;
use memimage::disk::{Crash, Disk, Fate, SimDisk};
use memimage::{Durability, ErrorKind, Seq};
use memimage_tests::{Ask, Dice, Run, changed, files, mend};

use crate::recorder::Recorder;
use crate::scenario::Mode;
use crate::tally::Tally;

/// What must be there: after the crash that was, and after a power cut during the recovery from it.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) now: Seq,
    pub(crate) then: Seq,
    /// There was garbage, perhaps where it is told how far the journal is synced.
    pub(crate) garbled: bool,
}

/// A scenario that was run: how, and the digest after each of its events.
pub(crate) struct Ran {
    pub(crate) mode: Mode,
    pub(crate) digests: Vec<u64>,
}

impl Ran {
    /// Opens what is left of it, in which this many events must be.
    pub(crate) fn open(&self, disk: &SimDisk, kept: Seq) -> Result<Run, String> {
        self.mode.open(disk, self.digests.clone(), kept)
    }

    /// A power cut. What is not garbled must be recovered; what is may also be refused, as damage, where it is and without
    /// any change, and then taking the garbage away must bring all back.
    pub(crate) fn cut(
        &self,
        disk: &SimDisk,
        crash: &Crash,
        kept: Kept,
        again: bool,
        dice: &mut Dice,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let fates: Vec<Fate> = disk.fates(crash).into_iter().map(|(_, fate)| fate).collect();
        let with = |of_garbage: Option<Fate>| {
            let mut fates = fates.iter();
            disk.crash(|_| match (*fates.next().expect("as many as were asked about"), of_garbage) {
                (Fate::Garbage(_), Some(other)) => other,
                (fate, _) => fate,
            })
        };
        let left = with(None);
        let garbled = fates.iter().any(|fate| matches!(fate, Fate::Garbage(_)));
        if garbled {
            tally.garbled += 1;
            let opened = left.fork();
            if let Err(error) = self.mode.image(&opened, "/ledger") {
                // the beginnings of an image may look like one that has lost all its segments
                let unfinished = error.kind() == ErrorKind::NotAnImage && kept.now == Seq::ZERO;
                if !unfinished && (error.kind() != ErrorKind::Corrupt || error.position().is_none()) {
                    return Err(format!("refused without a position: {error}"));
                }
                let changed = changed(&files(&left), &files(&opened));
                if !changed.is_empty() {
                    return Err(format!("refused, and changed all the same: {changed:?}"));
                }
                (tally.images, tally.refused) = (tally.images + 1, tally.refused + 1);
                if !unfinished {
                    mend(&opened, Path::new("/ledger"), kept.now)
                        .and_then(|()| self.open(&opened, kept.now).map(drop))
                        .map_err(|why| format!("refused, and repaired: {why}\n{error}"))?;
                    tally.mended += 1;
                }
                for instead in [Fate::Lost, Fate::Kept] {
                    self.judge(&with(Some(instead)), kept, false, dice, tally)
                        .map_err(|why| format!("refused, and with the garbage {instead}: {why}"))?;
                }
                return Ok(());
            }
        }
        self.judge(&left, Kept { garbled: kept.garbled || garbled, ..kept }, again, dice, tally)
    }

    /// Opens what a crash left and judges it; if `again`, crashes that recovery too, goes on from it, and crashes again.
    pub(crate) fn judge(
        &self,
        disk: &SimDisk,
        kept: Kept,
        again: bool,
        dice: &mut Dice,
        tally: &mut Tally,
    ) -> Result<(), String> {
        if is_pruned(disk) {
            for (how, lost) in [("by the base alone", ".snapshot"), ("by the snapshots alone", ".base")] {
                let disk = disk.fork();
                remove(&disk, lost);
                self.open(&disk, kept.now).map_err(|why| format!("{how}: {why}"))?;
            }
            tally.pruned += 1;
        }
        let recorder = again.then(|| Recorder::of(disk));
        let run = self.open(disk, kept.now)?;
        tally.images += 1;
        let recovery = run.image().admin().stats().recovery;
        if recovery.uncertain && !kept.garbled || !recovery.quarantined_segments.is_empty() {
            return Err(format!("a crash alone leaves nothing uncertain or cut off: {recovery:?}"));
        }
        tally.torn += u64::from(recovery.quarantined.is_some());
        if dice.once_in(30) {
            // beside the image that runs on it
            let checked =
                check_with(Arc::new(disk.clone()), "/ledger").map_err(|error| format!("not checked: {error}"))?;
            if !checked.is_sound() {
                return Err(format!("it opened, and a check says: {checked}"));
            }
        }
        let Some(recorder) = recorder else { return Ok(()) };
        // what was recovered once is there for good
        let cut = disk.crash(|_| false);
        self.open(&cut, run.image().journal().seq()).map_err(|why| format!("lost again: {why}"))?;
        drop(run);
        for point in recorder.points() {
            let mut variants = variants(&point.disk, dice, 6);
            variants.retain(|crash| !matches!(crash, Crash::GarbageAnywhere(_)));
            for crash in variants {
                let kept = Kept { now: kept.then, ..kept };
                self.cut(&point.disk, &crash, kept, false, dice, tally).map_err(|why| {
                    format!("crashed while recovering, after {:?}, with {crash:?}: {why}", point.operation)
                })?;
                tally.twice += 1;
                if dice.once_in(12) && !matches!(crash, Crash::Garbage(_)) {
                    let left = point.disk.crash_by(&crash);
                    let run = self.open(&left, kept.now)?;
                    self.go_on(run, &left, dice, tally).map_err(|why| format!("crashed a third time: {why}"))?;
                }
            }
        }
        Ok(())
    }

    /// It goes on after it recovered, and once more the power fails.
    fn go_on(&self, mut run: Run, disk: &SimDisk, dice: &mut Dice, tally: &mut Tally) -> Result<(), String> {
        for amount in 0..4 {
            run.ask(&Ask::Deposit(9, amount));
            run.ask(&Ask::File(dice.below(900) as usize));
        }
        if self.mode.prunes() {
            for _ in 0..4 {
                (0..4).for_each(|_| run.ask(&Ask::File(3_000)));
                run.image().admin().snapshot().map_err(|error| error.to_string())?;
            }
            if let Some(why) = run.image().admin().stats().retention_failure {
                return Err(why);
            }
            if !is_pruned(disk) {
                return Err("nothing was pruned".to_owned());
            }
        }
        let promised = if self.mode.durability == Durability::Synced { run.acknowledged() } else { run.durable() };
        let kept = Seq::new(promised.load(Ordering::SeqCst));
        let (cut, digests) = (disk.crash_by(&Crash::Subset(dice.u64())), run.digests().to_vec());
        drop(run);
        (tally.images, tally.thrice) = (tally.images + 1, tally.thrice + 1);
        self.mode.open(&cut, digests, kept).map(drop)
    }
}

/// The simple power cuts, and so many of the others at most.
pub(crate) fn variants(disk: &SimDisk, dice: &mut Dice, others: usize) -> Vec<Crash> {
    let unsynced = disk.unsynced().len();
    let first = dice.u64() >> 1;
    let mut all = Crash::all(unsynced, first..first + 3);
    if unsynced > 0 {
        all.push(Crash::GarbageAnywhere(first));
    }
    let mut rest = all.split_off(all.len().min(4));
    while rest.len() > others {
        rest.swap_remove(dice.below(rest.len() as u64) as usize);
    }
    all.append(&mut rest);
    all
}

/// Whether a segment is missing before the last.
pub(crate) fn is_pruned(disk: &SimDisk) -> bool {
    let segments = disk.files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "journal"));
    let segments = segments.filter(|path| path.starts_with("/ledger"));
    segments.zip(1..).any(|(path, number)| !path.ends_with(format!("{number:08}.journal")))
}

fn remove(disk: &SimDisk, ending: &str) {
    for path in disk.files().iter().filter(|path| path.to_string_lossy().ends_with(ending)) {
        disk.remove(path).unwrap();
    }
}
