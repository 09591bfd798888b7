//! A retry waits until the first request is durable; retries while the first request is in flight get its answer.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, ErrorKind, Image};
use memimage_tests::{Call, DiskMethod, Gate, GateDisk, block_on};

use super::{SalesCommands as _, Till, TillSell, open, options, ran};

/// Holds each call of a method at a gate.
fn hold(disk: &GateDisk, method: DiskMethod) -> Gate {
    let gate = Gate::default();
    let held = gate.clone();
    disk.rule(move |call: &Call| {
        if call.method == method {
            held.pass();
        }
        Ok(None)
    });
    gate
}

#[test]
fn retries_while_the_first_request_is_in_flight_wait_for_it() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = open(&disk);
    image.sell(1, 1).unwrap();
    let gate = hold(&disk, DiskMethod::SyncData);
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let image = image.clone();
            std::thread::spawn(move || image.once("a").sell(7, 2))
        })
        .collect();
    gate.wait_until_blocked();
    std::thread::sleep(Duration::from_millis(30));
    assert!(calls.iter().all(|call| !call.is_finished()), "no call returns before the sync");
    let retry = image.once("a").submit(TillSell { item: 7, count: 2 }).unwrap();
    assert!(!retry.is_ready());
    // a power cut now loses the request, and no caller has an answer
    assert_eq!(ran(&open(&sim.crash(|_| false))), 1);
    gate.open();
    for call in calls {
        assert_eq!(call.join().unwrap().unwrap().number, 2);
    }
    assert_eq!(retry.wait().unwrap().number, 2);
    assert_eq!(ran(&open(&sim.crash(|_| false))), 2);
}

#[test]
fn a_retry_of_a_durable_request_does_not_wait() {
    let disk = GateDisk::new(SimDisk::new());
    let image = open(&disk);
    image.once("a").sell(7, 2).unwrap();
    disk.fail(DiskMethod::SyncData, "", std::io::ErrorKind::Other);
    assert_eq!(image.once("a").sell(7, 2).unwrap().number, 1);
    let pending = image.once("a").submit(TillSell { item: 7, count: 2 }).unwrap();
    assert!(pending.is_ready());
    assert_eq!(block_on(pending).unwrap().number, 1);
}

#[test]
fn many_threads_execute_each_request_once() {
    const THREADS: u32 = 8;
    const REQUESTS: u32 = 200;
    let image = Image::<Till>::in_memory().unwrap();
    let start = Arc::new(Barrier::new(THREADS as usize));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (image, start) = (image.clone(), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                (0..REQUESTS).map(|n| image.once(format!("request {n}")).sell(n, 1).unwrap().number).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    answers.dedup();
    assert_eq!(answers.len(), 1, "all threads got the same answers");
    assert_eq!(ran(&image), u64::from(REQUESTS));
    assert_eq!(image.query(|till| till.sold.values().copied().max()).unwrap(), Some(1));
}

#[test]
fn a_retry_is_answered_in_each_durability_mode() {
    for durability in [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(1))] {
        let disk = SimDisk::new();
        let open = || options().durability(durability).open_with(Arc::new(disk.clone()), super::PATH).unwrap();
        let image = open();
        for _ in 0..3 {
            assert_eq!(image.once("a").sell(7, 2).unwrap().number, 1);
        }
        Image::close(image).unwrap();
        assert_eq!(open().once("a").sell(7, 2).unwrap().number, 1);
    }
}

#[test]
fn a_call_that_finds_no_room_is_not_remembered() {
    let image = options().batch_bytes(1 << 10).in_memory().unwrap();
    // more than the first segments hold, so that segments must be created while requests run
    let mut busy = 0;
    for n in 0..2_000u32 {
        let key = format!("request {n}");
        loop {
            match image.once(&key).try_submit(TillSell { item: n, count: 9 }) {
                Ok(pending) => break drop(pending),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
                    busy += 1;
                    std::thread::yield_now();
                }
            }
        }
        assert_eq!(image.once(&key).sell(n, 9).unwrap().number, u64::from(n) + 1);
    }
    println!("busy: {busy}");
    assert_eq!(ran(&image), 2_000);
}
