//! An append takes effect only at the end of the log.

use super::test_entry::{random_entry, short_entries, snapshot_name};
use super::{Logs, Outcome, TestLog};
use crate::log_error::LogErrorKind;
use crate::remote_log::Bounds;

pub(super) fn logs_with_similar_numbers_are_separate(logs: &Logs<'_>, _: &TestLog<'_>) -> Outcome {
    // an engine that lists the objects of log 1 by a prefix might find those of log 11
    let (one, eleven) = (logs.open(1), logs.open(11));
    ensure!(one.remote().address() != eleven.remote().address(), "two logs have the same address");
    let (few, many) = (short_entries(1, 2), short_entries(2, 5));
    eleven.append_all(1, &many)?;
    eleven.remote().put_snapshot(&snapshot_name(1, 1), &mut &many[0][..])?;
    one.expect_bounds(Bounds { first: 1, end: 1 })?;
    one.append_all(1, &few)?;
    eleven.remote().prune(4)?;
    one.remote().maintain()?;
    one.expect_snapshots(&[])?;
    one.expect_entries(1, &few)?;
    one.expect_bounds(Bounds { first: 1, end: 3 })?;
    eleven.expect_entries(4, &many[3..])
}

pub(super) fn a_new_log_is_empty(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    log.expect_bounds(Bounds { first: 1, end: 1 })?;
    log.expect_entries(1, &[])?;
    let max = log.remote().entry_bytes_max();
    ensure!(max >= 64 << 10, "`entry_bytes_max` is {max}; it must be at least 64 KiB");
    ensure!(!log.remote().address().is_empty(), "`address` is empty");
    log.remote().maintain()?;
    log.remote().prune(1)?;
    log.expect_bounds(Bounds { first: 1, end: 1 })?;
    log.append(1, b"first")
}

pub(super) fn positions_begin_at_1_and_have_no_gap(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let entries = short_entries(3, 50);
    for (index, entry) in entries.iter().enumerate() {
        log.append(index as u64 + 1, entry)?;
        log.expect_bounds(Bounds { first: 1, end: index as u64 + 2 })?;
    }
    log.expect_entries(1, &entries)
}

pub(super) fn an_append_before_the_end_is_refused(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let entries = short_entries(4, 10);
    log.append_all(1, &entries)?;
    for (position, entry) in (1..).zip(&entries) {
        // other bytes, and the bytes that are there already
        log.append_occupied(position, b"another entry")?;
        log.append_occupied(position, entry)?;
    }
    log.expect_entries(1, &entries)?;
    log.expect_bounds(Bounds { first: 1, end: 11 })?;
    log.append(11, b"the end is still free")
}

pub(super) fn an_append_behind_the_end_is_refused_and_never_stored(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let entries = short_entries(5, 8);
    for beyond in [2, 3, 1000] {
        log.append_occupied(beyond, b"behind an empty log")?;
    }
    for (end, entry) in (1..).zip(&entries) {
        log.append(end, entry)?;
        for beyond in [end + 2, end + 3, end + 1000] {
            log.append_occupied(beyond, b"behind the end")?;
        }
        log.expect_entries(end, std::slice::from_ref(entry))?;
        log.expect_bounds(Bounds { first: 1, end: end + 1 })?;
    }
    log.remote().maintain()?;
    log.expect_entries(1, &entries)
}

pub(super) fn an_append_at_position_0_is_refused(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    for end in 1..3 {
        let answer = log.remote().append(0, b"before the first");
        ensure!(!matches!(answer, Ok(crate::Append::Done)), "an append at position 0 was answered `Done`");
        log.expect_bounds(Bounds { first: 1, end })?;
        log.append(end, b"entry")?;
    }
    Ok(())
}

pub(super) fn an_entry_that_is_too_long_is_refused_and_not_stored(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let max = log.remote().entry_bytes_max();
    for len in [max + 1, max * 2] {
        match log.remote().append(1, &vec![7; len]) {
            Err(error) if error.kind() == LogErrorKind::Refused => {}
            answer => {
                let message =
                    format!("an entry of {len} bytes, longer than {max}, was not refused, but answered {answer:?}");
                return Err(message.into());
            }
        }
    }
    log.expect_bounds(Bounds { first: 1, end: 1 })?;
    let longest = random_entry(6, max);
    log.append(1, &longest)?;
    log.expect_entries(1, &[longest])
}

pub(super) fn all_handles_append_at_the_same_end(_: &Logs<'_>, log: &TestLog<'_>) -> Outcome {
    let entries = short_entries(7, 30);
    let other = log.another_handle();
    ensure!(
        log.remote().address() == other.remote().address(),
        "the second handle has another address: `{}`",
        other.remote().address()
    );
    for (index, entry) in entries.iter().enumerate() {
        let position = index as u64 + 1;
        // three entries by each handle in turn; the other one loses at the same position
        let (winner, loser) = if index / 3 % 2 == 0 { (log, &other) } else { (&other, log) };
        winner.append(position, entry)?;
        loser.append_occupied(position, b"too late")?;
        loser.expect_entries(position, std::slice::from_ref(entry))?;
    }
    log.expect_entries(1, &entries)?;
    log.another_handle().expect_entries(1, &entries)
}
