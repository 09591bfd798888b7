//! Power cuts after every operation of a backup. The image opens with everything acknowledged. A new backup is missing or
//! complete; a continued backup opens with an event between its earlier and its new end, and can be continued again.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use memimage::admin::{Backup, BackupReport};
use memimage::disk::{Crash, Disk as _, SimDisk};
use memimage::{Error, Seq};
use memimage_tests::Run;

use super::{COPY, IMAGE, begin, exists, extend, verify};

/// Records a fork of the disk after each operation.
fn record(disk: &SimDisk) -> Receiver<(String, SimDisk)> {
    let (send, points) = channel();
    disk.observe(move |operation, fork| drop(send.send((format!("{operation:?}"), fork.fork()))));
    points
}

/// The disks that a kill or a power cut after this point can leave.
fn left(point: &SimDisk) -> Vec<SimDisk> {
    let crashes =
        Crash::all(point.unsynced().len(), 0..1).into_iter().filter(|crash| !matches!(crash, Crash::Garbage(_)));
    crashes.map(|crash| point.crash_by(&crash)).chain([point.fork()]).collect()
}

fn back_up(disk: &SimDisk) -> Result<BackupReport, Error> {
    Backup::new().run_with(Arc::new(disk.clone()), IMAGE, COPY)
}

/// What a crash left of the image and of the backup.
struct Expected<'a> {
    digests: &'a [u64],
    /// The events of the image.
    seq: Seq,
    /// The end of the earlier backup.
    earlier: Option<Seq>,
}

impl Expected<'_> {
    fn verify(&self, disk: &SimDisk) -> Result<bool, String> {
        let found = verify(disk, IMAGE, self.digests, self.seq.get())?;
        if found != self.seq {
            return Err(format!("the image has event {found}"));
        }
        let is_there = exists(disk, COPY);
        match (is_there, self.earlier) {
            (false, Some(_)) => return Err("the earlier backup is gone".to_owned()),
            (false, None) => {}
            (true, earlier) => {
                let copied = verify(disk, COPY, self.digests, earlier.unwrap_or(self.seq).get())?;
                if copied > self.seq {
                    return Err(format!("the backup has event {copied}"));
                }
                let report =
                    memimage::admin::check_with(Arc::new(disk.fork()), COPY).map_err(|error| error.to_string())?;
                if !report.is_sound() {
                    return Err(report.to_string());
                }
            }
        }
        // the backup can be made again
        let again = disk.fork();
        let report = back_up(&again).map_err(|error| error.to_string())?;
        if report.seq != self.seq || verify(&again, COPY, self.digests, self.seq.get())? != self.seq {
            return Err(format!("the next backup ends with event {}", report.seq));
        }
        match exists(&again, "/.copy.backing-up") {
            true => Err("the staging directory is left".to_owned()),
            false => Ok(is_there),
        }
    }

    /// Verifies each disk that a crash at one of the points can leave. Returns how many have no backup, and how many have one.
    fn verify_all(&self, points: &[(String, SimDisk)]) -> (u32, u32) {
        let (mut missing, mut there) = (0, 0);
        for (operation, point) in points {
            for disk in left(point) {
                match self.verify(&disk) {
                    Ok(true) => there += 1,
                    Ok(false) => missing += 1,
                    Err(error) => panic!("after {operation}: {error}\n{}", disk.trace()),
                }
            }
        }
        (missing, there)
    }
}

#[test]
fn after_a_crash_a_new_backup_is_missing_or_complete() {
    let disk = SimDisk::new();
    let run = begin(&disk, 6);
    run.image().admin().snapshot().unwrap();
    let points = record(&disk);
    let seq = run.image().admin().backup(COPY).unwrap().seq;
    let points: Vec<_> = points.try_iter().collect();
    let (missing, there) = Expected { digests: run.digests(), seq, earlier: None }.verify_all(&points);
    assert!(missing > 50 && there > 2, "{missing} {there}");
}

#[test]
fn after_a_crash_a_continued_backup_is_between_its_old_and_its_new_end() {
    for (first, more) in [(5, 1), (4, 9)] {
        let disk = SimDisk::new();
        let mut run = begin(&disk, first);
        run.image().admin().snapshot().unwrap();
        let earlier = run.image().admin().backup(COPY).unwrap().seq;
        extend(&mut run, more);
        run.image().admin().snapshot().unwrap();
        let points = record(&disk);
        let seq = run.image().admin().backup(COPY).unwrap().seq;
        let points: Vec<_> = points.try_iter().collect();
        let expected = Expected { digests: run.digests(), seq, earlier: Some(earlier) };
        let (missing, there) = expected.verify_all(&points);
        assert!(missing == 0 && there > 30, "{missing} {there}");
    }
}

