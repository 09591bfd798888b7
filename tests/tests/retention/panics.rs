//! Commands that panic on an image with a pruned journal: the model is rebuilt from the base and the rest of the journal.

use std::sync::Arc;
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, ErrorKind, Image, Retention, Seq, SnapshotPolicy};
use memimage_tests::{DiskMethod, Gate, GateDisk, Ledger, LedgerCommands, Request, Run, SplitMix64};

use super::{LedgerHistory, numbers, open, options, remove, snapshots, ten_events};

#[test]
fn after_a_panic_the_model_is_rebuilt_from_a_pruned_journal() {
    let mut history = LedgerHistory::new();
    let disk = history.add_snapshots(Retention::Events(0), 8).disk.clone();
    for without in [false, true] {
        if without {
            remove(&disk, &snapshots(&disk));
        }
        let mut run = history.recover(&disk, Retention::Events(0)).unwrap();
        // `execute` compares the states before and after the panic
        run.execute(&Request::Explode(3));
        run.execute(&Request::Deposit(3, 3));
        run.execute(&Request::Explode(3));
        ten_events(&mut run);
        (history.digests, history.seq) = run.close();
    }
}

/// Rebuilds read the directory while snapshots are written and the journal is pruned. They find all files that they need.
#[test]
fn after_a_panic_the_model_is_rebuilt_while_the_journal_is_pruned() {
    for durability in [Durability::Synced, Durability::Buffered] {
        let disk = SimDisk::new();
        let options =
            Run::options(durability, 512).retention(Retention::Events(0)).snapshots(SnapshotPolicy::AfterEvents(20));
        let image = options.open_with(Arc::new(disk.clone()), "/ledger").unwrap();
        std::thread::scope(|scope| {
            for thread in 0..3_u32 {
                let image = &image;
                scope.spawn(move || {
                    let mut rng = SplitMix64::new(u64::from(thread));
                    for _ in 0..80 {
                        match rng.below(4) {
                            0 => assert_eq!(image.explode(thread).unwrap_err().kind(), ErrorKind::Panicked),
                            1 => _ = image.file(vec![1; rng.below(3_000) as usize]).unwrap(),
                            _ => _ = image.deposit(thread, 1).unwrap(),
                        }
                    }
                });
            }
        });
        image.admin().snapshot().unwrap();
        image.admin().snapshot().unwrap();
        assert_eq!(image.admin().stats().retention_failure, None);
        assert!(numbers(&disk)[0] > 1, "{:?}", numbers(&disk));
        let (seq, state) = (image.journal().seq(), image.query(Ledger::clone).unwrap());
        Image::close(image).unwrap();
        remove(&disk, &snapshots(&disk));
        let image = open(&disk, Retention::Everything).unwrap();
        assert_eq!((image.journal().seq(), image.query(Ledger::clone).unwrap()), (seq, state));
    }
}

/// A rebuild has listed the segments, but not yet read them, when a pruning would remove them.
#[test]
fn no_segment_is_removed_while_the_model_is_rebuilt_from_it() {
    let (pruning, rebuilding) = (Gate::default(), Gate::default());
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = options(Retention::Events(0)).open_with(Arc::new(disk.clone()), "/ledger").unwrap();
    let mut run = Run::begin(image.clone(), Vec::new(), Seq::ZERO).unwrap();
    ten_events(&mut run);
    image.admin().snapshot().unwrap();
    (0..3).for_each(|_| ten_events(&mut run));
    let gates = (pruning.clone(), rebuilding.clone());
    disk.rule(move |call| {
        match std::thread::current().name() {
            Some("pruning") if call.is(DiskMethod::CreateNew, ".1.base.tmp") => gates.0.pass(),
            Some("rebuilding") if call.is(DiskMethod::Open, "00000001.journal") => gates.1.pass(),
            _ => {}
        }
        Ok(None)
    });
    std::thread::scope(|scope| {
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let snapshot = thread("pruning").spawn_scoped(scope, || image.admin().snapshot()).unwrap();
        pruning.wait_until_blocked();
        let panic = thread("rebuilding").spawn_scoped(scope, || image.explode(1)).unwrap();
        rebuilding.wait_until_blocked();
        pruning.open();
        // enough time for a removal that did not wait
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(numbers(&sim)[0], 1);
        rebuilding.open();
        assert_eq!(panic.join().unwrap().unwrap_err().kind(), ErrorKind::Panicked);
        assert!(snapshot.join().unwrap().unwrap().pruned.is_some());
    });
    assert!(numbers(&sim)[0] > 1);
    run.execute(&Request::Deposit(1, 1));
}
