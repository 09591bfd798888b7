//! Answers that become durable later: dropped, waited for, awaited, outliving their image, and held back.

mod backpressure;
mod wakers;

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Image, Model, Options, Pending, Shape, SnapshotPolicy};
use memimage_tests::{Act, Gate, GateDisk, block_on, in_time, until};
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

/// From now on nothing of the journal reaches this disk until the gate is opened.
fn stall(disk: &GateDisk) -> Gate {
    let gate = Gate::default();
    let at = gate.clone();
    disk.rule(move |call| {
        if call.is(Act::Write, ".journal") || call.is(Act::SyncData, ".journal") {
            at.pass();
        }
        Ok(None)
    });
    gate
}

fn add(image: &Image<Tally>) -> Pending<u64> {
    image.submit(TallyAdd { by: 1 }).unwrap()
}

/// Counts how often it is woken, and unparks a thread.
struct Bell {
    rung: AtomicUsize,
    thread: Thread,
}

impl Bell {
    fn new() -> Arc<Bell> {
        Arc::new(Bell { rung: AtomicUsize::new(0), thread: thread::current() })
    }

    fn rung(&self) -> usize {
        self.rung.load(Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.fetch_add(1, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn poll<F: Future + Unpin>(future: &mut F, bell: &Arc<Bell>) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(&Waker::from(Arc::clone(bell))))
}

#[test]
fn a_dropped_answer_is_executed_and_written_all_the_same() {
    for durability in MODES {
        let disk = SimDisk::new();
        let image = open(&disk, durability);
        for round in 1..=20 {
            drop(add(&image));
            assert_eq!(image.journal().seq().get(), round, "it is executed at once");
            until("the dropped answer is written", || image.journal().written_seq().get() == round);
            if durability != Durability::Buffered {
                until("the dropped answer is durable", || image.journal().durable_seq().get() == round);
            }
        }
        // the next process finds it, though nobody waited and nothing was closed
        assert_eq!(open(&disk.fork(), durability).query(|tally| tally.count).unwrap(), 20);
    }
}

#[test]
fn many_dropped_answers_are_written_together() {
    let image = open(&SimDisk::new(), Durability::Synced);
    (0..10_000).for_each(|_| drop(add(&image)));
    until("all is durable", || image.journal().durable_seq().get() == 10_000);
    assert!(image.admin().stats().batches < 5_000, "{}", image.admin().stats().batches);
}

#[test]
fn any_thread_may_wait() {
    for durability in MODES {
        in_time(move || {
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
fn is_ready_says_whether_waiting_returns_at_once() {
    in_time(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = open(&disk, Durability::Synced);
        let refused = image.submit(TallyTake { amount: 5 }).unwrap();
        assert!(refused.is_ready(), "a refusal that rests on nothing pending is there at once");
        assert_eq!(refused.wait().unwrap_err().refusal(), Some(&0));
        let gate = stall(&disk);
        let pending = add(&image);
        let refused = image.submit(TallyTake { amount: 5 }).unwrap();
        assert!(!pending.is_ready());
        assert!(!refused.is_ready(), "a refusal waits for what it rests on");
        gate.open();
        assert_eq!(refused.wait().unwrap_err().refusal(), Some(&1));
        assert!(pending.is_ready());
        assert_eq!(pending.wait().unwrap(), 1);
    });
}

#[test]
fn an_answer_outlives_its_image() {
    for durability in MODES {
        for ending in 0..4 {
            in_time(move || {
                let image = open(&SimDisk::new(), durability);
                let pending = add(&image);
                let mut awaited = add(&image);
                if ending == 2 {
                    _ = poll(&mut awaited, &Bell::new());
                }
                match ending {
                    0 => drop(image),
                    1 => Image::close(image).unwrap(),
                    2 => Image::close(image.clone()).unwrap(),
                    _ => _ = thread::spawn(|| drop(image)).join(),
                }
                assert!(pending.is_ready(), "closing settles everything");
                assert_eq!(block_on(awaited).unwrap(), 2);
                assert_eq!(pending.wait().unwrap(), 1);
            });
        }
    }
}

#[test]
fn an_answer_is_waited_for_while_the_image_is_closed() {
    for durability in MODES {
        in_time(move || {
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
        in_time(move || {
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
                    // looked at from the last to the first, since what is ready stays so
                    let ready: Vec<bool> = pendings.iter().rev().map(Pending::is_ready).collect();
                    assert!(ready.is_sorted(), "a later answer was ready before an earlier one");
                }
            });
        });
    }
}
