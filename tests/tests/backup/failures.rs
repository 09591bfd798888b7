//! Failing calls and full disks during a backup: the image goes on, and the backup is the earlier one, or none.

use std::sync::Arc;

use memimage::admin::Backup;
use memimage::disk::{Disk, Effect, Fault, Method, SimDisk};
use memimage::{ErrorKind, Seq};

use super::{COPY, IMAGE, begin, exists, extend, verify};

/// Runs a backup with a fault at the first call, then at the second, and so on, until no call is struck. Returns the number of
/// backups that failed.
fn fail_each(disk: &SimDisk, fault: impl Fn(u64) -> Fault, mut check: impl FnMut(&SimDisk, &str)) -> u32 {
    for nth in 1.. {
        let faulty = disk.fork();
        faulty.inject(fault(nth));
        let result = Backup::new().run_with(Arc::new(faulty.clone()), IMAGE, COPY);
        if faulty.strikes() == 0 {
            result.unwrap();
            return nth as u32 - 1;
        }
        faulty.heal();
        let what = match result {
            Ok(report) => format!("call {nth}: {report:?}"),
            Err(error) => format!("call {nth}: {error}"),
        };
        check(&faulty, &what);
    }
    unreachable!("a backup has finitely many calls")
}

const FAULTS: [fn() -> Fault; 4] = [
    Fault::io,
    || Fault::io().effect(Effect::Everything),
    || Fault::full().on(&[Method::CreateNew, Method::WriteAt, Method::CreateDir]),
    Fault::short,
];

#[test]
fn after_a_failing_call_a_new_backup_is_missing_or_complete() {
    let disk = SimDisk::new();
    let run = begin(&disk, 6);
    run.image().admin().snapshot().unwrap();
    let (digests, seq) = run.close();
    for fault in FAULTS {
        let failed = fail_each(
            &disk,
            |nth| fault().nth(nth),
            |disk, what| {
                assert_eq!(verify(disk, IMAGE, &digests, seq.get()).unwrap(), seq, "{what}");
                if exists(disk, COPY) {
                    assert_eq!(verify(disk, COPY, &digests, seq.get()).unwrap(), seq, "{what}");
                }
                let again = Backup::new().run_with(Arc::new(disk.clone()), IMAGE, COPY);
                assert_eq!(again.unwrap_or_else(|error| panic!("{what}; then {error}")).seq, seq, "{what}");
                let cut = disk.crash(|_| false);
                assert_eq!(verify(&cut, COPY, &digests, seq.get()).unwrap(), seq, "{what}; after a power cut");
                assert_eq!(verify(disk, COPY, &digests, seq.get()).unwrap(), seq, "{what}");
                assert!(!exists(disk, "/.copy.backing-up"), "{what}");
            },
        );
        assert!(failed > 10, "{failed}");
    }
}

#[test]
fn after_a_failing_call_a_continued_backup_is_between_its_old_and_its_new_end() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 4);
    run.image().admin().snapshot().unwrap();
    let earlier = run.image().admin().backup(COPY).unwrap().seq;
    extend(&mut run, 9);
    run.image().admin().snapshot().unwrap();
    let (digests, seq) = run.close();
    let before: Vec<_> = super::files_at(&disk, COPY);
    for fault in FAULTS {
        // a short transfer is continued
        let is_harmless = format!("{:?}", fault()) == format!("{:?}", Fault::short());
        let mut unchanged = 0;
        fail_each(
            &disk,
            |nth| fault().nth(nth),
            |disk, what| {
                assert_eq!(verify(disk, IMAGE, &digests, seq.get()).unwrap(), seq, "{what}");
                let copied =
                    verify(disk, COPY, &digests, earlier.get()).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert!(copied <= seq);
                unchanged += u32::from(super::files_at(disk, COPY) == before);
                let again = Backup::new().run_with(Arc::new(disk.clone()), IMAGE, COPY);
                assert_eq!(again.unwrap_or_else(|error| panic!("{what}; then {error}")).seq, seq, "{what}");
                let cut = disk.crash(|_| false);
                assert_eq!(verify(&cut, COPY, &digests, seq.get()).unwrap(), seq, "{what}; after a power cut");
                assert_eq!(verify(disk, COPY, &digests, seq.get()).unwrap(), seq, "{what}");
            },
        );
        assert_eq!(unchanged > 5, !is_harmless, "{unchanged}");
    }
}

/// The disk fills up at every moment, and stays full: nothing is left of the backup.
#[test]
fn a_full_disk_leaves_no_part_of_a_backup() {
    let disk = SimDisk::new();
    let run = begin(&disk, 6);
    for nth in 1..80 {
        disk.inject(Fault::full().on(&[Method::CreateNew, Method::WriteAt, Method::CreateDir]).path("copy").from(nth));
        let result = run.image().admin().backup(COPY);
        let struck = disk.strikes();
        disk.heal();
        let Err(error) = result else {
            assert!(nth > 5, "{struck}");
            return;
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        assert!(!exists(&disk, COPY) && !exists(&disk, "/.copy.backing-up"), "{error}");
    }
    panic!("the backup has fewer calls");
}

/// A bit that changes while the copy is written or read back is found, and the earlier backup stays.
#[test]
fn a_copy_with_another_bit_is_found() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 9);
    run.image().admin().snapshot().unwrap();
    run.image().admin().backup(COPY).unwrap();
    extend(&mut run, 3);
    run.image().admin().snapshot().unwrap();
    let (digests, seq) = run.close();
    for file in [".journal.tmp", ".snapshot.tmp"] {
        for dir in [COPY, "/new"] {
            let disk = disk.fork();
            disk.inject(Fault::rot().on(&[Method::ReadAt]).path(file));
            let error = Backup::new().run_with(Arc::new(disk.clone()), IMAGE, dir).unwrap_err();
            assert!(disk.strikes() > 0);
            disk.heal();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert!(error.to_string().contains("differs from the original"), "{error}");
            assert!(verify(&disk, COPY, &digests, 9).unwrap() < seq, "the earlier backup");
            assert!(!exists(&disk, "/new"));
        }
    }
}

/// The final check finds old damage in an earlier backup that a later backup continues.
#[test]
fn damage_in_the_part_that_stays_is_reported() {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 20);
    run.image().admin().backup(COPY).unwrap();
    extend(&mut run, 3);
    let segment = format!("{COPY}/journal/00000001.journal");
    let mut byte = [disk.read(&segment).unwrap()[6_000]];
    byte[0] ^= 1;
    disk.write(&segment, 6_000, &byte).unwrap();
    let error = run.image().admin().backup(COPY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(
        error.to_string().contains("00000001.journal") && error.to_string().contains("the damage is older"),
        "{error}"
    );
    assert!(run.image().journal().seq() == Seq::new(23) && disk.kind(std::path::Path::new(COPY)).unwrap().is_some());
}
