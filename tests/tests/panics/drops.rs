//! Models and arguments whose `Drop` panics: the caller gets the panic or an error, and the image goes on or is poisoned, but it
//! never hangs, and never has another state than its journal.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use memimage::disk::SimDisk;
use memimage::{Durability, Error, Image, Model, Shape, SnapshotPolicy};
use memimage_tests::with_timeout;
use serde::{Deserialize, Serialize};

use super::MODES;

/// Whether values panic when they are dropped.
static ARMED: AtomicBool = AtomicBool::new(false);

/// Panics when it is dropped, if [`ARMED`] and no other panic is under way.
#[derive(Debug, Default, Serialize, Deserialize, Shape)]
struct Trap;

impl Drop for Trap {
    fn drop(&mut self) {
        assert!(!ARMED.load(Ordering::SeqCst) || std::thread::panicking(), "the drop panics");
    }
}

#[derive(Debug, Default, Serialize, Deserialize, Shape, Model)]
struct Counter {
    count: u64,
    trap: Trap,
}

#[memimage::commands]
impl Counter {
    #[command]
    fn add(&mut self, by: u64) -> u64 {
        self.count += by;
        self.count
    }

    #[command]
    fn add_with_trap(&mut self, by: u64, _trap: Trap) -> u64 {
        self.count += by;
        self.count
    }

    #[command(check = never)]
    fn refused(&mut self, _trap: Trap) {}

    fn never(&self, _trap: &Trap) -> Result<(), String> {
        Err("never".to_owned())
    }

    #[command]
    fn panics(&mut self, by: u64) {
        self.count += by;
        panic!("the body panics");
    }
}

fn open(disk: &SimDisk, durability: Durability) -> Result<Image<Counter>, Error> {
    let options = Image::options().durability(durability).snapshots(SnapshotPolicy::Manual).segment_bytes(16 << 10);
    options.open_with(Arc::new(disk.clone()), "counter")
}

type Operation = fn(&Image<Counter>) -> bool;

/// Each returns whether it added 1 to the count, as far as the caller knows.
const OPERATIONS: &[(&str, Operation)] = &[
    ("a command", |image| image.add(1).is_ok()),
    ("a body that drops its argument", |image| image.add_with_trap(1, Trap).is_ok()),
    ("a check that refuses", |image| {
        assert!(image.refused(Trap).is_err());
        false
    }),
    ("a panic in a body", |image| {
        assert!(image.panics(1).is_err());
        false
    }),
    ("a snapshot", |image| {
        _ = image.admin().snapshot();
        false
    }),
    ("a query", |image| {
        image.query(|_| Trap).map(std::mem::forget).unwrap();
        false
    }),
];

#[test]
fn a_drop_that_panics_leaves_the_image_usable_or_poisoned() {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for durability in MODES {
        for (name, operation) in OPERATIONS {
            with_timeout(move || {
                let disk = SimDisk::new();
                let image = open(&disk, durability).unwrap();
                image.add(10).unwrap();
                ARMED.store(true, Ordering::SeqCst);
                let added = catch_unwind(AssertUnwindSafe(|| operation(&image)));
                let after = catch_unwind(AssertUnwindSafe(|| image.add(100).ok())).unwrap_or(None);
                ARMED.store(false, Ordering::SeqCst);
                let live = image.query(|counter| counter.count).ok();
                ARMED.store(true, Ordering::SeqCst);
                let closed = catch_unwind(AssertUnwindSafe(|| Image::close(image)));
                ARMED.store(false, Ordering::SeqCst);

                let found = open(&disk, durability).unwrap().query(|counter| counter.count).unwrap();
                let at = format!("{name}, {durability:?}: {added:?}, {after:?}, {live:?}, {closed:?}, then {found}");
                assert!(after.is_none_or(|after| after == found), "{at}");
                assert!(live.is_none_or(|live| live == found), "{at}");
                let least = 10 + u64::from(matches!(added, Ok(true)));
                assert!(found >= least, "{at}");
                let is_caught = *name != "a body that drops its argument" && *name != "a check that refuses";
                assert_eq!(added.is_ok(), is_caught, "{at}");
            });
        }
    }
}
