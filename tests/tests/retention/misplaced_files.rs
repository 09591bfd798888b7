//! Missing, restored and swapped files of a pruned journal.

use std::path::PathBuf;
use std::sync::Arc;

use memimage::{ErrorKind, Retention};
use memimage_tests::{Request, changed, files};

use super::{LedgerHistory, bases, copy, numbers, options, remove, segment, snapshots};

#[test]
fn a_missing_segment_that_is_still_needed_is_refused() {
    let mut history = LedgerHistory::new();
    let intact = history.add_snapshots(Retention::Events(25), 9).disk.clone();
    let there = numbers(&intact);
    let used = there.len() - 1;
    assert!(there[0] > 1 && used > 3, "{there:?}");
    for &number in &there[..used] {
        for without in [false, true] {
            let disk = intact.fork();
            remove(&disk, &[segment(number).into()]);
            if without {
                remove(&disk, &snapshots(&disk));
            }
            let error = history.assert_refused(&disk);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{number}: {error}");
            let position = error.position().and_then(|position| position.segment);
            assert_eq!(position.map(|segment| segment.get()), Some(number), "{error}");
        }
    }
}

#[test]
fn a_journal_without_its_first_segment_is_refused() {
    let mut history = LedgerHistory::new();
    let disk = history.add_snapshots(Retention::Everything, 8).disk.clone();
    remove(&disk, &[segment(1).into()]);
    let error = history.assert_refused(&disk);
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("the file is missing"), "{error}");
}

#[test]
fn restored_pruned_segments_are_not_damage() {
    let mut history = LedgerHistory::new();
    let before = history.add_snapshots(Retention::Everything, 6).disk.fork();
    let disk = history.add_snapshots(Retention::Events(0), 2).disk.clone();
    let first = numbers(&disk)[0];
    assert!(first > 4);
    let with_a_gap = vec![vec![1], vec![1, 2], vec![first - 2], vec![1, first - 1], vec![1, first - 2]];
    for back in with_a_gap.into_iter().chain([vec![first - 1], vec![first - 2, first - 1]]) {
        for without in [false, true] {
            let disk = disk.fork();
            back.iter().for_each(|number| copy(&before, &disk, &segment(*number)));
            if without {
                remove(&disk, &snapshots(&disk));
            }
            let mut history = LedgerHistory { disk: disk.clone(), digests: history.digests.clone(), seq: history.seq };
            history.recover(&disk, Retention::Events(0)).unwrap_or_else(|why| panic!("{back:?}: {why}")).close();
            let there = numbers(&disk);
            assert!(there.windows(2).all(|pair| pair[1] == pair[0] + 1), "{back:?}: {there:?}");
            // the next pruning removes the rest
            history.add_snapshots(Retention::Events(0), 2);
            assert!(numbers(&disk)[0] >= first, "{back:?}");
        }
    }
}

/// The snapshot is from a backup. The events after it are pruned, so it does not lead to the current state.
#[test]
fn a_snapshot_from_before_the_base_is_not_used() {
    let mut history = LedgerHistory::new();
    let before = history.add_snapshots(Retention::Everything, 2).disk.fork();
    let disk = history.add_snapshots(Retention::Events(0), 6).disk.clone();
    remove(&disk, &snapshots(&disk));
    for path in snapshots(&before) {
        copy(&before, &disk, path.to_str().unwrap());
    }
    let run = history.recover(&disk.fork(), Retention::Everything).unwrap();
    assert_eq!(run.image().admin().stats().recovery.snapshot, run.image().admin().stats().base);
    remove(&disk, &bases(&disk));
    let error = history.assert_refused(&disk);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(
        error.to_string().matches("the journal no longer has the events that follow this state").count(),
        2,
        "{error}"
    );
}

#[test]
fn a_directory_with_a_base_but_no_segments_is_refused() {
    let mut history = LedgerHistory::new();
    let disk = history.add_snapshots(Retention::Events(0), 8).disk.clone();
    let segments: Vec<PathBuf> = numbers(&disk).into_iter().map(|number| segment(number).into()).collect();
    remove(&disk, &segments);
    remove(&disk, &snapshots(&disk));
    remove(&disk, &["/ledger/journal/durable".into()]);
    let error = history.assert_refused(&disk);
    assert!(error.kind() == ErrorKind::NotAnImage && error.to_string().contains("base of a pruned journal"), "{error}");
}

#[test]
fn a_base_from_a_diverged_copy_is_refused() {
    // a copy of the directory that diverged from the original
    let mut history = LedgerHistory::new();
    history.add_snapshots(Retention::Everything, 6);
    let fork = |amount| {
        let disk = history.disk.fork();
        let mut run = history.recover(&disk, Retention::Events(0)).unwrap();
        for _ in 0..2 {
            run.execute(&Request::Deposit(9, amount));
            (0..9).for_each(|_| run.execute(&Request::File(1_000)));
            run.image().admin().snapshot().unwrap();
        }
        run.close();
        remove(&disk, &snapshots(&disk));
        disk
    };
    let (one, other) = (fork(1), fork(2));
    let copies = bases(&one);
    assert_eq!((copies.len(), &copies), (2, &bases(&other)));
    for path in &copies {
        let bytes = other.read(path).unwrap();
        one.truncate(path, bytes.len() as u64).unwrap();
        one.write(path, 0, &bytes).unwrap();
    }
    // the journal has the base's digest, and the header of its first segment names the base
    let error = history.assert_refused(&one);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(error.to_string().matches("the file belongs to another timeline of this image").count(), 2, "{error}");
    let before = files(&one);
    let accepting = options(Retention::Everything).verify_digests(false);
    let error = accepting.open_with(Arc::new(one.clone()), "/ledger").unwrap_err();
    assert!(
        error.kind() == ErrorKind::Corrupt && error.to_string().contains("for which the journal was pruned"),
        "{error}"
    );
    assert_eq!(changed(&before, &files(&one)), Vec::<PathBuf>::new());
}
