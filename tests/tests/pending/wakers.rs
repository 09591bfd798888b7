//! Tasks that await answers, and their wakers.

use std::task::Poll;
use std::thread;
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, Metadata, Seq};
use memimage_tests::{GateDisk, wait_until, with_timeout};

use super::{MODES, TallyAdd, WakeCounter, add, block_on, open, poll, stall};

#[test]
fn tasks_may_await_answers() {
    for durability in MODES {
        with_timeout(move || {
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

/// Each task has its own waker and waits for an answer of the same batch.
#[test]
fn each_task_of_one_batch_is_woken() {
    with_timeout(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = open(&disk, Durability::Synced);
        let gate = stall(&disk);
        let mut pendings: Vec<_> = (0..5).map(|_| add(&image)).collect();
        let wakers: Vec<_> = (0..5).map(|_| WakeCounter::new()).collect();
        for (pending, waker) in pendings.iter_mut().zip(&wakers) {
            assert!(poll(pending, waker).is_pending());
        }
        gate.open();
        for (answer, (pending, waker)) in (1..).zip(pendings.iter_mut().zip(&wakers)) {
            wait_until("the task is woken", || waker.wakes() > 0);
            assert!(matches!(poll(pending, waker), Poll::Ready(Ok(got)) if got == answer));
            assert_eq!(waker.wakes(), 1, "a task is woken once");
        }
    });
}

#[test]
fn a_task_is_woken_only_after_its_event_is_durable() {
    with_timeout(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = open(&disk, Durability::Synced);
        let gate = stall(&disk);
        let mut pending = add(&image);
        let waker = WakeCounter::new();
        for _ in 0..3 {
            assert!(poll(&mut pending, &waker).is_pending());
        }
        gate.wait_until_blocked();
        thread::sleep(Duration::from_millis(20));
        assert!(!pending.is_ready() && waker.wakes() == 0 && image.journal().durable_seq() == Seq::ZERO);
        gate.open();
        wait_until("the task is woken", || waker.wakes() > 0);
        assert!(
            pending.is_ready() && image.journal().durable_seq().get() == 1,
            "the task should be woken only after the event is durable"
        );
        assert!(matches!(poll(&mut pending, &waker), Poll::Ready(Ok(1))));
        assert_eq!(waker.wakes(), 1);
    });
}

/// A future that moved to another task wakes that task.
#[test]
fn the_last_waker_is_woken() {
    with_timeout(|| {
        let disk = GateDisk::new(SimDisk::new());
        let image = open(&disk, Durability::Synced);
        let gate = stall(&disk);
        let mut pending = add(&image);
        let wakers: Vec<_> = (0..10).map(|_| WakeCounter::new()).collect();
        for waker in &wakers {
            assert!(poll(&mut pending, waker).is_pending());
        }
        gate.open();
        wait_until("the last task is woken", || wakers[9].wakes() == 1);
        assert!(matches!(poll(&mut pending, &wakers[9]), Poll::Ready(Ok(1))));
    });
}
