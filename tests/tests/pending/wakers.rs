//! Tasks that await answers, and the wakers that must wake them.

use std::task::Poll;
use std::thread;
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, Metadata, Seq};
use memimage_tests::{GateDisk, in_time, until};

use super::{Bell, MODES, TallyAdd, add, block_on, open, poll, stall};

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
