//! Threads and tasks that follow the journal: no wake-up is lost, neither for more durable events nor for the end.

use std::future::poll_fn;
use std::task::Poll;

use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use super::test_journal::TestJournal;
use super::{ALL, NARROW, PAIRS, WIDE, any, explore, join, spawn_each};

/// Follows the journal on a thread until it ends, and returns the last durable event.
fn thread_that_follows(journal: &TestJournal) -> JoinHandle<u64> {
    let journal = journal.clone();
    thread::spawn(move || {
        let watch = journal.commit.watch();
        let mut seen = watch.durable();
        loop {
            watch.wait(|| watch.durable() > seen || watch.is_ended(), None);
            let is_ended = watch.is_ended();
            let durable = watch.durable();
            assert!(durable.get() <= journal.log.lock().unwrap().synced, "a follower sees synced events only");
            if is_ended {
                return durable.get();
            }
            assert!(durable > seen);
            seen = durable;
        }
    })
}

/// Follows the journal as a task until it ends, and returns the last durable event.
fn task_that_follows(journal: &TestJournal) -> JoinHandle<u64> {
    let journal = journal.clone();
    thread::spawn(move || {
        let watch = journal.commit.watch();
        let number = watch.next_number();
        let mut seen = watch.durable();
        loop {
            block_on(poll_fn(|context| {
                watch.add_task(number, context.waker());
                if watch.durable() > seen || watch.is_ended() { Poll::Ready(()) } else { Poll::Pending }
            }));
            let is_ended = watch.is_ended();
            seen = watch.durable();
            if is_ended {
                watch.remove_task(number);
                return seen.get();
            }
        }
    })
}

#[test]
fn followers_see_every_event_and_the_end() {
    explore(|| {
        let journal = TestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), None);
        let following = [thread_that_follows(&journal), task_that_follows(&journal), task_that_follows(&journal)];
        let callers = journal.clone();
        join(spawn_each(2, move |_| {
            for _ in 0..2 {
                callers.call().unwrap();
            }
        }));
        journal.stop();
        journal.commit.end_watch();
        for follower in following {
            assert_eq!(follower.join().unwrap(), 4);
        }
        assert!(journal.commit.watch().ended().unwrap().is_ok());
    });
}

#[test]
fn followers_see_the_end_of_a_journal_that_fails() {
    explore(|| {
        let fails_at = thread_rng().gen_range(1..6);
        let journal = TestJournal::start(any(&ALL), any(&[WIDE, NARROW]), Some(fails_at));
        let following = [thread_that_follows(&journal), task_that_follows(&journal)];
        let callers = journal.clone();
        join(spawn_each(2, move |_| {
            for _ in 0..3 {
                // fails once the disk has failed
                _ = callers.call();
            }
            _ = callers.commit.sync();
        }));
        let stopped = journal.commit.stop();
        journal.commit.join();
        if stopped.is_ok() && journal.commit.failure().is_none() {
            journal.commit.end_watch();
        }
        for follower in following {
            assert!(follower.join().unwrap() <= journal.log.lock().unwrap().synced);
        }
    });
}

#[test]
fn a_follower_that_waits_for_something_else_is_woken_too() {
    explore(|| {
        let journal = TestJournal::healthy(any(&ALL));
        let is_stopped = std::sync::Arc::new(crate::sync::AtomicBool::new(false));
        let (waiting, stopping) = (journal.clone(), std::sync::Arc::clone(&is_stopped));
        let follower = thread::spawn(move || {
            waiting.commit.follow(|| is_stopped.load(std::sync::atomic::Ordering::SeqCst));
        });
        stopping.store(true, std::sync::atomic::Ordering::SeqCst);
        journal.commit.wake_watchers();
        follower.join().unwrap();
        journal.stop();
    });
}