/// The same in a directory that exists, where the backup is made inside of it.
#[test]
fn after_a_crash_an_empty_directory_is_no_image_or_a_complete_backup() {
    let disk = SimDisk::new();
    let run = begin(&disk, 6);
    run.image().admin().snapshot().unwrap();
    disk.create_dir(Path::new(COPY)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let points = record(&disk);
    let seq = run.image().admin().backup(COPY).unwrap().seq;
    assert!(!exists(&disk, "/copy/.backing-up") && !exists(&disk, "/copy/BACKING-UP"));
    let (mut missing, mut there) = (0, 0);
    for (operation, point) in points.try_iter() {
        for disk in left(&point) {
            let opened = verify(&disk, COPY, run.digests(), seq.get());
            match exists(&disk, "/copy/journal") {
                true => assert_eq!(opened, Ok(seq), "after {operation}"),
                // an opening creates a new image in a directory that is still empty
                false => assert!(opened.is_err(), "after {operation}: {opened:?}"),
            }
            *(if exists(&disk, "/copy/journal") { &mut there } else { &mut missing }) += 1;
            let report = back_up(&disk).unwrap_or_else(|error| panic!("after {operation}: {error}"));
            assert_eq!(report.seq, seq);
            assert_eq!(verify(&disk, COPY, run.digests(), seq.get()), Ok(seq), "after {operation}");
            assert!(memimage::admin::check_with(Arc::new(disk.fork()), COPY).unwrap().is_sound());
        }
    }
    assert!(missing > 50 && there > 2, "{missing} {there}");
}

/// The image prunes its journal between the two backups, so the second one replaces bases and removes segments.
#[test]
fn after_a_crash_a_continued_backup_of_a_pruned_image_opens() {
    let disk = SimDisk::new();
    let (image, mut digests) = (super::pruned::open(&disk), Vec::new());
    super::pruned::prune(&image, &mut digests, 1);
    let earlier = image.admin().backup(COPY).unwrap().seq;
    super::pruned::prune(&image, &mut digests, 1);
    let points = record(&disk);
    let report = image.admin().backup(COPY).unwrap();
    assert_eq!(report.continued, Some(earlier));
    let (mut ends, seq) = (std::collections::BTreeSet::new(), report.seq);
    let points: Vec<_> = points.try_iter().collect();
    assert!(points.iter().any(|(operation, _)| operation.starts_with("Remove") && operation.contains("/copy/journal")));
    for (operation, point) in points {
        for disk in left(&point) {
            let end = verify(&disk, COPY, &digests, earlier.get());
            ends.insert(end.unwrap_or_else(|error| panic!("after {operation}: {error}\n{}", disk.trace())));
            let check = memimage::admin::check_with(Arc::new(disk.fork()), COPY).unwrap();
            assert!(check.is_sound(), "after {operation}: {check}");
            let report = back_up(&disk).unwrap_or_else(|error| panic!("after {operation}: {error}"));
            assert_eq!(verify(&disk, COPY, &digests, report.seq.get()), Ok(seq), "after {operation}");
        }
    }
    assert!(ends.contains(&earlier) && ends.contains(&seq), "{ends:?}");
}

/// A new backup that a crash interrupted after another interrupted one.
#[test]
fn after_two_crashes_the_next_backup_is_complete() {
    let disk = SimDisk::new();
    let run = begin(&disk, 4);
    let points = record(&disk);
    run.image().admin().backup(COPY).unwrap();
    let (digests, seq) = (run.digests().to_vec(), run.image().journal().seq());
    let points: Vec<_> = points.try_iter().collect();
    let (mut missing, mut there) = (0, 0);
    for (_, point) in points.iter().rev().step_by(3) {
        let crashed = point.crash(|change| change.is_name());
        // a backup that the first crash left is complete
        let earlier = exists(&crashed, COPY).then_some(seq);
        *(if earlier.is_some() { &mut there } else { &mut missing }) += 1;
        let again = record(&crashed);
        back_up(&crashed).unwrap();
        let again: Vec<_> = again.try_iter().collect();
        for (operation, point) in again.iter().step_by(2) {
            let disk = point.crash(|_| false);
            Expected { digests: &digests, seq, earlier }
                .verify(&disk)
                .unwrap_or_else(|error| panic!("after {operation}: {error}"));
        }
    }
    assert!(missing > 5 && there > 0, "{missing} {there}");
    drop(run);
}

/// Opening a backup, too, can be interrupted: it is a backup, or an image of its own, and never takes a later backup with
/// other events.
#[test]
fn after_a_crash_of_its_first_opening_a_backup_still_opens() {
    let disk = SimDisk::new();
    let run = begin(&disk, 4);
    let seq = run.image().admin().backup(COPY).unwrap().seq;
    let digests = run.digests().to_vec();
    let points = record(&disk);
    let image = Run::options(memimage::Durability::Synced, 512).open_with(Arc::new(disk.clone()), COPY).unwrap();
    let mut copy = Run::begin(image, digests.clone(), seq).unwrap();
    extend(&mut copy, 2);
    let of_copy = copy.digests().to_vec();
    let points: Vec<_> = points.try_iter().collect();
    assert!(points.len() > 5);
    for (operation, point) in &points {
        for disk in left(point) {
            verify(&disk, COPY, &of_copy, seq.get()).unwrap_or_else(|error| panic!("after {operation}: {error}"));
            if let Ok(report) = back_up(&disk) {
                assert_eq!(report.seq, seq, "after {operation}");
                assert_eq!(verify(&disk, COPY, &digests, seq.get()).unwrap(), seq);
            }
        }
    }
    drop((run, copy));
}
