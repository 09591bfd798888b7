//! Explores the thread schedules of the group commit with shuttle.
//!
//! ```text
//! RUSTFLAGS="--cfg shuttle" CARGO_TARGET_DIR=target/shuttle cargo test -p memimage --lib shuttle_tests
//! ```
//!
//! By default, each scenario runs two thousand times: half of the runs use a random scheduler, and the other half use a
//! scheduler that makes few thread switches, at random points (PCT). A lost wake-up causes a deadlock, which shuttle reports
//! together with the schedule that led to it. The in-memory batch writer replaces the disk: the writer asserts that batches
//! arrive in order, and that it receives no operation after one has failed.

mod durability_watch;
mod gate;
mod rest;
mod test_journal;

use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as Plain};
use std::task::{Wake, Waker};
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use super::commit::BatchLimits;
use super::durability::Durability;
use super::ticket::BatchStage;
use crate::error::{Error, ErrorKind};
use crate::sync::refuse_threads;
use test_journal::{Executed, TestJournal};

/// Runs a scenario under `MEMIMAGE_CASES` schedules of each of the two schedulers; the default is a thousand.
fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let runs = std::env::var("MEMIMAGE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000);
    let scenario = Arc::new(scenario);
    let again = Arc::clone(&scenario);
    shuttle::check_random(move || again(), runs);
    shuttle::check_pct(move || scenario(), runs, 4);
}

const FAR: Duration = Duration::from_secs(24 * 3600);
const NEAR: Duration = Duration::from_millis(5);
const ALL: [Durability; 4] =
    [Durability::Synced, Durability::Buffered, Durability::Interval(NEAR), Durability::Interval(FAR)];

const WIDE: BatchLimits = BatchLimits { batch_bytes: 1 << 20, pending_batches: 8 };
/// Each command is a batch of its own, and the queue has room for one batch.
const NARROW: BatchLimits = BatchLimits { batch_bytes: 1, pending_batches: 1 };
/// Two commands fill a batch.
const PAIRS: BatchLimits = BatchLimits { batch_bytes: 17, pending_batches: 2 };

fn any<T: Copy>(of: &[T]) -> T {
    of[thread_rng().gen_range(0..of.len())]
}

fn spawn_each(count: usize, body: impl Fn(usize) + Send + Sync + 'static) -> Vec<JoinHandle<()>> {
    let body = Arc::new(body);
    let spawn = |number| {
        let body = Arc::clone(&body);
        thread::spawn(move || body(number))
    };
    (0..count).map(spawn).collect()
}

fn join(threads: Vec<JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn waiting_callers_receive_their_answers() {
    explore(|| {
        let journal = TestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), None);
        let callers = journal.clone();
        join(spawn_each(3, move |_| {
            for _ in 0..2 {
                callers.call().unwrap();
                callers.assert_counts();
            }
        }));
        journal.stop();
    });
}

#[test]
fn awaiting_tasks_are_woken() {
    explore(|| {
        let journal = TestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), None);
        let callers = journal.clone();
        join(spawn_each(3, move |number| {
            for _ in 0..2 {
                let Executed { seq, ticket } = callers.execute(number == 1).unwrap();
                match number {
                    0 => ticket.wait().unwrap(),
                    _ => block_on(poll_fn(|context| ticket.poll(context.waker()))).unwrap(),
                }
                callers.assert_acknowledged(seq);
            }
        }));
        journal.stop();
    });
}

/// A waker that counts how often it is woken.
struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_waker_is_woken_once_after_its_ticket_is_settled() {
    explore(|| {
        let journal = TestJournal::healthy(any(&ALL));
        let Executed { ticket, .. } = journal.execute(true).unwrap();
        let counting = Arc::new(Counting(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&counting));
        // a ticket that is settled during a poll may still wake the task
        let pending = (0..3).filter(|_| ticket.poll(&waker).is_pending()).count();
        let woken = counting.0.load(Ordering::SeqCst);
        assert!(woken == 0 || ticket.is_settled(), "no task is woken before the ticket is settled");
        journal.stop();
        let woken = counting.0.load(Ordering::SeqCst);
        assert!((pending.min(1)..=1).contains(&woken), "a pending task is woken exactly once: {pending} {woken}");
    });
}

/// A waker that runs a command on the thread that wakes it, like an executor that polls the woken task at once.
struct InPlace(Plain<Option<TestJournal>>);

impl Wake for InPlace {
    fn wake(self: Arc<Self>) {
        let journal = self.0.lock().unwrap().take();
        if let Some(journal) = journal {
            // a poisoned or stopped journal refuses the command
            _ = journal.execute(true);
        }
    }
}

