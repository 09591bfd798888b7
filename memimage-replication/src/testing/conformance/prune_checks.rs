//! Pruning removes entries before a position, and never makes their positions free.

use super::test_entry::{claim, short_entries};
use super::{Logs, Outcome, TestLog};
use crate::remote_log::{Append, Bounds};

pub(super) fn pruning_removes_no_more_than_asked(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let entries = short_entries(10, 100);
    log.append_all(1, &entries)?;
    for before in [1, 2, 11, 50, 100] {
        log.remote().prune(before)?;
        for log in [log, &log.another_handle()] {
            log.expect_entries(before, &entries[before as usize - 1..])?;
            expect_beginning(log, before, &entries)?;
        }
        log.remote().maintain()?;
        log.expect_entries(before, &entries[before as usize - 1..])?;
        expect_beginning(log, before, &entries)?;
    }
    log.append(101, b"after pruning")
}

pub(super) fn pruning_behind_the_end_does_not_move_the_end(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let entries = short_entries(11, 20);
    log.append_all(1, &entries)?;
    // an engine may refuse this call, or keep some entries
    let _ = log.remote().prune(1000);
    let first = log.expect_bounds_end(21)?.first;
    ensure!(first <= 21, "the log begins at {first}, behind its end");
    log.append_occupied(22, b"behind the end")?;
    log.append(21, b"after pruning")?;
    log.expect_entries(21, &[b"after pruning".to_vec()])?;
    log.another_handle().append(22, b"by another handle")
}

pub(super) fn pruning_never_moves_the_beginning_back(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let entries = short_entries(12, 60);
    log.append_all(1, &entries)?;
    log.remote().prune(40)?;
    let first = log.remote().bounds()?.first;
    for before in [0, 1, 20, 40] {
        log.remote().prune(before)?;
        for log in [log, &log.another_handle()] {
            log.wait(|| {
                let now = log.remote().bounds()?.first;
                ensure!(
                    now >= first && now <= 40,
                    "the log begins at {now} instead of {first}, after pruning before {before}"
                );
                Ok(())
            })?;
        }
    }
    expect_beginning(log, 40, &entries)?;
    log.expect_entries(40, &entries[39..])
}

pub(super) fn an_append_at_a_pruned_position_is_refused(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    append_at_pruned_positions(log, short_entries(13, 300))
}

pub(super) fn an_append_at_a_pruned_position_is_refused_after_claims(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let mut entries = short_entries(14, 300);
    for (term, index) in [0, 1, 2, 30, 59, 60, 61, 119, 200, 299].into_iter().enumerate() {
        entries[index] = claim(index as u64 + 1, term as u64 + 1);
    }
    append_at_pruned_positions(log, entries)
}

/// Appends entries, prunes all but the last ones again and again, and tries to append at each pruned position.
fn append_at_pruned_positions(log: &TestLog<'_>, entries: Vec<Vec<u8>>) -> Outcome {
    let other = log.another_handle();
    let mut before = 1;
    for (index, part) in entries.chunks(60).enumerate() {
        let position = 1 + 60 * index as u64;
        log.append_all(position, part)?;
        if index % 2 == 1 {
            log.remote().maintain()?;
        }
        before = position + 55;
        log.remote().prune(before)?;
        log.remote().maintain()?;
    }
    let end = entries.len() as u64 + 1;
    for log in [log, &other, &log.another_handle()] {
        for position in (1..20).chain((20..before).step_by(13)).chain(before - 3..end) {
            // neither other bytes nor the entry's own, nor another claim
            let own = &entries[position as usize - 1][..];
            for entry in [b"into the past", own, &claim(position, 99)] {
                expect_not_done(log, position, entry)?;
            }
        }
        log.remote().maintain()?;
        expect_beginning(log, before, &entries)?;
        log.expect_entries(before, &entries[before as usize - 1..])?;
        log.expect_bounds_end(end)?;
    }
    other.append(end, b"the end is still free")
}

/// Demands that an append at a position that was pruned is not answered `Done`. An error is allowed: an engine may know no better.
fn expect_not_done(log: &TestLog<'_>, position: u64, entry: &[u8]) -> Outcome {
    let append = log.remote().append(position, entry);
    ensure!(!matches!(append, Ok(Append::Done)), "an append at the pruned position {position} was answered `Done`");
    Ok(())
}

/// Demands that the log begins at `before` or an earlier position: entries before its beginning are pruned, those from it on are as appended.
fn expect_beginning(log: &TestLog<'_>, before: u64, entries: &[Vec<u8>]) -> Outcome {
    loop {
        let Bounds { first, .. } = log.remote().bounds()?;
        let outcome = expect_first(log, first, before, entries);
        // a stale answer may have named an earlier beginning
        if outcome.is_ok() || log.remote().bounds()?.first == first {
            return outcome;
        }
    }
}

fn expect_first(log: &TestLog<'_>, first: u64, before: u64, entries: &[Vec<u8>]) -> Outcome {
    ensure!(
        first >= 1 && first <= before,
        "the log begins at {first}, although only entries before {before} were to be pruned"
    );
    for position in [1, 2, first / 2, first - 1] {
        if (1..first).contains(&position) {
            log.expect_pruned(position)?;
        }
    }
    log.expect_entries(first, &entries[first as usize - 1..])
}
