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

/// What the deposits of all callers came to.
#[derive(Clone, Copy, Debug, Default)]
struct Deposits {
    acknowledged: u64,
    /// Neither acknowledged nor reported as not recorded.
    unknown: u64,
}

/// What one of several callers does at the same time as the others.
fn deposits(image: &Image<Ledger>, caller: usize) -> Deposits {
    let deposit = || LedgerDeposit { account: 1, amount: 1 };
    let mut deposits = Deposits::default();
    for n in 0..12 {
        let is_deposit = !(0..4).contains(&((caller + n) % 8));
        // the disk may panic on this thread
        let done: Result<Result<(), Error>, _> = catch_unwind(AssertUnwindSafe(|| match (caller + n) % 8 {
            0 | 1 => image.submit(LedgerFile { bytes: vec![7; 6_000] })?.wait().map(drop),
            2 => image.journal().sync(),
            3 => image.query(|_| ()),
            4 | 5 => block_on(image.execute_async(deposit())).map(drop),
            _ => image.submit(deposit())?.wait().map(drop),
        }));
        match done {
            Ok(Ok(())) => deposits.acknowledged += u64::from(is_deposit),
            Ok(Err(error)) if !error.is_outcome_unknown() => {}
            Ok(Err(_)) | Err(_) => deposits.unknown += u64::from(is_deposit),
        }
    }
    deposits
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
    let each: Vec<Deposits> = thread::scope(|scope| {
        let run = |caller| {
            let image = &image;
            scope.spawn(move || deposits(image, caller))
        };
        let callers: Vec<_> = (0..4).map(run).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let acknowledged: u64 = each.iter().map(|deposits| deposits.acknowledged).sum();
    let unknown: u64 = each.iter().map(|deposits| deposits.unknown).sum();
    if calls.load(Ordering::SeqCst) >= n {
        _ = catch_unwind(AssertUnwindSafe(|| image.admin().snapshot()));
    }
    _ = catch_unwind(AssertUnwindSafe(|| Image::close(image)));
    disk.remove_rule();
    let left = if durability == Durability::Synced { kept.crash(|_| false) } else { kept.fork() };
    let reopened = open(&GateDisk::new(left), durability);
    let found = reopened.query(|ledger| ledger.accounts.get(&1).copied().unwrap_or_default()).unwrap();
    let promised = acknowledged..=acknowledged + unknown;
    assert!(promised.contains(&found.cast_unsigned()), "{found} deposits, not {promised:?}");
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
            let panics = panicked.count();
            assert!(panics > 0, "{durability:?}, {method:?}: no call panicked");
        }
    }
}
