//! Of all concurrent appends at a position, one takes effect.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::test_entry::random_entry;
use super::{Logs, Outcome, TestLog};
use crate::log_error::LogError;
use crate::remote_log::{Append, RemoteLog};

const THREADS: u64 = 8;
const POSITIONS: u64 = 25;

/// The entry that a thread appends at a position.
type EntryOf<'a> = &'a (dyn Fn(u64, u64) -> Vec<u8> + Sync);

/// The outcome of one thread's append at one position.
#[derive(Clone, Debug)]
enum Attempt {
    Done,
    Occupied,
    /// Occupied after an earlier attempt of the same thread got no answer: that attempt may have appended the entry.
    Unknown,
    Failed(LogError),
}

pub(super) fn one_of_concurrent_appends_at_a_position_takes_effect(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let other = log.another_handle();
    let entry = |thread: u64, position: u64| random_entry(thread << 32 | position, 200 + thread as usize);
    let attempts = append_side_by_side(log.remote(), other.remote(), &entry);
    expect_one_winner_each(&[log, &other], 1, &attempts, &entry)
}

pub(super) fn concurrent_appends_of_the_same_bytes_take_effect_once(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let other = log.another_handle();
    let entry = |_: u64, position: u64| random_entry(position, 100);
    let attempts = append_side_by_side(log.remote(), other.remote(), &entry);
    expect_one_winner_each(&[log, &other], 1, &attempts, &entry)
}

pub(super) fn appends_beside_maintenance_and_pruning_take_effect_once(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let (other, maintenance) = (log.another_handle(), log.another_handle());
    let maintenance = maintenance.remote();
    let entry = |thread: u64, position: u64| random_entry(thread << 32 | position, 50 + thread as usize);
    let ended = AtomicBool::new(false);
    let (attempts, maintained) = thread::scope(|scope| {
        let maintained = scope.spawn(|| {
            loop {
                maintenance.maintain()?;
                // an owner prunes what a snapshot has made needless, far behind the end
                maintenance.prune(maintenance.bounds()?.end.saturating_sub(10).max(1))?;
                if ended.load(Ordering::Relaxed) {
                    return Ok::<(), LogError>(());
                }
            }
        });
        let attempts = append_side_by_side(log.remote(), other.remote(), &entry);
        ended.store(true, Ordering::Relaxed);
        (attempts, maintained.join().expect("the thread does not panic"))
    });
    maintained?;
    // the last ten entries were never to be pruned
    expect_one_winner_each(&[log, &other], POSITIONS - 9, &attempts, &entry)
}

/// Appends from all threads at position 1, then from all at position 2, and so on. Half of the threads use each handle. Returns the
/// attempts of each position, by thread.
fn append_side_by_side(one: &dyn RemoteLog, other: &dyn RemoteLog, entry: EntryOf<'_>) -> Vec<Vec<Attempt>> {
    let barrier = Barrier::new(THREADS as usize);
    let append_all = |thread: u64| {
        let remote = if thread.is_multiple_of(2) { one } else { other };
        let append_at = |position| {
            let entry = entry(thread, position);
            barrier.wait();
            append(remote, position, &entry)
        };
        (1..=POSITIONS).map(append_at).collect()
    };
    let append_all = &append_all;
    let by_thread: Vec<Vec<Attempt>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || append_all(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("the thread does not panic")).collect()
    });
    let position = |index: usize| by_thread.iter().map(|attempts| attempts[index].clone()).collect();
    (0..POSITIONS as usize).map(position).collect()
}

/// Appends as an owner does: the same bytes again at the same position after an append without an answer.
fn append(remote: &dyn RemoteLog, position: u64, entry: &[u8]) -> Attempt {
    let mut unanswered = false;
    for _ in 0..100 {
        match remote.append(position, entry) {
            Ok(Append::Done) => return Attempt::Done,
            Ok(Append::Occupied) if unanswered => return Attempt::Unknown,
            Ok(Append::Occupied) => return Attempt::Occupied,
            Err(error) if error.is_unavailable() => unanswered = true,
            Err(error) => return Attempt::Failed(error),
        }
        thread::sleep(Duration::from_millis(10));
    }
    Attempt::Unknown
}

/// Demands one winner for each position, and that the log has the winner's entries at the positions from `first` on.
fn expect_one_winner_each(
    handles: &[&TestLog<'_>],
    first: u64,
    attempts: &[Vec<Attempt>],
    entry: EntryOf<'_>,
) -> Outcome {
    for (position, attempts) in (1..).zip(attempts) {
        let winners = winners(position, attempts)?;
        if position < first {
            continue;
        }
        for log in handles {
            // more than one only if the outcome is unknown
            let mut outcomes = winners.iter().map(|&winner| log.expect_reads(position, &[entry(winner, position)], 0));
            ensure!(
                outcomes.any(|outcome| outcome.is_ok()),
                "the log does not have the entry at position {position} whose append was answered `Done`"
            );
        }
    }
    handles[0].expect_end(POSITIONS + 1)
}

/// The thread whose append at the position was answered `Done`, or those whose outcome is unknown.
fn winners(position: u64, attempts: &[Attempt]) -> Outcome<Vec<u64>> {
    let (mut done, mut unknown) = (Vec::new(), Vec::new());
    for (thread, attempt) in (0..).zip(attempts) {
        match attempt {
            Attempt::Done => done.push(thread),
            Attempt::Unknown => unknown.push(thread),
            Attempt::Occupied => {}
            Attempt::Failed(error) => return Err(format!("the append at position {position} failed: {error}").into()),
        }
    }
    ensure!(done.len() <= 1, "{} concurrent appends at position {position} were answered `Done`, not 1", done.len());
    ensure!(
        done.len() + unknown.len() > 0,
        "all of {} concurrent appends at position {position}, the end of the log, were answered `Occupied`",
        attempts.len()
    );
    Ok(if done.is_empty() { unknown } else { done })
}
