//! The replication gate: a ticket is settled once, after both the local disk and the log have its batch; nobody misses a wake-up, however
//! the shipper, the writer, a failure and a stop come together.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use super::test_journal::{Executed, TestJournal};
use super::{ALL, FAR, NARROW, NEAR, PAIRS, WIDE, any, explore, join, spawn_each};
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::journal::write::commit::{BatchLimits, GateOptions, LagLimit, ReplicatedJournal};
use crate::journal::write::durability::Durability;
use crate::sync::AtomicU64;

const REMOTE: GateOptions =
    GateOptions { answers_wait: true, lag: LagLimit { bytes: 1 << 20, time: None, fails: false } };
/// The log may lack one batch.
const REMOTE_NARROW: GateOptions =
    GateOptions { answers_wait: true, lag: LagLimit { bytes: 700, time: None, fails: false } };
const LOCAL_NARROW: GateOptions =
    GateOptions { answers_wait: false, lag: LagLimit { bytes: 700, time: None, fails: false } };
const LOCAL_YOUNG: GateOptions =
    GateOptions { answers_wait: false, lag: LagLimit { bytes: 1 << 20, time: Some(NEAR), fails: false } };

/// A journal with a gate, and the last event that its log has.
#[derive(Clone)]
struct ReplicatedTestJournal {
    journal: TestJournal,
    options: GateOptions,
    log: Arc<AtomicU64>,
}

impl ReplicatedTestJournal {
    fn start(durability: Durability, limits: BatchLimits, options: GateOptions, fails_at: Option<usize>) -> Self {
        let journal = TestJournal::start(durability, limits, fails_at);
        journal.commit.replicate(options);
        ReplicatedTestJournal { journal, options, log: Arc::new(AtomicU64::new(0)) }
    }

    /// Ships what is shippable, until the journal is closed.
    fn ship(&self) -> JoinHandle<()> {
        let ReplicatedTestJournal { journal, log, .. } = self.clone();
        thread::spawn(move || {
            let mut changes = 0;
            loop {
                let is_closed = journal.commit.is_closed();
                let shippable = journal.commit.shippable();
                log.fetch_max(shippable.get(), Ordering::SeqCst);
                journal.commit.shipped(shippable);
                if is_closed {
                    return;
                }
                changes = journal.commit.wait(changes, FAR);
            }
        })
    }

    fn assert_answered(&self, seq: u64) {
        self.journal.assert_acknowledged(seq);
        assert!(!self.options.answers_wait || self.log.load(Ordering::SeqCst) >= seq, "the log has an answered event");
    }

    /// Waits for room, executes, and waits for the answer in one of three ways.
    fn call(&self, number: usize) -> Result<u64, Error> {
        match number {
            0 => block_on(poll_fn(|context| self.journal.commit.poll_room(context)))?,
            _ => self.journal.commit.wait_for_room()?,
        }
        let Executed { seq, ticket } = self.journal.execute(number != 1)?;
        match number {
            0 => block_on(poll_fn(|context| ticket.poll(context.waker())))?,
            1 => ticket.wait()?,
            _ => {
                ticket.park();
                ticket.result().unwrap()?;
            }
        }
        self.assert_answered(seq);
        Ok(seq)
    }

    /// Stops the journal as an image does.
    fn close(&self, shipper: JoinHandle<()>) -> Result<(), Error> {
        let stopped = self.journal.commit.stop();
        self.journal.commit.join();
        self.journal.commit.end_shippable();
        shipper.join().unwrap();
        stopped.and(self.journal.commit.give_up_unreplicated(None))
    }
}

#[test]
fn callers_receive_their_answers_once_the_log_has_their_events() {
    explore(|| {
        let options = any(&[REMOTE, REMOTE_NARROW, LOCAL_NARROW]);
        let replicated = ReplicatedTestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), options, None);
        let shipper = replicated.ship();
        let callers = replicated.clone();
        join(spawn_each(3, move |number| {
            for _ in 0..2 {
                callers.call(number).unwrap();
                callers.journal.assert_counts();
            }
        }));
        replicated.close(shipper).unwrap();
        assert_eq!(replicated.log.load(Ordering::SeqCst), 6);
    });
}

