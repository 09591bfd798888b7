//! A retry waits until the first request is durable; retries while the first request is in flight get its answer.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{CommandError, Durability, ErrorKind, Image, Model, Seq, Shape};
use memimage_tests::{Call, DiskMethod, Gate, GateDisk, block_on};
use serde::{Deserialize, Serialize};

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

/// Starts retries of the request "a".
fn retries(image: &Image<Till>) -> Vec<std::thread::JoinHandle<Result<u64, memimage::Error>>> {
    let retry = |image: Image<Till>| image.once("a").sell(7, 2).map(|receipt| receipt.number);
    (0..4).map(|_| image.clone()).map(|image| std::thread::spawn(move || retry(image))).collect()
}

/// The first request and its retries wait for one sync. If it fails, nobody gets an answer, and the next owner executes the request
/// once.
#[test]
fn retries_of_a_request_that_poisons_the_image_get_no_answer() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = open(&disk);
    image.sell(1, 1).unwrap();
    let gate = Gate::default();
    let held = gate.clone();
    disk.rule(move |call: &Call| {
        if call.method != DiskMethod::SyncData {
            return Ok(None);
        }
        held.pass();
        Err(std::io::ErrorKind::Other.into())
    });
    let first = image.once("a").submit(TillSell { item: 7, count: 2 }).unwrap();
    let calls = retries(&image);
    gate.wait_until_blocked();
    gate.open();
    let mut errors: Vec<_> = calls.into_iter().map(|call| call.join().unwrap().unwrap_err()).collect();
    errors.push(first.wait().unwrap_err());
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
        assert!(error.is_outcome_unknown(), "{error}");
    }
    drop(image);
    let image = open(&sim.crash(|_| false));
    assert_eq!(ran(&image), 1, "the crash lost the request");
    assert_eq!(image.once("a").sell(7, 2).unwrap().number, 2);
    assert_eq!(image.once("a").sell(7, 2).unwrap().number, 2);
}

/// A close waits for the requests in flight; their retries get the answer too, or the error of a closed image.
#[test]
fn retries_of_a_request_that_is_in_flight_survive_a_close() {
    let sim = SimDisk::new();
    let disk = GateDisk::new(sim.clone());
    let image = open(&disk);
    image.sell(1, 1).unwrap();
    let gate = hold(&disk, DiskMethod::SyncData);
    let first = image.once("a").submit(TillSell { item: 7, count: 2 }).unwrap();
    let retry = image.once("a").submit(TillSell { item: 7, count: 2 }).unwrap();
    let calls = retries(&image);
    gate.wait_until_blocked();
    let (closing, copy) = (image.clone(), image);
    let close = std::thread::spawn(move || Image::close(closing));
    std::thread::sleep(Duration::from_millis(20));
    gate.open();
    close.join().unwrap().unwrap();
    assert_eq!((first.wait().unwrap().number, retry.wait().unwrap().number), (2, 2));
    for call in calls {
        match call.join().unwrap() {
            Ok(number) => assert_eq!(number, 2),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Closed, "{error}"),
        }
    }
    assert_eq!(copy.once("a").sell(7, 2).unwrap_err().kind(), ErrorKind::Closed);
    let image = open(&sim);
    assert_eq!(image.once("a").sell(7, 2).unwrap().number, 2);
    assert_eq!(ran(&image), 2);
}

/// What the next run of [`Door::enter`] does.
static NEXT: std::sync::Mutex<Option<(Gate, Entrance)>> = std::sync::Mutex::new(None);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Entrance {
    PanicInBody,
    PanicInCheck,
    Refused,
}

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Door {
    entered: u64,
}

#[memimage::commands]
impl Door {
    #[command(check = is_open)]
    fn enter(&mut self) -> u64 {
        self.entered += 1;
        obstacle(&[Entrance::PanicInBody]);
        self.entered
    }

    fn is_open(&self) -> Result<(), String> {
        obstacle(&[Entrance::PanicInCheck, Entrance::Refused]).map_or(Ok(()), |_| Err("closed".to_owned()))
    }
}

/// Waits at the gate, and then panics or returns what is in the way, once.
fn obstacle(of: &[Entrance]) -> Option<Entrance> {
    let mut next = NEXT.lock().unwrap();
    let (gate, entrance) = next.take_if(|(_, entrance)| of.contains(entrance))?;
    drop(next);
    gate.pass();
    if entrance != Entrance::Refused {
        std::panic::resume_unwind(Box::new("an obstacle"));
    }
    Some(entrance)
}

/// A first call that fails leaves nothing: the first of the calls that waited is the request then, and the others get its answer.
#[test]
fn calls_that_wait_for_one_that_fails_execute_the_request_once() {
    for entrance in [Entrance::PanicInBody, Entrance::PanicInCheck, Entrance::Refused] {
        let disk = SimDisk::new();
        let open = || Image::<Door>::options().open_with(Arc::new(disk.clone()), "/door").unwrap();
        let image = open();
        assert_eq!(image.once("before").enter().unwrap(), 1);
        let gate = Gate::default();
        *NEXT.lock().unwrap() = Some((gate.clone(), entrance));
        let call = |image: Image<Door>| std::thread::spawn(move || image.once("a").enter());
        let first = call(image.clone());
        gate.wait_until_blocked();
        let waiting: Vec<_> = (0..6).map(|_| call(image.clone())).collect();
        std::thread::sleep(Duration::from_millis(20));
        assert!(waiting.iter().all(|call| !call.is_finished()), "they wait for the first call");
        gate.open();
        match (entrance, first.join().unwrap().unwrap_err()) {
            (Entrance::Refused, CommandError::Refused(refusal)) => assert_eq!(refusal, "closed"),
            (_, CommandError::Image(error)) => assert_eq!(error.kind(), ErrorKind::Panicked, "{error}"),
            (_, refused) => panic!("{entrance:?}: {refused}"),
        }
        for call in waiting {
            assert_eq!(call.join().unwrap().unwrap(), 2, "{entrance:?}");
        }
        assert_eq!(image.journal().seq(), Seq::new(2));
        Image::close(image).unwrap();
        let image = open();
        assert_eq!(image.once("a").enter().unwrap(), 2);
        assert_eq!(image.query(|door| door.entered).unwrap(), 2);
    }
}
