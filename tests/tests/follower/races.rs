//! The owner prunes, or makes an event void, between any two disk calls of a follower: the follower neither stops nor shows a wrong
//! state.

use std::sync::{Arc, Mutex};

use memimage::admin::Void;
use memimage::disk::SimDisk;
use memimage::{Follower, Image, Options, Retention, Seq};
use memimage_tests::{ChangeBefore, GateDisk, Ledger, LedgerCommands};

use super::{IMAGE, assert_follows, fill_segments, open, open_with, options};

fn pruning() -> Options<Ledger> {
    options().retention(Retention::Events(0))
}

/// Prunes so often that no snapshot and no base is left of those before.
fn prune(image: &Image<Ledger>) {
    for _ in 0..3 {
        fill_segments(image, 5);
        image.admin().snapshot().unwrap();
    }
}

#[test]
fn the_owner_prunes_while_a_follower_opens() {
    for nth in (2..).step_by(2) {
        let disk = SimDisk::new();
        let image = Arc::new(open_with(&disk, pruning()));
        prune(&image);
        fill_segments(&image, 8);
        let owner = Arc::clone(&image);
        let change = ChangeBefore::new(&disk, nth, move || prune(&owner));
        let follower = options().follow_with(change.disk(), IMAGE);
        let is_pruned = change.end();
        assert_follows(&follower.unwrap_or_else(|error| panic!("call {nth}: {error}")), &image);
        if !is_pruned {
            assert!(nth > 50, "an opening made only {nth} calls");
            return;
        }
    }
}

#[test]
fn the_owner_prunes_while_a_follower_follows_and_recovers() {
    for nth in (2..80).step_by(2) {
        let disk = SimDisk::new();
        let image = Arc::new(open_with(&disk, pruning()));
        fill_segments(&image, 8);
        let gate = GateDisk::new(disk.clone());
        let follower = options().follow_with(Arc::new(gate.clone()), IMAGE).unwrap();
        let (calls, owner) = (Arc::new(Mutex::new(0)), Arc::clone(&image));
        let counted = Arc::clone(&calls);
        // the first pruning makes the follower recover, and the second one disturbs this recovery
        gate.rule(move |_| {
            let mut calls = counted.lock().unwrap();
            *calls += 1;
            if *calls == 1 || *calls == nth {
                prune(&owner);
            }
            Ok(None)
        });
        memimage_tests::wait_until("the prunings", || *calls.lock().unwrap() > nth || follower.lag().is_err());
        assert_follows(&follower, &image);
    }
}

/// The void frame needs a segment of its own, so that the list of segments tells whether the follower has seen it.
#[test]
fn an_event_becomes_void_while_a_follower_opens() {
    for nth in 1.. {
        let disk = SimDisk::new();
        let image = open(&disk);
        image.deposit(1, 100).unwrap();
        image.deposit(1, 13).unwrap();
        image.file(vec![7; 8_000]).unwrap();
        Image::close(image).unwrap();
        let closed = disk.clone();
        let change = move || {
            Void::new(Seq::new(2), "x".repeat(4_000)).run_with(Arc::new(closed), IMAGE).unwrap();
        };
        let making_void = ChangeBefore::new(&disk, nth, change);
        let follower: Result<Follower<Ledger>, _> = options().follow_with(making_void.disk(), IMAGE);
        let is_void = making_void.end();
        let follower = follower.unwrap_or_else(|error| panic!("call {nth}: {error}"));
        if !is_void {
            assert!(nth > 20, "an opening made only {nth} calls");
            return;
        }
        memimage_tests::wait_until(&format!("call {nth}: the void event is gone"), || {
            follower.query(|ledger| ledger.accounts[&1]).unwrap() == 100
        });
    }
}
