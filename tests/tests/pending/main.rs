//! Answers that are there and become durable: dropped, waited for, awaited, outliving their image, and held back.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use memimage::disk::{Disk, SimDisk};
use memimage::{Durability, Error, ErrorKind, Image, Metadata, Model, Options, Pending, Seq, Shape, SnapshotPolicy};
use memimage_tests::{Act, Gate, GateDisk, in_time, until};
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

/// The smallest executor: it sleeps until it is woken, and polls only then.
fn block_on<F: Future>(future: F) -> F::Output {
    let bell = Bell::new();
    let waker = Waker::from(Arc::clone(&bell));
    let mut future = pin!(future);
    let mut answered = 0;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        while bell.rung() == answered {
            thread::park();
        }
        answered = bell.rung();
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
fn tasks_may_await() {
    for durability in MODES {
        in_time(move || {
            let image = open(&SimDisk::new(), durability);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for round in 0..25 {
                            let answer = match round % 3 {
                                0 => block_on(add(&image)),
                                1 => block_on(async { image.submit_async(TallyAdd { by: 1 }).await?.await }),
                                _ => block_on(async {
                                    let with = image.with(Metadata::actor("task"));
                                    with.submit_async(TallyAdd { by: 1 }).await?.await
                                }),
                            };
                            assert!(answer.unwrap() > round);
                        }
                    });
                }
            });
            assert_eq!(image.query(|tally| tally.count).unwrap(), 100);
        });
    }
}

/// Two tasks on one executor thread, each with a waker of its own, on answers of one batch.
#[test]
fn each_task_of_one_batch_is_woken() {
    in_time(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = open(&disk, Durability::Synced);
        let gate = stall(&disk);
        let mut pendings: Vec<_> = (0..5).map(|_| add(&image)).collect();
        let bells: Vec<_> = (0..5).map(|_| Bell::new()).collect();
        for (pending, bell) in pendings.iter_mut().zip(&bells) {
            assert!(poll(pending, bell).is_pending());
        }
        gate.open();
        for (answer, (pending, bell)) in (1..).zip(pendings.iter_mut().zip(&bells)) {
            until("the task is woken", || bell.rung() > 0);
            assert!(matches!(poll(pending, bell), Poll::Ready(Ok(got)) if got == answer));
            assert_eq!(bell.rung(), 1, "a task is woken once");
        }
    });
}

#[test]
fn a_waker_is_woken_when_the_answer_is_durable_and_not_before() {
    in_time(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = open(&disk, Durability::Synced);
        let gate = stall(&disk);
        let mut pending = add(&image);
        let bell = Bell::new();
        for _ in 0..3 {
            assert!(poll(&mut pending, &bell).is_pending());
        }
        gate.until_somebody_waits();
        thread::sleep(Duration::from_millis(20));
        assert!(!pending.is_ready() && bell.rung() == 0 && image.journal().durable_seq() == Seq::ZERO);
        gate.open();
        until("the task is woken", || bell.rung() > 0);
        assert!(
            pending.is_ready() && image.journal().durable_seq().get() == 1,
            "woken at the earliest when it is durable"
        );
        assert!(matches!(poll(&mut pending, &bell), Poll::Ready(Ok(1))));
        assert_eq!(bell.rung(), 1);
    });
}

/// A future that moves to another task is to wake that one.
#[test]
fn the_last_waker_is_woken() {
    in_time(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = open(&disk, Durability::Synced);
        let gate = stall(&disk);
        let mut pending = add(&image);
        let bells: Vec<_> = (0..10).map(|_| Bell::new()).collect();
        for bell in &bells {
            assert!(poll(&mut pending, bell).is_pending());
        }
        gate.open();
        until("the last task is woken", || bells[9].rung() == 1);
        assert!(matches!(poll(&mut pending, &bells[9]), Poll::Ready(Ok(1))));
    });
}

#[test]
fn is_ready_tells_whether_waiting_returns_at_once() {
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

/// An image of which each command is a batch, and two may wait for the disk.
fn narrow(durability: Durability) -> (Image<Tally>, GateDisk) {
    let disk = GateDisk::new(SimDisk::new());
    let image =
        options(durability).batch_bytes(1).pending_batches_max(2).open_with(Arc::new(disk.clone()), "tally").unwrap();
    // its shape is in the journal from here on, and needs no batch of its own
    image.add(0).unwrap();
    (image, disk)
}

/// Submits until the image says that it is busy.
fn stuff(image: &Image<Tally>) -> Vec<Pending<u64>> {
    let mut pendings = Vec::new();
    loop {
        match image.try_submit(TallyAdd { by: 1 }) {
            Ok(pending) => pendings.push(pending),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
                return pendings;
            }
        }
    }
}

