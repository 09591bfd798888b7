//! The owner replaces the segment that it made in advance by a longer one, and has written only its first frame when a backup reads it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use memimage::admin::Backup;
use memimage::disk::SimDisk;
use memimage::{Durability, Image, Seq};
use memimage_tests::{DiskMethod, Gate, GateDisk, Ledger, LedgerCommands as _, Run, with_timeout};

use super::{COPY, IMAGE, assert_sound, exists, verify};

/// The segment that the owner makes in advance. Two records fill the first one, and the third one is in the second.
const NEXT: &str = "/ledger/journal/00000003.journal";

fn digest(image: &Image<Ledger>) -> u64 {
    memimage::digest(&*image.read_uncommitted().unwrap()).unwrap().to_u64()
}

/// The owner begins the longer segment at call number `at` of a backup. Returns false if the backup has fewer calls.
fn backs_up(at: u64) -> bool {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = Run::options(Durability::Synced, 512).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let mut digests = vec![digest(&image)];
    for _ in 0..3 {
        image.file(vec![7; 5_000]).unwrap();
        digests.push(digest(&image));
    }
    while !exists(&sim, NEXT) {
        thread::sleep(Duration::from_millis(1));
    }
    let short = sim.read(Path::new(NEXT)).unwrap().len();
    let (gate, calls, writes) = (Gate::default(), Arc::new(AtomicU64::new(0)), AtomicU64::new(0));
    let (backup_thread, counted, owner) = (thread::current().id(), Arc::clone(&calls), image.clone());
    let inner = gate.clone();
    disk.rule(move |call| {
        if thread::current().id() == backup_thread {
            if counted.fetch_add(1, Ordering::SeqCst) == at {
                let owner = owner.clone();
                thread::spawn(move || owner.file(vec![7; 14_000]).unwrap());
                inner.wait_until_blocked();
            }
        } else if call.is(DiskMethod::Write, "00000003.journal") && writes.fetch_add(1, Ordering::SeqCst) == 1 {
            inner.pass();
        }
        Ok(None)
    });
    let backup = Backup::new().run_with(Arc::new(disk.clone()), IMAGE, COPY);
    let is_begun = calls.load(Ordering::SeqCst) > at;
    gate.open();
    disk.remove_rule();
    let backup = backup.unwrap_or_else(|error| panic!("call {at}: {error}"));
    assert_eq!(backup.seq, Seq::new(3), "call {at}");
    assert_sound(&sim, COPY);
    assert_eq!(verify(&sim, COPY, &digests, 3), Ok(backup.seq), "call {at}");
    if is_begun {
        while image.journal().seq() < Seq::new(4) {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(sim.read(Path::new(NEXT)).unwrap().len() > short, "the segment is not longer");
    }
    is_begun
}

#[test]
fn a_longer_segment_that_is_begun_meanwhile_does_not_break_a_backup() {
    with_timeout(|| {
        let calls = (0..).take_while(|at| backs_up(*at)).count();
        assert!(calls > 20, "{calls} calls");
    });
}
