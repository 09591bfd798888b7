//! The syncer comes to rest and ends at any time, and cannot always be started again.

use std::future::poll_fn;

use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::test_journal::{Executed, TestJournal};
use super::{ALL, FAR, NARROW, PAIRS, WIDE, any, explore, join, spawn_each};
use crate::journal::write::durability::Durability;
use crate::sync::refuse_threads;

/// Callers, with and without a thread for the syncer. Between two commands of a caller, the syncer may come to rest and end.
fn call_while_the_syncer_comes_and_goes(journal: &TestJournal) {
    let callers = journal.clone();
    join(spawn_each(3, move |number| {
        for _ in 0..3 {
            callers.commit.wait_for_room().unwrap();
            let executed = callers.execute(number == 1);
            let Executed { seq, ticket } = match executed {
                Ok(executed) => executed,
                // without a thread, a command that does not wait is refused
                Err(error) => {
                    assert!(number == 1 && error.is_io(), "{error}");
                    continue;
                }
            };
            match number {
                0 => ticket.wait().unwrap(),
                1 => ticket.park(),
                _ => block_on(poll_fn(|context| ticket.poll(context.waker()))).unwrap(),
            }
            callers.assert_acknowledged(seq);
            while thread_rng().gen_bool(0.5) {
                thread::yield_now();
            }
        }
        if number != 1 {
            callers.commit.sync().unwrap();
        }
    }));
}

#[test]
fn no_work_is_lost_when_the_syncer_ends() {
    explore(|| {
        let journal = TestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), None);
        call_while_the_syncer_comes_and_goes(&journal);
        if journal.durability != Durability::Interval(FAR) {
            while journal.commit.has_syncer() {
                thread::yield_now();
            }
            assert!(!journal.log.lock().unwrap().is_open, "an idle journal closes the watermark");
        }
        journal.stop();
    });
}

#[test]
fn no_caller_hangs_if_no_thread_can_be_started() {
    explore(|| {
        let journal = TestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), None);
        refuse_threads(true);
        call_while_the_syncer_comes_and_goes(&journal);
        journal.stop();
    });
}
