//! Verifies the state of a disk after a crash.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use memimage::admin::Check;
use memimage::disk::{Crash, Disk, Fate, SimDisk};
use memimage::{Durability, ErrorKind, Seq};
use memimage_tests::{Request, Run, SplitMix64, changed, files, repair_until_sound, with_keys};

use crate::crash_counts::CrashCounts;
use crate::recorder::Recorder;
use crate::scenario::Mode;

/// The events that must survive.
#[derive(Clone, Copy)]
pub(crate) struct Guarantee {
    /// The last event that must survive the crash.
    pub(crate) now: Seq,
    /// The last event that must also survive a power cut during the recovery from the crash.
    pub(crate) after_power_cut: Seq,
    /// The crash left garbage, possibly in `journal/durable`.
    pub(crate) garbled: bool,
}

/// A completed scenario: its options, and the digest after each of its events.
pub(crate) struct CompletedRun {
    pub(crate) mode: Mode,
    pub(crate) digests: Vec<u64>,
}

impl CompletedRun {
    /// Opens the image, in which all events up to `at_least` must be.
    pub(crate) fn open(&self, disk: &SimDisk, at_least: Seq) -> Result<Run, String> {
        self.mode.open(disk, self.digests.clone(), at_least)
    }

    /// Cuts the power and recovers. A disk without garbage must be recovered. A disk with garbage may be refused as damage,
    /// with a position and without a modification; it must then be recovered without the garbage.
    pub(crate) fn power_cut(
        &self,
        disk: &SimDisk,
        crash: &Crash,
        guarantee: Guarantee,
        again: bool,
        rng: &mut SplitMix64,
        counts: &mut CrashCounts,
    ) -> Result<(), String> {
        let fates: Vec<Fate> = disk.fates(crash).into_iter().map(|(_, fate)| fate).collect();
        let crash_with = |garbage: Option<Fate>| {
            let mut fates = fates.iter();
            disk.crash(|_| match (*fates.next().expect("the same number of writes"), garbage) {
                (Fate::Garbage(_), Some(replacement)) => replacement,
                (fate, _) => fate,
            })
        };
        let left = crash_with(None);
        let garbled = fates.iter().any(|fate| matches!(fate, Fate::Garbage(_)));
        if garbled {
            counts.garbled += 1;
            let opened = left.fork();
            if let Err(error) = self.mode.image(&opened, "/ledger") {
                // an image whose creation was interrupted may look like one that has lost all its segments
                let unfinished = error.kind() == ErrorKind::NotAnImage && guarantee.now == Seq::ZERO;
                if !unfinished && (error.kind() != ErrorKind::Corrupt || error.position().is_none()) {
                    return Err(format!("the image was refused without a position: {error}"));
                }
                let changed = changed(&files(&left), &files(&opened));
                if !changed.is_empty() {
                    return Err(format!("the image was refused, but modified: {changed:?}"));
                }
                (counts.images, counts.refused) = (counts.images + 1, counts.refused + 1);
                if !unfinished {
                    repair_until_sound(&opened, Path::new("/ledger"), self.mode.protection, guarantee.now)
                        .and_then(|()| self.open(&opened, guarantee.now).map(drop))
                        .map_err(|why| format!("the image was refused, and its repair failed: {why}\n{error}"))?;
                    counts.repaired += 1;
                }
                for replacement in [Fate::Lost, Fate::Kept] {
                    self.check(&crash_with(Some(replacement)), guarantee, false, rng, counts)
                        .map_err(|why| format!("the image was refused; with the garbage {replacement}: {why}"))?;
                }
                return Ok(());
            }
        }
        self.check(&left, Guarantee { garbled: guarantee.garbled || garbled, ..guarantee }, again, rng, counts)
    }

