//! Crashes and failing calls while a branch is created: the target is missing or complete, and the parent is unchanged.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use memimage::disk::{Disk as _, Fault, Method, Operation, SimDisk};
use memimage::{Branch, ErrorKind, Image};
use memimage_tests::{DiskMethod, GateDisk, SplitMix64, cases, changed, files};

use super::till::Till;
use super::{BRANCH, PARENT, branch, exists, options, parent_image, seqs, strays};

fn branching(disk: &SimDisk) -> Branch<'static, Till> {
    branch(disk).without(seqs(&[2, 7]))
}

/// The state at a path, or why it cannot be opened.
fn state_of(disk: &SimDisk, path: &str) -> Result<Till, String> {
    let image: Image<Till> =
        options().create(false).open_with(Arc::new(disk.fork()), path).map_err(|error| error.to_string())?;
    image.query(Clone::clone).map_err(|error| error.to_string())
}

/// The state of the branch without a crash.
fn expected(parent: &SimDisk) -> Till {
    let disk = parent.fork();
    branching(&disk).create().unwrap();
    state_of(&disk, BRANCH).unwrap()
}

/// Checks that the target is missing or complete, and that it is complete after another try. Returns whether it was complete.
fn check_after_crash(disk: &SimDisk, expected: &Till) -> bool {
    let complete = exists(disk, BRANCH);
    match branching(disk).create() {
        Ok(_) => assert!(!complete, "an existing branch was overwritten"),
        Err(error) => assert!(complete && error.kind() == ErrorKind::AlreadyExists, "the second try: {error}"),
    }
    assert_eq!(state_of(disk, BRANCH).as_ref(), Ok(expected));
    assert_eq!(strays(disk), Vec::<std::path::PathBuf>::new());
    complete
}

#[test]
fn after_a_crash_the_branch_is_missing_or_complete_and_can_be_created_again() {
    let disk = parent_image();
    let (expected, parent) = (expected(&disk), files(&disk));
    let points = Arc::new(Mutex::new(Vec::<(Operation, SimDisk)>::new()));
    let observed = Arc::clone(&points);
    disk.observe(move |operation, fork| observed.lock().unwrap().push((operation.clone(), fork.clone())));
    branching(&disk).create().unwrap();
    let points = std::mem::take(&mut *points.lock().unwrap());
    assert!(points.len() > 30, "{}", points.len());
    let mut rng = SplitMix64::new(1);
    let (mut missing, mut complete) = (0, 0);
    for (operation, disk) in &points {
        let mut disks = vec![disk.fork(), disk.crash(|_| false)];
        disks.extend((0..cases(2)).map(|_| disk.crash(|_| rng.below(2) == 0)));
        for disk in disks {
            let touched: Vec<_> =
                changed(&parent, &files(&disk)).into_iter().filter(|path| path.starts_with(PARENT)).collect();
            assert_eq!(touched, Vec::<std::path::PathBuf>::new(), "after {operation:?}");
            *(if check_after_crash(&disk, &expected) { &mut complete } else { &mut missing }) += 1;
        }
    }
    assert!(missing > 50 && complete > 3, "{missing} {complete}");
    // a branch that was returned is synced
    assert_eq!(state_of(&disk.crash(|_| false), BRANCH), Ok(expected));
}

/// Each write, sync, rename or creation fails once, for the first time, the second time, and so on.
#[test]
fn after_a_failed_call_nothing_is_left_behind_and_the_branch_can_be_created_again() {
    let parent = parent_image();
    let expected = expected(&parent);
    for fault in [Fault::io, Fault::full] {
        for n in 1.. {
            let disk = parent.fork();
            let before = files(&disk);
            let methods = [
                Method::CreateNew,
                Method::CreateDir,
                Method::WriteAt,
                Method::SyncData,
                Method::SyncAll,
                Method::SyncDir,
                Method::Rename,
            ];
            disk.inject(fault().on(&methods).nth(n));
            let created = branching(&disk).create();
            let struck = disk.strikes() > 0;
            if !struck {
                created.unwrap();
                assert!(n > 20, "only {n} calls were made");
                break;
            }
            if created.is_err() && !exists(&disk, BRANCH) {
                assert_eq!(changed(&before, &files(&disk)), Vec::<std::path::PathBuf>::new(), "call {n}");
                branching(&disk).create().unwrap();
            }
            assert_eq!(state_of(&disk, BRANCH).as_ref(), Ok(&expected), "call {n}");
        }
    }
}

