//! A rewrite that is cut short, after each operation of the disk and with any part of what was not synced surviving.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use memimage::admin::Rewrite;
use memimage::disk::{Fault, Method, Operation, SimDisk, Unsynced};
use memimage::{ErrorKind, Image, digest};
use memimage_tests::{Act, Dice, GateDisk, cases};

use super::model_versions::third;
use super::{NEW, OLD, below, old, options, rewrite};

fn digest_of(disk: &SimDisk, path: &str) -> Result<u64, String> {
    let image: Image<third::Desk> =
        options().create(false).open_with(Arc::new(disk.fork()), path).map_err(|error| error.to_string())?;
    let state = image.read_uncommitted().unwrap();
    Ok(digest(&*state).unwrap().to_u64())
}

/// Nothing is at the target or a whole image, and once the rewrite was run again there is one.
fn judge(disk: &SimDisk, expected: u64) -> Result<bool, String> {
    if digest_of(disk, OLD)? != expected {
        return Err("the source has changed".to_owned());
    }
    let there = below(disk, NEW) > 0;
    match rewrite::<third::Desk>(disk, OLD, NEW) {
        Ok(_) if there => return Err("something was at the target, and was overwritten".to_owned()),
        Err(error) if !(there && error.kind() == ErrorKind::AlreadyExists) => {
            return Err(format!("run again: {error}"));
        }
        _ => {}
    }
    let strays = disk.files().iter().filter(|file| !file.starts_with(OLD) && !file.starts_with(NEW)).count();
    if strays > 0 {
        return Err(format!("{strays} files are left over"));
    }
    match digest_of(disk, NEW)? == expected {
        true => Ok(there),
        false => Err("the image at the target is another".to_owned()),
    }
}

/// Each operation of a disk, and the disk after it.
type Points = Vec<(Operation, SimDisk)>;

/// Records the operations on a disk.
fn record(disk: &SimDisk) -> Arc<Mutex<Points>> {
    let points = Arc::new(Mutex::new(Points::new()));
    let observed = Arc::clone(&points);
    disk.observe(move |operation, fork| observed.lock().unwrap().push((operation.clone(), fork.clone())));
    points
}

/// Crashes after each operation, in several ways. Says how often nothing was at the target, and how often an image.
fn crash_everywhere(points: &Points, expected: u64) -> (u32, u32) {
    let mut dice = Dice::new(1);
    let (mut nothing, mut all) = (0, 0);
    let mut tally = |judged: Result<bool, String>, how: &str, operation: &Operation| match judged {
        Ok(there) => *(if there { &mut all } else { &mut nothing }) += 1,
        Err(why) => panic!("after {operation:?}, {how} surviving: {why}"),
    };
    for (operation, disk) in points {
        tally(judge(&disk.fork(), expected), "everything (a kill)", operation);
        tally(judge(&disk.crash(|_| false), expected), "nothing", operation);
        for _ in 0..cases(3) {
            let (mut own, times) = (Dice::new(dice.u64()), 2 + dice.below(3));
            let mut asked = Vec::<Unsynced>::new();
            let crashed = disk.crash(|unsynced| {
                let survives = own.once_in(times);
                asked.extend(survives.then(|| unsynced.clone()));
                survives
            });
            tally(judge(&crashed, expected), &format!("{asked:?}"), operation);
        }
    }
    (nothing, all)
}

#[test]
fn a_crash_leaves_nothing_or_all_and_it_can_be_run_again() {
    let disk = old(None);
    let expected = digest_of(&disk, OLD).unwrap();
    let points = record(&disk);
    rewrite::<third::Desk>(&disk, OLD, NEW).unwrap();
    let points = std::mem::take(&mut *points.lock().unwrap());
    assert!(points.len() > 60, "{}", points.len());
    let (nothing, all) = crash_everywhere(&points, expected);
    assert!(nothing > 100 && all > 3, "{nothing} {all}");
    // what was said to be done is done for good
    assert_eq!(digest_of(&disk.crash(|_| false), NEW), Ok(expected));
}

/// Also while it clears away what it made, or what an earlier one left.
#[test]
fn a_crash_of_a_rewrite_that_fails_can_be_run_again() {
    let disk = old(None);
    let expected = digest_of(&disk, OLD).unwrap();
    let gate = GateDisk::new(disk.clone());
    let rewriting = || Rewrite::<third::Desk>::new().segment_bytes(16 << 10).run_with(Arc::new(gate.clone()), OLD, NEW);
    gate.rule(|call| match call.act {
        Act::Rename if call.is(Act::Rename, NEW) => Err(io::ErrorKind::Other.into()),
        // what it made cannot be removed either
        Act::Remove => Err(io::ErrorKind::Other.into()),
        _ => Ok(None),
    });
    rewriting().unwrap_err();
    assert!(below(&disk, "/.new.rewriting") > 3);
    gate.fail(Act::Rename, NEW, io::ErrorKind::Other);
    let points = record(&disk);
    rewriting().unwrap_err();
    let points = std::mem::take(&mut *points.lock().unwrap());
    let removals = points.iter().filter(|(operation, _)| matches!(operation, Operation::RemoveDir { .. })).count();
    assert_eq!(removals, 3 + 4, "what was left, and what was made");
    let (_, all) = crash_everywhere(&points, expected);
    assert_eq!(all, 0);
}

/// When the source could not be read again, just after the new journal was made, the thread that made its next segment was
/// left behind. It went on in the directory that the next attempt was using by then: that one failed for a file that it had
/// lost, or could have taken a segment of another image for its own. It is asked here with a disk that writes slowly.
#[test]
fn a_rewrite_that_fails_leaves_no_thread_behind() {
    for n in 1.. {
        let disk = old(None);
        let gate = GateDisk::new(disk.clone());
        let (returned, late) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (over, count) = (Arc::clone(&returned), Arc::clone(&late));
        gate.rule(move |call| {
            if call.is(Act::Write, "00000002.journal.tmp") {
                sleep(Duration::from_millis(5));
            }
            count.fetch_add(u32::from(over.load(Ordering::SeqCst)), Ordering::SeqCst);
            Ok(None)
        });
        disk.inject(Fault::io().on(&[Method::ReadAt, Method::Len]).path(OLD).nth(n));
        let rewritten = Rewrite::<third::Desk>::new().segment_bytes(16 << 10).run_with(Arc::new(gate), OLD, NEW);
        returned.store(true, Ordering::SeqCst);
        if disk.strikes() == 0 {
            assert!(n > 10, "only {n} reads were met");
            break;
        }
        assert!(rewritten.is_err());
        sleep(Duration::from_millis(20));
        assert_eq!(late.load(Ordering::SeqCst), 0, "calls of the disk after the failure of read {n} was told");
    }
}