    /// Opens the image after a crash and verifies its state. If `again`, also crashes that recovery, uses the image, and crashes
    /// it again.
    pub(crate) fn check(
        &self,
        disk: &SimDisk,
        guarantee: Guarantee,
        again: bool,
        rng: &mut SplitMix64,
        counts: &mut CrashCounts,
    ) -> Result<(), String> {
        if is_pruned(disk) {
            for (how, lost) in [("from the base alone", ".snapshot"), ("from the snapshots alone", ".base")] {
                let disk = disk.fork();
                remove(&disk, lost);
                self.open(&disk, guarantee.now).map_err(|why| format!("{how}: {why}"))?;
            }
            counts.pruned += 1;
        }
        let recorder = again.then(|| Recorder::of(disk));
        let run = self.open(disk, guarantee.now)?;
        counts.images += 1;
        let recovery = run.image().admin().stats().recovery;
        if recovery.uncertain && !guarantee.garbled || !recovery.quarantined_segments.is_empty() {
            return Err(format!(
                "a crash without garbage must not leave an uncertain end or segments that are set aside: {recovery:?}"
            ));
        }
        counts.torn += u64::from(recovery.quarantined.is_some());
        if rng.once_in(30) {
            // while the image is open
            let report = with_keys!(self.mode.protection, Check::new())
                .run_with(Arc::new(disk.clone()), "/ledger")
                .map_err(|error| format!("the check failed: {error}"))?;
            if !report.is_sound() {
                return Err(format!("the image opened, but its check reports: {report}"));
            }
        }
        let Some(recorder) = recorder else { return Ok(()) };
        // recovered events are durable
        let cut = disk.crash(|_| false);
        self.open(&cut, run.image().journal().seq()).map_err(|why| format!("a recovered event was lost: {why}"))?;
        drop(run);
        for point in recorder.points() {
            let mut variants = variants(&point.disk, rng, 6);
            variants.retain(|crash| !matches!(crash, Crash::GarbageAnywhere(_)));
            for crash in variants {
                let guarantee = Guarantee { now: guarantee.after_power_cut, ..guarantee };
                self.power_cut(&point.disk, &crash, guarantee, false, rng, counts).map_err(|why| {
                    format!("crashed during recovery, after {:?}, with {crash:?}: {why}", point.operation)
                })?;
                counts.twice += 1;
                if rng.once_in(12) && !matches!(crash, Crash::Garbage(_)) {
                    let left = point.disk.crash_by(&crash);
                    let run = self.open(&left, guarantee.now)?;
                    self.use_and_crash(run, &left, rng, counts)
                        .map_err(|why| format!("crashed a third time: {why}"))?;
                }
            }
        }
        Ok(())
    }

    /// Uses the image after its recovery, and cuts the power again.
    fn use_and_crash(
        &self,
        mut run: Run,
        disk: &SimDisk,
        rng: &mut SplitMix64,
        counts: &mut CrashCounts,
    ) -> Result<(), String> {
        for amount in 0..4 {
            run.execute(&Request::Deposit(9, amount));
            run.execute(&Request::File(rng.below(900) as usize));
        }
        if self.mode.prunes() {
            for _ in 0..4 {
                (0..4).for_each(|_| run.execute(&Request::File(3_000)));
                run.image().admin().snapshot().map_err(|error| error.to_string())?;
            }
            if let Some(why) = run.image().admin().stats().retention_failure {
                return Err(why);
            }
            if !is_pruned(disk) {
                return Err("the journal was not pruned".to_owned());
            }
        }
        let promised = if self.mode.durability == Durability::Synced { run.acknowledged() } else { run.durable() };
        let at_least = Seq::new(promised.load(Ordering::SeqCst));
        let (cut, digests) = (disk.crash_by(&Crash::Subset(rng.u64())), run.digests().to_vec());
        drop(run);
        (counts.images, counts.thrice) = (counts.images + 1, counts.thrice + 1);
        self.mode.open(&cut, digests, at_least).map(drop)
    }
}

/// All simple power cuts, and at most `others` of the other variants.
pub(crate) fn variants(disk: &SimDisk, rng: &mut SplitMix64, others: usize) -> Vec<Crash> {
    let unsynced = disk.unsynced().len();
    let first = rng.u64() >> 1;
    let mut all = Crash::all(unsynced, first..first + 3);
    if unsynced > 0 {
        all.push(Crash::GarbageAnywhere(first));
    }
    let mut rest = all.split_off(all.len().min(4));
    while rest.len() > others {
        rest.swap_remove(rng.below(rest.len() as u64) as usize);
    }
    all.append(&mut rest);
    all
}

/// Whether a segment before the last one is missing.
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
