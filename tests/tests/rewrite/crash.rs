//! Crashes of a rewrite after each operation of the disk, with any subset of the unsynced writes.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use memimage::admin::Rewrite;
use memimage::disk::{Fault, Method, Operation, SimDisk, Unsynced};
use memimage::{ErrorKind, Image, digest};
use memimage_tests::{DiskMethod, GateDisk, SplitMix64, cases};

use super::model_versions::third;
use super::{NEW, OLD, count_files, options, rewrite, source_image};

fn digest_of(disk: &SimDisk, path: &str) -> Result<u64, String> {
    let image: Image<third::Desk> =
        options().create(false).open_with(Arc::new(disk.fork()), path).map_err(|error| error.to_string())?;
    let state = image.read_uncommitted().unwrap();
    Ok(digest(&*state).unwrap().to_u64())
}

/// Checks that the target is missing or complete, and that it is complete after another rewrite. Returns whether it was
/// complete.
fn check_after_crash(disk: &SimDisk, expected: u64) -> Result<bool, String> {
    if digest_of(disk, OLD)? != expected {
        return Err("the source has changed".to_owned());
    }
    let there = count_files(disk, NEW) > 0;
    match rewrite::<third::Desk>(disk, OLD, NEW) {
        Ok(_) if there => return Err("an existing image at the target was overwritten".to_owned()),
        Err(error) if !(there && error.kind() == ErrorKind::AlreadyExists) => {
            return Err(format!("the second rewrite: {error}"));
        }
        _ => {}
    }
    let strays = disk.files().iter().filter(|file| !file.starts_with(OLD) && !file.starts_with(NEW)).count();
    if strays > 0 {
        return Err(format!("{strays} files are left over"));
    }
    match digest_of(disk, NEW)? == expected {
        true => Ok(there),
        false => Err("the image at the target has another state".to_owned()),
    }
}

/// The operations on a disk, each with the disk after it.
type Points = Vec<(Operation, SimDisk)>;

/// Records the operations on a disk from now on.
fn record(disk: &SimDisk) -> Arc<Mutex<Points>> {
    let points = Arc::new(Mutex::new(Points::new()));
    let observed = Arc::clone(&points);
    disk.observe(move |operation, fork| observed.lock().unwrap().push((operation.clone(), fork.clone())));
    points
}

/// Simulates crashes after each operation, with several subsets. Returns how often the target was missing and how often it was
/// complete.
fn crash_everywhere(points: &Points, expected: u64) -> (u32, u32) {
    let mut rng = SplitMix64::new(1);
    let (mut nothing, mut all) = (0, 0);
    let mut tally = |result: Result<bool, String>, how: &str, operation: &Operation| match result {
        Ok(there) => *(if there { &mut all } else { &mut nothing }) += 1,
        Err(why) => panic!("after {operation:?}, {how} surviving: {why}"),
    };
    for (operation, disk) in points {
        tally(check_after_crash(&disk.fork(), expected), "everything (a kill)", operation);
        tally(check_after_crash(&disk.crash(|_| false), expected), "nothing", operation);
        for _ in 0..cases(3) {
            let (mut own, times) = (SplitMix64::new(rng.u64()), 2 + rng.below(3));
            let mut asked = Vec::<Unsynced>::new();
            let crashed = disk.crash(|unsynced| {
                let survives = own.once_in(times);
                asked.extend(survives.then(|| unsynced.clone()));
                survives
            });
            tally(check_after_crash(&crashed, expected), &format!("{asked:?}"), operation);
        }
    }
    (nothing, all)
}

#[test]
fn after_a_crash_the_target_is_missing_or_complete_and_a_rewrite_can_be_repeated() {
    let disk = source_image(None);
    let expected = digest_of(&disk, OLD).unwrap();
    let points = record(&disk);
    rewrite::<third::Desk>(&disk, OLD, NEW).unwrap();
    let points = std::mem::take(&mut *points.lock().unwrap());
    assert!(points.len() > 60, "{}", points.len());
    let (nothing, all) = crash_everywhere(&points, expected);
    assert!(nothing > 100 && all > 3, "{nothing} {all}");
    // a rewrite that has returned is synced
    assert_eq!(digest_of(&disk.crash(|_| false), NEW), Ok(expected));
}

/// Also while it removes its own files, or the leftovers of an earlier rewrite.
#[test]
fn after_a_crash_of_a_failing_rewrite_it_can_be_repeated() {
    let disk = source_image(None);
    let expected = digest_of(&disk, OLD).unwrap();
    let gate = GateDisk::new(disk.clone());
    let rewriting = || Rewrite::<third::Desk>::new().segment_bytes(16 << 10).run_with(Arc::new(gate.clone()), OLD, NEW);
    gate.rule(|call| match call.method {
        DiskMethod::Rename if call.is(DiskMethod::Rename, NEW) => Err(io::ErrorKind::Other.into()),
        // the files that it wrote cannot be removed either
        DiskMethod::Remove => Err(io::ErrorKind::Other.into()),
        _ => Ok(None),
    });
    rewriting().unwrap_err();
    assert!(count_files(&disk, "/.new.rewriting") > 3);
    gate.fail(DiskMethod::Rename, NEW, io::ErrorKind::Other);
    let points = record(&disk);
    rewriting().unwrap_err();
    let points = std::mem::take(&mut *points.lock().unwrap());
    let removals = points.iter().filter(|(operation, _)| matches!(operation, Operation::RemoveDir { .. })).count();
    assert_eq!(removals, 3 + 4, "the leftovers and the new directories should be removed");
    let (_, all) = crash_everywhere(&points, expected);
    assert_eq!(all, 0);
}

/// Regression: if the source could not be read again, after the new journal had been created, the thread that preallocates
/// segments kept running. It worked in the directory of the next rewrite, which failed because of a missing file or could have
/// used a segment of another image. A slow disk makes this likely.
#[test]
fn a_failed_rewrite_leaves_no_thread_running() {
    for n in 1.. {
        let disk = source_image(None);
        let gate = GateDisk::new(disk.clone());
        let (returned, late) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (over, count) = (Arc::clone(&returned), Arc::clone(&late));
        gate.rule(move |call| {
            if call.is(DiskMethod::Write, "00000002.journal.tmp") {
                sleep(Duration::from_millis(5));
            }
            count.fetch_add(u32::from(over.load(Ordering::SeqCst)), Ordering::SeqCst);
            Ok(None)
        });
        disk.inject(Fault::io().on(&[Method::ReadAt, Method::Len]).path(OLD).nth(n));
        let rewritten = Rewrite::<third::Desk>::new().segment_bytes(16 << 10).run_with(Arc::new(gate), OLD, NEW);
        returned.store(true, Ordering::SeqCst);
        if disk.strikes() == 0 {
            assert!(n > 10, "only {n} reads were made");
            break;
        }
        assert!(rewritten.is_err());
        sleep(Duration::from_millis(20));
        assert_eq!(late.load(Ordering::SeqCst), 0, "calls of the disk after the failure of read {n} was returned");
    }
}
