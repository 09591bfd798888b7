//! Pending answers: dropped, waited for, awaited, longer-lived than their image, and delayed.

mod backpressure;
mod hostile_wakers;
mod submit_all;
mod wakers;

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Image, Model, Options, Pending, Shape, SnapshotPolicy};
use memimage_tests::{DiskMethod, Gate, GateDisk, block_on, wait_until, with_timeout};
use serde::{Deserialize, Serialize};

const MODES: [Durability; 3] =
    [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(2))];

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Tally {
    count: u64,
    bytes: u64,
}

#[memimage::commands]
impl Tally {
    #[command]
    fn add(&mut self, by: u64) -> u64 {
        self.count += by;
        self.count
    }

    #[command]
    fn fill(&mut self, bytes: Vec<u8>) -> u64 {
        self.bytes += bytes.len() as u64;
        self.bytes
    }

    #[command(check = may_take)]
    fn take(&mut self, amount: u64) -> u64 {
        self.count -= amount;
        self.count
    }

    fn may_take(&self, amount: u64) -> Result<(), u64> {
        if amount > self.count { Err(self.count) } else { Ok(()) }
    }
}

fn options(durability: Durability) -> Options<Tally> {
    Image::options().durability(durability).snapshots(SnapshotPolicy::Manual)
}

fn open(disk: &(impl Disk + Clone), durability: Durability) -> Image<Tally> {
    options(durability).open_with(Arc::new(disk.clone()), "tally").unwrap()
}

/// Blocks writes and syncs of the journal until the gate is opened.
fn stall(disk: &GateDisk) -> Gate {
    let gate = Gate::default();
    let at = gate.clone();
    disk.rule(move |call| {
        if call.is(DiskMethod::Write, ".journal") || call.is(DiskMethod::SyncData, ".journal") {
            at.pass();
        }
        Ok(None)
    });
    gate
}

fn add(image: &Image<Tally>) -> Pending<u64> {
    image.submit(TallyAdd { by: 1 }).unwrap()
}

/// Counts its wake-ups, and unparks a thread.
struct WakeCounter {
    wakes: AtomicUsize,
    thread: Thread,
}

impl WakeCounter {
    fn new() -> Arc<WakeCounter> {
        Arc::new(WakeCounter { wakes: AtomicUsize::new(0), thread: thread::current() })
    }

    fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }
}

impl Wake for WakeCounter {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Arc<WakeCounter>) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(&Waker::from(Arc::clone(waker))))
}

#[test]
fn a_command_whose_answer_is_dropped_is_executed_and_written() {
    for durability in MODES {
        let disk = SimDisk::new();
        let image = open(&disk, durability);
        for round in 1..=20 {
            drop(add(&image));
            assert_eq!(image.journal().seq().get(), round, "executed immediately");
            wait_until("the dropped answer is written", || image.journal().written_seq().get() == round);
            if durability != Durability::Buffered {
                wait_until("the dropped answer is durable", || image.journal().durable_seq().get() == round);
            }
        }
        // the next process recovers the events, although the image was not closed
        assert_eq!(open(&disk.fork(), durability).query(|tally| tally.count).unwrap(), 20);
    }
}

#[test]
fn commands_with_dropped_answers_are_batched() {
    let image = open(&SimDisk::new(), Durability::Synced);
    (0..10_000).for_each(|_| drop(add(&image)));
    wait_until("all events are durable", || image.journal().durable_seq().get() == 10_000);
    assert!(image.admin().stats().batches < 5_000, "{}", image.admin().stats().batches);
}

#[test]
fn any_thread_may_wait_for_an_answer() {
    for durability in MODES {
        with_timeout(move || {
            let image = open(&SimDisk::new(), durability);
            let pendings: Vec<_> = (0..50).map(|_| add(&image)).collect();
            let threads: Vec<_> = pendings.into_iter().map(|pending| thread::spawn(|| pending.wait())).collect();
            for (answer, thread) in (1..).zip(threads) {
                assert_eq!(thread.join().unwrap().unwrap(), answer);
            }
        });
    }
}

#[test]
fn is_ready_reports_whether_waiting_returns_immediately() {
    with_timeout(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = open(&disk, Durability::Synced);
        let refused = image.submit(TallyTake { amount: 5 }).unwrap();
        assert!(refused.is_ready(), "a refusal that depends on no pending command should be ready");
        assert_eq!(refused.wait().unwrap_err().refusal(), Some(&0));
        let gate = stall(&disk);
        let pending = add(&image);
        let refused = image.submit(TallyTake { amount: 5 }).unwrap();
        assert!(!pending.is_ready());
        assert!(!refused.is_ready(), "a refusal should wait for the commands it depends on");
        gate.open();
        assert_eq!(refused.wait().unwrap_err().refusal(), Some(&1));
        assert!(pending.is_ready());
        assert_eq!(pending.wait().unwrap(), 1);
    });
}

#[test]
fn an_answer_outlives_its_image() {
    for durability in MODES {
        for case in 0..4 {
            with_timeout(move || {
                let image = open(&SimDisk::new(), durability);
                let pending = add(&image);
                let mut awaited = add(&image);
                if case == 2 {
                    _ = poll(&mut awaited, &WakeCounter::new());
                }
                match case {
                    0 => drop(image),
                    1 => Image::close(image).unwrap(),
                    2 => Image::close(image.clone()).unwrap(),
                    _ => _ = thread::spawn(|| drop(image)).join(),
                }
                assert!(pending.is_ready(), "closing should resolve all answers");
                assert_eq!(block_on(awaited).unwrap(), 2);
                assert_eq!(pending.wait().unwrap(), 1);
            });
        }
    }
}

#[test]
fn an_answer_arrives_while_the_image_is_being_closed() {
    for durability in MODES {
        with_timeout(move || {
            for _ in 0..20 {
                let image = open(&SimDisk::new(), durability);
                let pendings: Vec<_> = (0..4).map(|_| add(&image)).collect();
                thread::scope(|scope| {
                    scope.spawn(|| Image::close(image).unwrap());
                    for (number, pending) in pendings.into_iter().enumerate() {
                        scope.spawn(move || {
                            let answer = if number % 2 == 0 { pending.wait() } else { block_on(pending) };
                            assert_eq!(answer.unwrap(), number as u64 + 1);
                        });
                    }
                });
            }
        });
    }
}

#[test]
fn no_answer_is_ready_before_an_earlier_one() {
    for durability in MODES {
        with_timeout(move || {
            let image = open(&SimDisk::new(), durability);
            let pendings = Arc::new(Mutex::new(Vec::new()));
            thread::scope(|scope| {
                let submitting: Vec<_> = (0..3)
                    .map(|_| {
                        scope.spawn(|| {
                            for round in 0..300 {
                                let mut pendings = pendings.lock().unwrap();
                                pendings.push(add(&image));
                                drop(pendings);
                                if round % 10 == 0 {
                                    image.add(0).unwrap();
                                }
                            }
                        })
                    })
                    .collect();
                while submitting.iter().any(|thread| !thread.is_finished()) {
                    let pendings = pendings.lock().unwrap();
                    // in reverse order, because a ready answer stays ready
                    let ready: Vec<bool> = pendings.iter().rev().map(Pending::is_ready).collect();
                    assert!(ready.is_sorted(), "a later answer was ready before an earlier one");
                }
            });
        });
    }
}
