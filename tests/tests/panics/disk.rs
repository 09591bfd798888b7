//! A disk that panics, in any thread of the library: each caller gets an answer, and no acknowledged event is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use memimage::disk::SimDisk;
use memimage::{Durability, Error, Image};
use memimage_tests::{DiskMethod, GateDisk, Ledger, LedgerDeposit, LedgerFile, Run, block_on, with_timeout};

use super::MODES;

const METHODS: [DiskMethod; 6] = [
    DiskMethod::CreateNew,
    DiskMethod::Rename,
    DiskMethod::SyncDir,
    DiskMethod::Write,
    DiskMethod::SyncData,
    DiskMethod::SyncAll,
];

fn open(disk: &GateDisk, durability: Durability) -> Image<Ledger> {
    Run::options(durability, 8).open_with(Arc::new(disk.clone()), "ledger").unwrap()
}

/// What one of several callers does at the same time as the others. Returns the number of deposits that were acknowledged.
fn deposits(image: &Image<Ledger>, caller: usize) -> u64 {
    let deposit = || LedgerDeposit { account: 1, amount: 1 };
    let mut acknowledged = 0;
    for n in 0..12 {
        // the disk may panic on this thread
        let done: Option<Result<bool, Error>> = catch_unwind(AssertUnwindSafe(|| match (caller + n) % 6 {
            0 => image.submit(LedgerFile { bytes: vec![7; 6_000] })?.wait().map(|_| false),
            1 => block_on(image.execute_async(deposit())).map(|_| true),
            2 => image.journal().sync().map(|()| false),
            3 => image.query(|_| ()).map(|()| false),
            _ => image.submit(deposit())?.wait().map(|_| true),
        }))
        .ok();
        acknowledged += u64::from(matches!(done, Some(Ok(true))));
    }
    acknowledged
}

/// Whether the disk panicked at the `n`-th call of the method since the image was opened.
fn panic_at(durability: Durability, method: DiskMethod, n: u64) -> bool {
    let kept = SimDisk::new();
    let disk = GateDisk::new(kept.clone());
    let image = open(&disk, durability);
    let calls = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&calls);
    disk.rule(move |call| {
        assert!(call.method != method || seen.fetch_add(1, Ordering::SeqCst) + 1 != n, "the disk panics");
        Ok(None)
    });
    let acknowledged: u64 = thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|caller| {
                scope.spawn({
                    let image = &image;
                    move || deposits(image, caller)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    _ = catch_unwind(AssertUnwindSafe(|| Image::close(image)));
    disk.remove_rule();
    let reopened = open(&GateDisk::new(kept.fork()), durability);
    let found = reopened.query(|ledger| ledger.accounts.get(&1).copied().unwrap_or_default()).unwrap();
    assert!(u64::try_from(found).unwrap() >= acknowledged, "{found} of {acknowledged} deposits");
    calls.load(Ordering::SeqCst) >= n
}

#[test]
fn a_disk_that_panics_leaves_no_caller_waiting() {
    for durability in MODES {
        for method in METHODS {
            let panicked = (1..30).take_while(|n| {
                let n = *n;
                with_timeout(move || panic_at(durability, method, n))
            });
            println!("{durability:?}, {method:?}: {} panics", panicked.count());
        }
    }
}
