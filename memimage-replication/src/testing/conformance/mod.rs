//! The suite that every log must pass.

use std::cell::Cell;
use std::error::Error;
use std::fmt;

use crate::remote_log::RemoteLog;

/// Fails the check that calls it, with this message.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+).into());
        }
    };
}

mod test_log;
mod test_entry;
mod append_checks;
mod concurrency_checks;
mod read_checks;
mod prune_checks;
mod snapshot_checks;
#[cfg(test)]
mod wrong_log;
#[cfg(test)]
mod tests;

use test_log::TestLog;

/// Opens a handle on the log of a number. The first handle of a number finds an empty log. Each later one of the same number is another
/// handle on the same log, with a connection of its own.
pub type OpenLog<'a> = &'a dyn Fn(u32) -> Box<dyn RemoteLog>;

/// A promise of [`RemoteLog`] that a log does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The check that failed: the promise as a sentence.
    pub check: &'static str,
    /// The address of the log.
    pub address: String,
    /// What the log did.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: `{}`: {}", self.check.replace('_', " "), self.address, self.message)
    }
}

/// Checks that a log keeps the promises of [`RemoteLog`].
///
/// The suite appends some thousand entries to about twenty logs, and needs some 100 MiB of space. It leaves the logs as they are.
/// A log may answer reads from an old state for up to ten seconds.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Mutex;
/// use memimage_replication::testing::{MemoryLog, conformance};
///
/// let logs = Mutex::new(BTreeMap::new());
/// conformance(&|number| {
///     let mut logs = logs.lock().unwrap();
///     let log = logs.entry(number).or_insert_with(|| MemoryLog::new(&number.to_string()));
///     Box::new(log.another_handle())
/// });
/// ```
///
/// # Panics
///
/// Panics if the log does not keep a promise. The message lists all [`violations`].
pub fn conformance(open: OpenLog<'_>) {
    let violations = violations(open);
    let list: String = violations.iter().map(|violation| format!("\n- {violation}")).collect();
    assert!(violations.is_empty(), "the log does not keep {} promises:{list}", violations.len());
}

/// The promises of [`RemoteLog`] that a log does not keep; see [`conformance`].
pub fn violations(open: OpenLog<'_>) -> Vec<Violation> {
    run_checks(open, CHECKS, 1000)
}

/// What a check returns: an error if the log does not keep the promise.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A check, and its name.
type Check = (&'static str, fn(&Logs<'_>, &TestLog<'_>) -> Outcome);

macro_rules! checks {
    ($($file:ident::$check:ident,)+) => {
        &[$((stringify!($check), $file::$check),)+]
    };
}

const CHECKS: &[Check] = checks![
    append_checks::logs_with_similar_numbers_are_separate,
    append_checks::a_new_log_is_empty,
    append_checks::positions_begin_at_1_and_have_no_gap,
    append_checks::an_append_before_the_end_is_refused,
    append_checks::an_append_behind_the_end_is_refused_and_never_stored,
    append_checks::an_append_at_position_0_is_refused,
    append_checks::an_entry_that_is_too_long_is_refused_and_not_stored,
    append_checks::all_handles_append_at_the_same_end,
    concurrency_checks::one_of_concurrent_appends_at_a_position_takes_effect,
    concurrency_checks::concurrent_appends_of_the_same_bytes_take_effect_once,
    concurrency_checks::appends_beside_maintenance_and_pruning_take_effect_once,
    read_checks::entries_are_read_back_byte_for_byte,
    read_checks::a_read_returns_at_least_one_entry_and_no_more_bytes_than_allowed,
    read_checks::a_read_at_or_behind_the_end_returns_nothing,
    read_checks::maintenance_does_not_change_what_is_read,
    prune_checks::pruning_removes_no_more_than_asked,
    prune_checks::pruning_behind_the_end_does_not_move_the_end,
    prune_checks::pruning_never_moves_the_beginning_back,
    prune_checks::an_append_at_a_pruned_position_is_refused,
    prune_checks::an_append_at_a_pruned_position_is_refused_after_claims,
    snapshot_checks::a_new_log_has_no_snapshots,
    snapshot_checks::snapshots_are_listed_read_replaced_and_removed,
    snapshot_checks::a_missing_snapshot_is_not_found,
    snapshot_checks::a_long_snapshot_is_streamed,
    snapshot_checks::a_snapshot_whose_content_cannot_be_read_is_not_listed,
    snapshot_checks::an_error_of_the_writer_is_returned,
    snapshot_checks::snapshots_and_entries_are_separate,
];

/// Runs these checks. A check waits for up to `attempts` times 10 ms until a read shows what was appended.
fn run_checks(open: OpenLog<'_>, checks: &[Check], attempts: u32) -> Vec<Violation> {
    let logs = Logs { open, attempts, next: Cell::new(100) };
    let mut violations = Vec::new();
    for &(name, check) in checks {
        let log = logs.create();
        if let Err(error) = check(&logs, &log) {
            let address = log.remote().address().to_owned();
            violations.push(Violation { check: name, address, message: error.to_string() });
        }
    }
    violations
}

/// Where checks get their logs from.
struct Logs<'a> {
    open: OpenLog<'a>,
    attempts: u32,
    next: Cell<u32>,
}

impl<'a> Logs<'a> {
    /// A new log.
    fn create(&self) -> TestLog<'a> {
        let number = self.next.replace(self.next.get() + 1);
        self.open(number)
    }

    fn open(&self, number: u32) -> TestLog<'a> {
        TestLog::open(self.open, number, self.attempts)
    }
}
