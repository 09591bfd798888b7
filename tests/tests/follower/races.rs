//! The owner prunes, or makes an event void, between any two disk calls of a follower: the follower neither stops nor shows a wrong
//! state.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use memimage::admin::Void;
use memimage::disk::SimDisk;
use memimage::{Follower, Image, Options, Retention, Seq};
use memimage_tests::{GateDisk, Ledger, LedgerCommands};

use super::{IMAGE, assert_follows, fill_segments, open, open_with, options};

/// A disk that runs `change` before its `nth` call from now on, and the number of calls.
fn change_before(disk: &SimDisk, nth: u32, change: impl FnOnce() + Send + 'static) -> (GateDisk, Arc<AtomicU32>) {
    let (gate, calls) = (GateDisk::new(disk.clone()), Arc::new(AtomicU32::new(0)));
    let (counted, change) = (Arc::clone(&calls), Mutex::new(Some(change)));
    gate.rule(move |_| {
        if counted.fetch_add(1, Ordering::Relaxed) + 1 == nth {
            change.lock().unwrap().take().expect("it is called once")();
        }
        Ok(None)
    });
    (gate, calls)
}

fn pruning() -> Options<Ledger> {
    options().retention(Retention::Events(0))
}

fn prune(image: &Image<Ledger>) {
    fill_segments(image, 8);
    image.admin().snapshot().unwrap();
}

#[test]
fn the_owner_prunes_while_a_follower_opens() {
    for nth in 1.. {
        let disk = SimDisk::new();
        let image = Arc::new(open_with(&disk, pruning()));
        prune(&image);
        fill_segments(&image, 8);
        let owner = Arc::clone(&image);
        let (gate, calls) = change_before(&disk, nth, move || prune(&owner));
        let follower = options().follow_with(Arc::new(gate.clone()), IMAGE);
        let opened_with = calls.load(Ordering::Relaxed);
        gate.remove_rule();
        assert_follows(&follower.unwrap_or_else(|error| panic!("call {nth}: {error}")), &image);
        if opened_with < nth {
            assert!(nth > 50, "an opening made only {nth} calls");
            return;
        }
    }
}

#[test]
fn the_owner_prunes_while_a_follower_follows_and_recovers() {
    for nth in 1..80 {
        let disk = SimDisk::new();
        let image = Arc::new(open_with(&disk, pruning()));
        fill_segments(&image, 8);
        let gate = GateDisk::new(disk.clone());
        let follower = options().follow_with(Arc::new(gate.clone()), IMAGE).unwrap();
        let (calls, owner) = (Arc::new(AtomicU32::new(0)), Arc::clone(&image));
        let counted = Arc::clone(&calls);
        // the first pruning makes the follower recover, and the second one disturbs this recovery
        gate.rule(move |_| {
            let call = counted.fetch_add(1, Ordering::Relaxed) + 1;
            if call == 1 || call == nth {
                prune(&owner);
            }
            Ok(None)
        });
        memimage_tests::wait_until("the prunings", || calls.load(Ordering::Relaxed) > nth);
        gate.remove_rule();
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
        let (gate, calls) = change_before(&disk, nth, change);
        let follower: Follower<Ledger> =
            options().follow_with(Arc::new(gate), IMAGE).unwrap_or_else(|error| panic!("call {nth}: {error}"));
        let opened_with = calls.load(Ordering::Relaxed);
        memimage_tests::wait_until(&format!("call {nth}: the void event is gone"), || {
            follower.query(|ledger| ledger.accounts[&1]).unwrap() == 100
        });
        if opened_with < nth {
            assert!(nth > 20, "an opening made only {nth} calls");
            return;
        }
    }
}