#[test]
fn submitting_waits_while_the_disk_is_behind() {
    for durability in MODES {
        in_time(move || {
            let (image, disk) = narrow(durability);
            let gate = stall(&disk);
            drop(add(&image));
            gate.until_somebody_waits();
            let pendings = stuff(&image);
            assert_eq!(pendings.len(), 2, "as many batches wait as may");
            assert_eq!(image.with(Metadata::new()).try_submit(TallyAdd { by: 1 }).unwrap_err().kind(), ErrorKind::Busy);
            assert_eq!(image.journal().seq().get(), 4, "what was told to be busy was not executed");
            thread::scope(|scope| {
                let submitting = scope.spawn(|| image.submit(TallyAdd { by: 1 }).unwrap().wait());
                let calling = scope.spawn(|| image.add(1));
                let awaiting = scope.spawn(|| block_on(async { image.submit_async(TallyAdd { by: 1 }).await?.await }));
                thread::sleep(Duration::from_millis(20));
                let waiting = [&submitting, &calling, &awaiting].iter().all(|thread| !thread.is_finished());
                assert!(waiting && image.journal().seq().get() == 4, "whoever waits for room executes nothing");
                // and readers are not held up by those who wait
                assert_eq!(image.read_uncommitted().unwrap().count, 3);
                gate.open();
                let mut answers: Vec<_> =
                    [submitting, calling, awaiting].map(|thread| thread.join().unwrap().unwrap()).into();
                answers.sort_unstable();
                assert_eq!(answers, [4, 5, 6]);
            });
            for (answer, pending) in (2..).zip(pendings) {
                assert_eq!(pending.wait().unwrap(), answer);
            }
        });
    }
}

#[test]
fn a_task_that_awaits_room_is_woken_once_there_is_some() {
    in_time(|| {
        let (image, disk) = narrow(Durability::Synced);
        let gate = stall(&disk);
        drop(add(&image));
        gate.until_somebody_waits();
        let _pendings = stuff(&image);
        let bell = Bell::new();
        let mut submitting = Box::pin(image.submit_async(TallyAdd { by: 1 }));
        for _ in 0..3 {
            assert!(poll(&mut submitting, &bell).is_pending());
        }
        // a task that gives up leaves no trace
        let mut given_up = Box::pin(image.submit_async(TallyAdd { by: 100 }));
        assert!(poll(&mut given_up, &bell).is_pending());
        drop(given_up);
        assert_eq!(bell.rung(), 0);
        gate.open();
        until("the task is woken", || bell.rung() > 0);
        until("there is room", || matches!(poll(&mut submitting, &bell), Poll::Ready(Ok(_))));
        drop(submitting);
        until("all is durable", || image.journal().durable_seq() == image.journal().seq());
        assert_eq!(image.query(|tally| tally.count).unwrap(), 4);
    });
}

#[test]
fn a_disk_that_fails_wakes_all_who_wait() {
    for durability in MODES {
        in_time(move || {
            let (image, disk) = narrow(durability);
            let gate = Gate::default();
            let at = gate.clone();
            disk.rule(move |call| {
                if call.is(Act::Write, ".journal") {
                    at.pass();
                    return Err(std::io::Error::other("broken"));
                }
                Ok(None)
            });
            let first = add(&image);
            gate.until_somebody_waits();
            let mut pendings = stuff(&image);
            let bell = Bell::new();
            assert!(poll(&mut pendings[1], &bell).is_pending());
            thread::scope(|scope| {
                let waiting = scope.spawn(|| first.wait());
                let submitting = scope.spawn(|| image.submit(TallyAdd { by: 1 }).and_then(Pending::wait));
                let awaiting = scope.spawn(|| block_on(async { image.submit_async(TallyAdd { by: 1 }).await?.await }));
                let syncing = scope.spawn(|| image.journal().sync());
                let asking = scope.spawn(|| image.query(|tally| tally.count));
                thread::sleep(Duration::from_millis(10));
                gate.open();
                let unknown = |error: Error| error.is_poisoned() && error.is_outcome_unknown();
                let lost = |error: Error| error.is_poisoned() && !error.is_outcome_unknown();
                assert!(unknown(waiting.join().unwrap().unwrap_err()));
                assert!(lost(submitting.join().unwrap().unwrap_err()));
                assert!(lost(awaiting.join().unwrap().unwrap_err()));
                assert!(syncing.join().unwrap().unwrap_err().is_poisoned());
                assert!(asking.join().unwrap().unwrap_err().is_poisoned(), "a query shows what is durable only");
                until("the task is woken", || bell.rung() > 0);
                for pending in pendings.drain(..) {
                    assert!(lost(pending.wait().unwrap_err()));
                }
            });
            assert!(Image::close(image).unwrap_err().is_poisoned());
        });
    }
}

/// An executor that runs a task on whatever thread wakes it, inside `wake`.
struct InPlace {
    task: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    woken: AtomicBool,
    done: AtomicBool,
}

impl Wake for InPlace {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        while self.woken.load(Ordering::SeqCst) {
            // whoever polls looks again afterwards
            let Ok(mut task) = self.task.try_lock() else { return };
            self.woken.store(false, Ordering::SeqCst);
            let Some(polled) = task.as_mut() else { return };
            if polled.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self)))).is_ready() {
                *task = None;
                self.done.store(true, Ordering::SeqCst);
            }
        }
    }
}

#[test]
fn a_task_may_run_on_the_thread_that_wakes_it() {
    in_time(|| {
        let (image, disk) = narrow(Durability::Synced);
        let gate = stall(&disk);
        drop(add(&image));
        gate.until_somebody_waits();
        drop(stuff(&image));
        let held = image.clone();
        let task = async move {
            // woken for want of room, it submits, and looks at the model, on the thread that makes room
            drop(held.submit_async(TallyAdd { by: 1 }).await.unwrap());
            assert_eq!(held.read_uncommitted().unwrap().count, 4);
        };
        let in_place = Arc::new(InPlace {
            task: Mutex::new(Some(Box::pin(task))),
            woken: AtomicBool::new(false),
            done: AtomicBool::new(false),
        });
        Arc::clone(&in_place).wake();
        assert!(!in_place.done.load(Ordering::SeqCst));
        gate.open();
        until("the task is done", || in_place.done.load(Ordering::SeqCst));
        Image::close(image).unwrap();
    });
}
