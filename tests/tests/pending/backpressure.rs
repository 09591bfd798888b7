//! A disk that is slower than the commands, or fails.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, Error, ErrorKind, Image, Metadata, Pending};
use memimage_tests::{DiskMethod, Gate, GateDisk, wait_until, with_timeout};

use super::{MODES, Tally, TallyAdd, TallyCommands as _, WakeCounter, add, block_on, options, poll, stall};

/// An image whose batches have one command each, and whose queue has space for two batches.
fn with_small_queue(durability: Durability) -> (Image<Tally>, GateDisk) {
    let disk = GateDisk::new(SimDisk::new());
    let image =
        options(durability).batch_bytes(1).pending_batches_max(2).open_with(Arc::new(disk.clone()), "tally").unwrap();
    // records the shape, so that later commands need no batch for it
    image.add(0).unwrap();
    (image, disk)
}

/// Submits commands until the image is busy.
fn fill_queue(image: &Image<Tally>) -> Vec<Pending<u64>> {
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
        with_timeout(move || {
            let (image, disk) = with_small_queue(durability);
            let gate = stall(&disk);
            drop(add(&image));
            gate.wait_until_blocked();
            let pendings = fill_queue(&image);
            assert_eq!(pendings.len(), 2, "the queue should be full");
            assert_eq!(image.with(Metadata::new()).try_submit(TallyAdd { by: 1 }).unwrap_err().kind(), ErrorKind::Busy);
            assert_eq!(image.journal().seq().get(), 4, "a refused command should not be executed");
            thread::scope(|scope| {
                let submitting = scope.spawn(|| image.submit(TallyAdd { by: 1 }).unwrap().wait());
                let calling = scope.spawn(|| image.add(1));
                let awaiting = scope.spawn(|| block_on(async { image.submit_async(TallyAdd { by: 1 }).await?.await }));
                thread::sleep(Duration::from_millis(20));
                let waiting = [&submitting, &calling, &awaiting].iter().all(|thread| !thread.is_finished());
                assert!(
                    waiting && image.journal().seq().get() == 4,
                    "a command that waits for space should not be executed"
                );
                // waiting commands do not block readers
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
fn a_task_that_waits_for_space_is_woken_when_there_is_some() {
    with_timeout(|| {
        let (image, disk) = with_small_queue(Durability::Synced);
        let gate = stall(&disk);
        drop(add(&image));
        gate.wait_until_blocked();
        let _pendings = fill_queue(&image);
        let waker = WakeCounter::new();
        let mut submitting = Box::pin(image.submit_async(TallyAdd { by: 1 }));
        for _ in 0..3 {
            assert!(poll(&mut submitting, &waker).is_pending());
        }
        // a dropped future has no effect
        let mut given_up = Box::pin(image.submit_async(TallyAdd { by: 100 }));
        assert!(poll(&mut given_up, &waker).is_pending());
        drop(given_up);
        assert_eq!(waker.wakes(), 0);
        gate.open();
        wait_until("the task is woken", || waker.wakes() > 0);
        wait_until("there is space", || matches!(poll(&mut submitting, &waker), Poll::Ready(Ok(_))));
        drop(submitting);
        wait_until("all is durable", || image.journal().durable_seq() == image.journal().seq());
        assert_eq!(image.query(|tally| tally.count).unwrap(), 4);
    });
}

#[test]
fn a_failing_disk_wakes_all_waiters() {
    for durability in MODES {
        with_timeout(move || {
            let (image, disk) = with_small_queue(durability);
            let gate = Gate::default();
            let at = gate.clone();
            disk.rule(move |call| {
                if call.is(DiskMethod::Write, ".journal") {
                    at.pass();
                    return Err(std::io::Error::other("broken"));
                }
                Ok(None)
            });
            let first = add(&image);
            gate.wait_until_blocked();
            let mut pendings = fill_queue(&image);
            let waker = WakeCounter::new();
            assert!(poll(&mut pendings[1], &waker).is_pending());
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
                assert!(asking.join().unwrap().unwrap_err().is_poisoned(), "a query should show only durable state");
                wait_until("the task is woken", || waker.wakes() > 0);
                for pending in pendings.drain(..) {
                    assert!(lost(pending.wait().unwrap_err()));
                }
            });
            assert!(Image::close(image).unwrap_err().is_poisoned());
        });
    }
}

/// An executor that polls a task inside `wake`, on the thread that calls it.
struct InPlace {
    task: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    woken: AtomicBool,
    done: AtomicBool,
}

impl Wake for InPlace {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        while self.woken.load(Ordering::SeqCst) {
            // the polling thread checks `woken` again afterwards
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
    with_timeout(|| {
        let (image, disk) = with_small_queue(Durability::Synced);
        let gate = stall(&disk);
        drop(add(&image));
        gate.wait_until_blocked();
        drop(fill_queue(&image));
        let held = image.clone();
        let task = async move {
            // the thread that makes space wakes the task, which submits and reads the model
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
        wait_until("the task is done", || in_place.done.load(Ordering::SeqCst));
        Image::close(image).unwrap();
    });
}
