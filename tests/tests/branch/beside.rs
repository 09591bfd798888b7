//! Branches of an image that its owner uses meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memimage::disk::SimDisk;
use memimage::{ErrorKind, Image, Retention};

use super::till::{Till, TillCommands as _};
use super::{BRANCH, PARENT, exists, journal, options, seqs, state};

/// A till that prunes all events before its second newest snapshot.
fn pruning_till(disk: &SimDisk) -> Image<Till> {
    let options = options::<Till>().retention(Retention::Events(0));
    let till = options.open_with(Arc::new(disk.clone()), PARENT).unwrap();
    till.open(1).unwrap();
    deposit(&till);
    till
}

/// Executes commands that fill several segments.
fn deposit(till: &Image<Till>) {
    for _ in 0..200 {
        till.deposit(1, 1).unwrap();
    }
}

fn prune(till: &Image<Till>) {
    for _ in 0..3 {
        deposit(till);
        till.admin().snapshot().unwrap();
    }
}

fn is_pruned(disk: &SimDisk) -> bool {
    !exists(disk, "/parent/journal/00000001.journal")
}

#[test]
fn a_branch_in_the_program_of_the_image_keeps_the_files_meanwhile() {
    let disk = SimDisk::new();
    let till = pruning_till(&disk);
    let (was, mut steps) = (till.journal().seq(), 0);
    let report = till
        .journal()
        .branch(BRANCH)
        .segment_bytes(16 << 10)
        .without(seqs(&[150]))
        .progress(|_| {
            if steps % 60 == 0 {
                prune(&till);
            }
            steps += 1;
        })
        .create()
        .unwrap();
    assert!(steps > 200 && report.parent.seq == was && !is_pruned(&disk), "{steps}");
    assert_eq!(state::<Till>(&disk, BRANCH).accounts[&1], was.get() - 2);
    prune(&till);
    assert!(is_pruned(&disk), "the next snapshots make up for it");
}

/// The same after an error: the files are no longer kept.
#[test]
fn a_refused_branch_keeps_no_files() {
    let disk = SimDisk::new();
    let till = pruning_till(&disk);
    till.journal().branch(BRANCH).without(seqs(&[1 << 40])).create().unwrap_err();
    prune(&till);
    assert!(is_pruned(&disk));
}

#[test]
fn an_image_that_another_program_prunes_meanwhile_is_refused_with_what_to_do() {
    let mut refused = 0;
    for at in [0, 1, 5, 80, 200, 300, 500] {
        let disk = SimDisk::new();
        let till = pruning_till(&disk);
        let (mut steps, is_done) = (0, AtomicBool::new(false));
        let branch = journal::<Till>(&disk).branch(BRANCH).segment_bytes(16 << 10).without(seqs(&[100]));
        let result = branch
            .progress(|_| {
                if steps == at {
                    prune(&till);
                    is_done.store(true, Ordering::SeqCst);
                }
                steps += 1;
            })
            .create();
        match result {
            // everything was read before
            Ok(report) => assert_eq!(state::<Till>(&disk, BRANCH).accounts[&1], report.parent.seq.get() - 2),
            Err(error) => {
                refused += 1;
                assert!(is_done.load(Ordering::SeqCst));
                assert_eq!(error.kind(), ErrorKind::Pruned, "step {at}: {error}");
                assert!(error.to_string().contains("create the branch in that process"), "step {at}: {error}");
                assert!(!exists(&disk, BRANCH) && !exists(&disk, "/.branch.branching"));
            }
        }
    }
    assert!(refused > 1, "{refused}");
}