#[test]
fn a_waker_may_run_a_command() {
    explore(|| {
        let journal = TestJournal::start(any(&ALL), NARROW, None);
        let submitting = journal.clone();
        join(spawn_each(2, move |_| {
            for _ in 0..3 {
                let waker = Waker::from(Arc::new(InPlace(Plain::new(Some(submitting.clone())))));
                _ = submitting.commit.poll_room(&mut std::task::Context::from_waker(&waker));
                let Executed { ticket, .. } = submitting.execute(true).unwrap();
                _ = ticket.poll(&waker);
            }
        }));
        if thread_rng().gen_bool(0.5) {
            journal.commit.poison(&Error::io("creating", Path::new("a segment"), io::Error::other("planned")));
            _ = journal.commit.stop();
            journal.commit.join();
        } else {
            journal.commit.sync().unwrap();
            while !journal.commit.open().is_empty() || journal.commit.latest().is_some() {
                thread::yield_now();
            }
            journal.stop();
        }
    });
}

#[test]
fn a_batch_without_waiting_callers_is_written() {
    explore(|| {
        let journal = TestJournal::healthy(any(&ALL));
        let submitting = journal.clone();
        let busy = thread_rng().gen_bool(0.5);
        join(spawn_each(2, move |number| {
            if busy && number == 0 {
                submitting.call().unwrap();
            }
            // `park` requests no write: another thread must settle the ticket, at the latest the syncer at the linger deadline
            submitting.execute(true).unwrap().ticket.park();
        }));
        journal.stop();
    });
}

#[test]
fn sync_makes_all_executed_events_durable() {
    explore(|| {
        let journal = TestJournal::healthy(any(&ALL));
        let callers = journal.clone();
        join(spawn_each(3, move |number| {
            if number < 2 {
                let linger = number == 0;
                let Executed { seq, ticket } = callers.execute(linger).unwrap();
                if !linger {
                    ticket.wait().unwrap();
                }
                callers.commit.sync().unwrap();
                assert!(callers.log.lock().unwrap().synced >= seq);
                assert!(callers.commit.durable().get() >= seq);
            } else {
                callers.call().unwrap();
            }
        }));
        journal.stop();
    });
}

#[test]
fn an_interval_ends_with_a_sync() {
    explore(|| {
        let journal = TestJournal::healthy(Durability::Interval(NEAR));
        let callers = journal.clone();
        join(spawn_each(2, move |number| {
            let Executed { seq, ticket } = callers.execute(number == 0).unwrap();
            if number == 1 {
                ticket.wait().unwrap();
            }
            while callers.commit.durable().get() < seq {
                thread::yield_now();
            }
        }));
        journal.stop();
    });
}

#[test]
fn nothing_is_synced_before_an_interval_ends() {
    explore(|| {
        let journal = TestJournal::healthy(Durability::Interval(FAR));
        let callers = journal.clone();
        join(spawn_each(2, move |_| _ = callers.call().unwrap()));
        assert_eq!(journal.log.lock().unwrap().synced, 0);
        journal.stop();
    });
}

#[test]
fn tickets_are_settled_in_journal_order() {
    explore(|| {
        let journal = TestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), None);
        let tickets = Arc::new(Plain::new(Vec::new()));
        let (submitting, seen) = (journal.clone(), Arc::clone(&tickets));
        let threads = spawn_each(2, move |number| {
            for _ in 0..3 {
                let executed = submitting.execute(true).unwrap();
                let ticket = Arc::clone(&executed.ticket);
                seen.lock().unwrap().push(executed);
                if number == 0 {
                    ticket.wait().unwrap();
                }
                // check the newest ticket first, so that tickets settled during the check cannot break the order
                let mut all: Vec<_> = seen.lock().unwrap().iter().map(|e| (e.seq, Arc::clone(&e.ticket))).collect();
                all.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
                let settled: Vec<bool> = all.iter().map(|(_, ticket)| ticket.is_settled()).collect();
                assert!(settled.is_sorted(), "{settled:?}");
            }
        });
        join(threads);
        journal.stop();
    });
}

#[test]
fn the_queue_never_exceeds_its_limit() {
    explore(|| {
        let journal = TestJournal::start(any(&ALL), NARROW, None);
        let submitting = journal.clone();
        join(spawn_each(3, move |number| {
            for _ in 0..3 {
                match number {
                    0 => block_on(poll_fn(|context| submitting.commit.poll_room(context))).unwrap(),
                    _ => submitting.commit.wait_for_room().unwrap(),
                }
                drop(submitting.execute(true).unwrap());
            }
        }));
        journal.stop();
    });
}

