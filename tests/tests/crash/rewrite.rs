//! A rewrite during which the power fails.

use std::path::Path;
use std::sync::Arc;

use memimage::admin::Rewrite;
use memimage::disk::{Crash, SimDisk};
use memimage::{Error, ErrorKind, Seq, digest};
use memimage_tests::{Dice, Ledger};

use crate::oracle::{Ran, variants};
use crate::recorder::Recorder;
use crate::scenario::scenario;
use crate::tally::Tally;
use crate::{Mode, failed};

const NEW: &str = "/rewritten";

fn rewrite(disk: &SimDisk, mode: Mode) -> Result<(), Error> {
    let rewrite = Rewrite::<Ledger>::new().segment_bytes(16 << 10).align_bytes(mode.align);
    rewrite.run_with(Arc::new(disk.clone()), "/ledger", NEW).map(drop)
}

/// Rewrites what a scenario left, and crashes after each operation of that.
pub(crate) fn crash_everywhere(mode: Mode, seed: u64, tally: &mut Tally) {
    let mut dice = Dice::new(seed);
    let disk = SimDisk::new();
    let digests = scenario(&disk, mode, &Recorder::default(), &mut dice);
    let ran = Ran { mode, digests };
    let recorder = Recorder::of(&disk);
    rewrite(&disk, mode).unwrap();
    let points = recorder.points();
    assert!(points.len() > 40, "{}", points.len());
    for point in &points {
        let killed = judge(&ran, &point.disk.fork(), tally);
        killed.unwrap_or_else(|why| {
            failed(&why, mode, seed, point, None, |_| unreachable!("a kill is not made smaller"))
        });
        tally.kills += 1;
        for crash in variants(&point.disk, &mut dice, 20) {
            // neither has synced bytes in place of which it writes
            if matches!(crash, Crash::GarbageAnywhere(_)) {
                continue;
            }
            tally.garbled += u64::from(matches!(crash, Crash::Garbage(_)));
            let mut bad = |disk: &SimDisk| judge(&ran, disk, tally);
            if let Err(why) = bad(&point.disk.crash_by(&crash)) {
                failed(&why, mode, seed, point, Some(&crash), |left| bad(&left).is_err());
            }
        }
    }
}

/// The source is as it was. Nothing is at the target or a whole image, and once the rewrite was run again there is one.
fn judge(ran: &Ran, disk: &SimDisk, tally: &mut Tally) -> Result<(), String> {
    (tally.images, tally.rewritten) = (tally.images + 1, tally.rewritten + 1);
    let last = Seq::new(ran.digests.len() as u64 - 1);
    let there = disk.files().iter().any(|path| path.starts_with(NEW));
    match rewrite(disk, ran.mode) {
        Ok(()) if there => return Err("something was at the target, and was overwritten".to_owned()),
        Err(error) if !(there && error.kind() == ErrorKind::AlreadyExists) => {
            return Err(format!("run again: {error}"));
        }
        _ => {}
    }
    let image = ran.mode.image(disk, NEW).map_err(|error| format!("the new image: {error}"))?;
    let state =
        digest(&*image.read_uncommitted().expect("it was just opened")).expect("a ledger has a digest").to_u64();
    if state != ran.digests[last.get() as usize] {
        return Err("the image at the target is another".to_owned());
    }
    drop(image);
    let known = [Path::new("/ledger"), Path::new(NEW)];
    let strays = disk.files().iter().filter(|file| !known.iter().any(|dir| file.starts_with(dir))).count();
    if strays > 0 {
        return Err(format!("{strays} files are left over"));
    }
    ran.open(disk, last).map(drop).map_err(|why| format!("the source: {why}"))
}
