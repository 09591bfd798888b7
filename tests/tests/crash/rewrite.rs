//! A rewrite that is interrupted by a crash.

use std::path::Path;
use std::sync::Arc;

use memimage::admin::Rewrite;
use memimage::disk::{Crash, SimDisk};
use memimage::{Error, ErrorKind, Seq, digest};
use memimage_tests::protection::keys;
use memimage_tests::{Ledger, SplitMix64, with_keys};

use crate::crash_counts::CrashCounts;
use crate::oracle::{CompletedRun, variants};
use crate::recorder::Recorder;
use crate::scenario::scenario;
use crate::{Mode, failed};

const TARGET: &str = "/rewritten";

fn rewrite(disk: &SimDisk, mode: Mode) -> Result<(), Error> {
    let mut rewrite = with_keys!(mode.protection, Rewrite::<Ledger>::new());
    if mode.protection.encrypted {
        rewrite = rewrite.source_encryption(keys());
    }
    if mode.protection.chained {
        rewrite = rewrite.source_chain(keys());
    }
    let rewrite = rewrite.segment_bytes(16 << 10).align_bytes(mode.align);
    rewrite.run_with(Arc::new(disk.clone()), "/ledger", TARGET).map(drop)
}

/// Rewrites the image of a scenario, and crashes after each operation of the rewrite.
pub(crate) fn crash_everywhere(mode: Mode, seed: u64, counts: &mut CrashCounts) {
    let mut rng = SplitMix64::new(seed);
    let disk = SimDisk::new();
    let digests = scenario(&disk, mode, &Recorder::default(), &mut rng);
    let run = CompletedRun { mode, digests };
    let recorder = Recorder::of(&disk);
    rewrite(&disk, mode).unwrap();
    let points = recorder.points();
    assert!(points.len() > 40, "{}", points.len());
    for point in &points {
        let killed = check(&run, &point.disk.fork(), counts);
        killed.unwrap_or_else(|why| failed(&why, mode, seed, point, None, |_| unreachable!("a kill cannot be shrunk")));
        counts.kills += 1;
        for crash in variants(&point.disk, &mut rng, 20) {
            // a rewrite never writes over synced bytes
            if matches!(crash, Crash::GarbageAnywhere(_)) {
                continue;
            }
            counts.garbled += u64::from(matches!(crash, Crash::Garbage(_)));
            let mut check_disk = |disk: &SimDisk| check(&run, disk, counts);
            if let Err(why) = check_disk(&point.disk.crash_by(&crash)) {
                failed(&why, mode, seed, point, Some(&crash), |left| check_disk(&left).is_err());
            }
        }
    }
}

/// Verifies that the source is unchanged, that the target is missing or complete, and that the rewrite can be run again.
fn check(run: &CompletedRun, disk: &SimDisk, counts: &mut CrashCounts) -> Result<(), String> {
    (counts.images, counts.rewritten) = (counts.images + 1, counts.rewritten + 1);
    let last = Seq::new(run.digests.len() as u64 - 1);
    let target_exists = disk.files().iter().any(|path| path.starts_with(TARGET));
    match rewrite(disk, run.mode) {
        Ok(()) if target_exists => return Err("an existing target was overwritten".to_owned()),
        Err(error) if !(target_exists && error.kind() == ErrorKind::AlreadyExists) => {
            return Err(format!("the second run: {error}"));
        }
        _ => {}
    }
    let image = run.mode.image(disk, TARGET).map_err(|error| format!("the target: {error}"))?;
    let state = digest(&*image.read_uncommitted().expect("the image is open")).expect("a ledger has a digest").to_u64();
    if state != run.digests[last.get() as usize] {
        return Err("the state of the target is wrong".to_owned());
    }
    drop(image);
    let known = [Path::new("/ledger"), Path::new(TARGET)];
    let strays = disk.files().iter().filter(|file| !known.iter().any(|dir| file.starts_with(dir))).count();
    if strays > 0 {
        return Err(format!("{strays} files are left over"));
    }
    run.open(disk, last).map(drop).map_err(|why| format!("the source: {why}"))
}