/// Runs commands until one fails, and checks each outcome against the in-memory disk.
fn run_until_failure(journal: &TestJournal, number: usize) {
    for round in 0..4 {
        let outcome: Result<Option<u64>, (Option<u64>, Error)> = match (number + round) % 4 {
            0 => journal.execute(false).map_err(|error| (None, error)).and_then(|Executed { seq, ticket }| {
                ticket.wait().map(|()| Some(seq)).map_err(|error| (Some(seq), error))
            }),
            1 => journal.execute(true).map_err(|error| (None, error)).and_then(|Executed { seq, ticket }| {
                let outcome = block_on(poll_fn(|context| ticket.poll(context.waker())));
                outcome.map(|()| Some(seq)).map_err(|error| (Some(seq), error))
            }),
            2 => {
                journal.commit.wait_for_room().unwrap();
                block_on(poll_fn(|context| journal.commit.poll_room(context))).unwrap();
                journal.execute(true).map_err(|error| (None, error)).and_then(|Executed { seq, ticket }| {
                    ticket.park();
                    ticket.result().unwrap().map(|()| Some(seq)).map_err(|error| (Some(seq), error))
                })
            }
            _ => journal.commit.sync().map(|()| None).map_err(|error| (None, error)),
        };
        match outcome {
            Ok(Some(seq)) => journal.assert_acknowledged(seq),
            Ok(None) => {}
            // no thread could be started
            Err((None, error)) if !error.is_poisoned() => assert!(error.is_io(), "{error}"),
            Err((executed, error)) => {
                assert!(error.is_poisoned(), "{error}");
                if let Some(seq) = executed.filter(|_| !error.is_outcome_unknown()) {
                    let log = journal.log.lock().unwrap();
                    assert!(
                        log.written < seq,
                        "{seq} was reported as not recorded, and events up to {} are written",
                        log.written
                    );
                    assert!(
                        !log.unknown.contains(&seq),
                        "{seq} was reported as not recorded, and its write may have succeeded"
                    );
                }
                return;
            }
        }
    }
}

#[test]
fn a_disk_failure_wakes_all_callers() {
    explore(|| {
        let fails_at = thread_rng().gen_range(1..10);
        let journal = TestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), Some(fails_at));
        refuse_threads(thread_rng().gen_bool(0.5));
        let callers = journal.clone();
        join(spawn_each(3, move |number| run_until_failure(&callers, number)));
        let failed = journal.log.lock().unwrap().failed;
        let stopped = journal.commit.stop();
        journal.commit.join();
        assert!(
            stopped.is_err() || journal.commit.failure().is_some() || !failed,
            "the failure is reported when the journal stops"
        );
        let log = journal.log.lock().unwrap();
        assert!(journal.commit.durable().get() <= log.synced && journal.commit.written().get() <= log.written);
    });
}

#[test]
fn a_journal_poisoned_from_outside_writes_no_batch_it_reported_as_lost() {
    explore(|| {
        let journal = TestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), None);
        refuse_threads(thread_rng().gen_bool(0.5));
        let callers = journal.clone();
        let threads = spawn_each(3, move |number| run_until_failure(&callers, number));
        let cause = Error::io("creating", Path::new("a segment"), io::Error::other("planned"));
        journal.commit.poison(&cause);
        assert!(journal.execute(true).is_err_and(|error| error.is_poisoned()));
        join(threads);
        assert!(journal.commit.stop().is_err());
        journal.commit.join();
    });
}

#[test]
fn a_failed_ticket_stays_failed() {
    explore(|| {
        let journal = TestJournal::healthy(any(&ALL));
        let tickets: Vec<_> = (0..2).map(|_| journal.execute(true).unwrap().ticket).collect();
        let poisoning = journal.clone();
        let poison = thread::spawn(move || {
            poisoning.commit.poison(&Error::io("creating", Path::new("a segment"), io::Error::other("planned")));
        });
        let waiting = Arc::clone(&tickets[0]);
        let waiter = thread::spawn(move || waiting.wait());
        poison.join().unwrap();
        let first = Some(tickets[0].stage()).filter(|stage| matches!(stage, BatchStage::Done | BatchStage::Failed));
        let outcome = waiter.join().unwrap();
        _ = journal.commit.stop();
        journal.commit.join();
        let last = tickets[0].stage();
        assert!(first.is_none_or(|first| first == last), "{first:?} became {last:?}");
        assert_eq!(outcome.is_ok(), last == BatchStage::Done);
    });
}

#[test]
fn stopping_writes_all_accepted_events() {
    explore(|| {
        let journal = TestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), None);
        let callers = journal.clone();
        let threads = spawn_each(3, move |number| {
            for _ in 0..3 {
                callers.commit.wait_for_room().unwrap();
                match callers.execute(number != 0) {
                    Ok(Executed { ticket, .. }) if number == 1 => drop(ticket),
                    Ok(Executed { ticket, .. }) => ticket.wait().unwrap(),
                    Err(error) => return assert!(error.kind() == ErrorKind::Closed, "{error}"),
                }
            }
        });
        journal.stop();
        join(threads);
    });
}

#[test]
fn sync_during_and_after_stop_returns() {
    explore(|| {
        let journal = TestJournal::healthy(any(&ALL));
        journal.execute(true).unwrap();
        let syncing = journal.clone();
        let beside = thread::spawn(move || {
            let synced = syncing.commit.sync();
            assert!(synced.is_ok() || synced.is_err_and(|error| error.kind() == ErrorKind::Closed));
        });
        journal.stop();
        _ = journal.commit.sync();
        beside.join().unwrap();
    });
}