#[test]
fn commands_wait_for_an_old_lag_and_go_on_after_it() {
    explore(|| {
        let replicated = ReplicatedTestJournal::start(Durability::Synced, NARROW, LOCAL_YOUNG, None);
        let shipper = replicated.ship();
        let callers = replicated.clone();
        join(spawn_each(2, move |number| {
            for _ in 0..2 {
                callers.call(number).unwrap();
            }
        }));
        replicated.close(shipper).unwrap();
    });
}

#[test]
fn queries_syncs_and_watchers_wait_for_the_log() {
    explore(|| {
        let replicated = ReplicatedTestJournal::start(any(&ALL), any(&[WIDE, NARROW]), REMOTE, None);
        let shipper = replicated.ship();
        let callers = replicated.clone();
        join(spawn_each(3, move |number| {
            let commit = &callers.journal.commit;
            match number {
                0 => _ = callers.call(1).unwrap(),
                1 => {
                    let executed = commit.executed().get();
                    if let Some(ticket) = commit.latest() {
                        ticket.wait().unwrap();
                    }
                    callers.assert_answered(executed);
                }
                _ => {
                    let Executed { seq, ticket } = callers.journal.execute(true).unwrap();
                    drop(ticket);
                    commit.sync().unwrap();
                    callers.assert_answered(seq);
                    assert!(commit.durable().get() >= seq);
                }
            }
            let durable = commit.durable().get();
            assert!(callers.log.load(Ordering::SeqCst) >= durable, "a watcher sees events that the log has");
        }));
        replicated.close(shipper).unwrap();
    });
}

#[test]
fn a_fence_settles_all_tickets_and_wakes_all_commands() {
    explore(|| {
        let options = any(&[REMOTE, REMOTE_NARROW, LOCAL_NARROW]);
        let fails_at = thread_rng().gen_bool(0.3).then(|| thread_rng().gen_range(1..8));
        let replicated = ReplicatedTestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), options, fails_at);
        let shipper = thread_rng().gen_bool(0.7).then(|| replicated.ship());
        let callers = replicated.clone();
        let threads = spawn_each(3, move |number| {
            for _ in 0..3 {
                match callers.call(number) {
                    Ok(_) => {}
                    Err(error) => return assert!(error.is_poisoned(), "{error}"),
                }
            }
        });
        let message = "another owner has appended to the log".to_owned();
        let cause = Error::new(ErrorDetail::Replication { kind: ErrorKind::Fenced, message });
        ReplicatedJournal::fail(&*replicated.journal.commit, &cause);
        join(threads);
        if let Some(shipper) = shipper {
            shipper.join().unwrap();
        }
        assert!(replicated.journal.commit.stop().is_err());
        replicated.journal.commit.join();
    });
}

#[test]
fn a_stop_leaves_no_caller_waiting() {
    explore(|| {
        let options = any(&[REMOTE, REMOTE_NARROW, LOCAL_NARROW]);
        let replicated = ReplicatedTestJournal::start(any(&ALL), any(&[WIDE, NARROW, PAIRS]), options, None);
        let is_shipped = thread_rng().gen_bool(0.5);
        let shipper = if is_shipped { replicated.ship() } else { thread::spawn(|| ()) };
        let callers = replicated.clone();
        let threads = spawn_each(3, move |number| {
            for _ in 0..2 {
                match callers.call(number) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::Closed => return,
                    Err(error) => {
                        return assert!(!is_shipped && error.is_poisoned() && error.is_outcome_unknown(), "{error}");
                    }
                }
            }
        });
        let closed = replicated.close(shipper);
        assert!(closed.is_ok() || !is_shipped);
        join(threads);
    });
}

#[test]
fn an_opening_that_waits_for_the_log_is_woken() {
    explore(|| {
        let replicated = ReplicatedTestJournal::start(any(&ALL), any(&[WIDE, NARROW]), REMOTE, None);
        let Executed { seq, .. } = replicated.journal.execute(true).unwrap();
        let shipper = replicated.ship();
        let deadline = Instant::now() + FAR + Duration::from_secs(1);
        assert!(replicated.journal.commit.wait_for_log(crate::seq::Seq::new(seq), deadline).unwrap());
        replicated.assert_answered(seq);
        replicated.close(shipper).unwrap();
    });
}