/// The same in a directory that exists, where the branch is created inside of it.
#[test]
fn after_a_crash_an_empty_directory_is_no_image_or_a_complete_branch() {
    let disk = parent_image();
    let expected = expected(&disk);
    disk.create_dir(Path::new(BRANCH)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let points = Arc::new(Mutex::new(Vec::<(Operation, SimDisk)>::new()));
    let observed = Arc::clone(&points);
    disk.observe(move |operation, fork| observed.lock().unwrap().push((operation.clone(), fork.clone())));
    branching(&disk).create().unwrap();
    let (mut missing, mut complete) = (0, 0);
    for (operation, point) in std::mem::take(&mut *points.lock().unwrap()) {
        for disk in [point.fork(), point.crash(|_| false), point.crash(|change| change.is_name())] {
            let is_there = exists(&disk, "/branch/journal");
            *(if is_there { &mut complete } else { &mut missing }) += 1;
            if !is_there {
                state_of(&disk, BRANCH).unwrap_err();
                branching(&disk).create().unwrap_or_else(|error| panic!("after {operation:?}: {error}"));
            }
            assert_eq!(state_of(&disk, BRANCH).as_ref(), Ok(&expected), "after {operation:?}");
            assert_eq!(strays(&disk), Vec::<std::path::PathBuf>::new());
        }
    }
    assert!(missing > 50 && complete > 2, "{missing} {complete}");
    let left = files(&disk).into_keys().filter(|path| path.starts_with(BRANCH)).collect::<Vec<_>>();
    assert!(left.iter().all(|path| !path.to_string_lossy().to_lowercase().contains("branching")), "{left:?}");
}

/// The disk fills up at every moment, and stays full: nothing is left of the branch, and the parent goes on.
#[test]
fn a_full_disk_leaves_no_part_of_a_branch() {
    for is_there in [false, true] {
        let disk = parent_image();
        if is_there {
            disk.create_dir(Path::new(BRANCH)).unwrap();
        }
        for nth in 1.. {
            let before = files(&disk);
            disk.inject(Fault::full().path("branch").from(nth));
            let result = branching(&disk).create();
            disk.heal();
            let Err(error) = result else {
                assert!(nth > 10, "{nth}");
                break;
            };
            assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
            assert_eq!(changed(&before, &files(&disk)), Vec::<std::path::PathBuf>::new(), "call {nth}");
        }
    }
}

#[test]
fn a_failed_read_of_the_parent_leaves_nothing_behind() {
    for n in 1.. {
        let disk = parent_image();
        let before = files(&disk);
        disk.inject(Fault::io().on(&[Method::ReadAt, Method::Len, Method::Open, Method::List]).path(PARENT).nth(n));
        let created = options::<Till>()
            .open_journal_with(Arc::new(disk.clone()), PARENT)
            .and_then(|journal| journal.branch(BRANCH).segment_bytes(16 << 10).without(seqs(&[2])).create());
        if disk.strikes() == 0 {
            assert!(n > 10, "only {n} reads were made");
            break;
        }
        if created.is_err() {
            assert_eq!(changed(&before, &files(&disk)), Vec::<std::path::PathBuf>::new(), "read {n}");
        }
    }
}

#[test]
fn leftovers_of_an_interrupted_branch_are_cleared() {
    let disk = parent_image();
    let gate = GateDisk::new(disk.clone());
    gate.rule(|call| match call.method {
        DiskMethod::Rename if call.is(DiskMethod::Rename, BRANCH) => Err(io::ErrorKind::Other.into()),
        // the files that it wrote cannot be removed either
        DiskMethod::Remove => Err(io::ErrorKind::Other.into()),
        _ => Ok(None),
    });
    let journal = options::<Till>().open_journal_with(Arc::new(gate), PARENT).unwrap();
    journal.branch(BRANCH).segment_bytes(16 << 10).create().unwrap_err();
    assert!(exists(&disk, "/.branch.branching"));
    let check = memimage::admin::check_with(Arc::new(disk.clone()), PARENT).unwrap();
    assert!(check.is_sound(), "{check}");
    branching(&disk).create().unwrap();
    assert!(!exists(&disk, "/.branch.branching"));
}
