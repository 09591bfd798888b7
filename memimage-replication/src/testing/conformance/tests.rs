//! The suite accepts a correct log, and finds the mistake of each wrong one.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::super::{Faults, MemoryLog};
use super::wrong_log::{Mistake, WrongLog};
use super::{CHECKS, conformance, run_checks};
use crate::RemoteLog;

/// The logs of a run of the suite, by number.
#[derive(Default)]
struct MemoryLogs(RefCell<BTreeMap<u32, MemoryLog>>);

impl MemoryLogs {
    fn handle(&self, number: u32) -> MemoryLog {
        let mut logs = self.0.borrow_mut();
        logs.entry(number).or_insert_with(|| MemoryLog::new(&number.to_string())).another_handle()
    }
}

#[test]
fn a_log_in_memory_passes() {
    let logs = MemoryLogs::default();
    conformance(&|number| Box::new(logs.handle(number)));
}

#[test]
fn a_log_with_stale_reads_passes() {
    let logs = MemoryLogs::default();
    conformance(&|number| {
        let log = logs.handle(number);
        log.set_faults(u64::from(number), Faults { read_stale: 50, ..Faults::default() });
        Box::new(log)
    });
}

#[test]
#[should_panic(expected = "an entry that is too long is refused and not stored: `memory://")]
fn the_message_names_the_promise_and_the_log() {
    let logs = MemoryLogs::default();
    conformance(&|number| Box::new(WrongLog::new(logs.handle(number), Mistake::CutsLongEntries)));
}

/// The mistakes, each with checks that must find it.
const MISTAKES: &[(Mistake, &[&str])] = &[
    (
        Mistake::AppendsAtAnyPosition,
        &[
            "an_append_before_the_end_is_refused",
            "an_append_behind_the_end_is_refused_and_never_stored",
            "an_append_at_position_0_is_refused",
            "all_handles_append_at_the_same_end",
            "an_append_at_a_pruned_position_is_refused",
        ],
    ),
    (
        Mistake::ComparesTooEarly,
        &[
            "one_of_concurrent_appends_at_a_position_takes_effect",
            "concurrent_appends_of_the_same_bytes_take_effect_once",
            "appends_beside_maintenance_and_pruning_take_effect_once",
        ],
    ),
    (Mistake::ReplacesEntries, &["an_append_before_the_end_is_refused", "all_handles_append_at_the_same_end"]),
    (Mistake::StoresRefusedAppends, &["an_append_behind_the_end_is_refused_and_never_stored"]),
    (
        Mistake::AnswersDoneAgain,
        &["an_append_before_the_end_is_refused", "concurrent_appends_of_the_same_bytes_take_effect_once"],
    ),
    (Mistake::ReadsInReverse, &["entries_are_read_back_byte_for_byte", "positions_begin_at_1_and_have_no_gap"]),
    (Mistake::ReadsTooMuch, &["a_read_returns_at_least_one_entry_and_no_more_bytes_than_allowed"]),
    (Mistake::ReadsOneByteLess, &["entries_are_read_back_byte_for_byte"]),
    (Mistake::ReadsNothing, &["positions_begin_at_1_and_have_no_gap"]),
    (Mistake::ReadsTheLastEntryAtTheEnd, &["a_read_at_or_behind_the_end_returns_nothing"]),
    (
        Mistake::AppendsAtPrunedPositions,
        &["an_append_at_a_pruned_position_is_refused", "an_append_at_a_pruned_position_is_refused_after_claims"],
    ),
    (Mistake::PrunesOneMore, &["pruning_removes_no_more_than_asked"]),
    (Mistake::ReadsPrunedAsEmpty, &["pruning_removes_no_more_than_asked"]),
    (Mistake::PruningMovesTheEnd, &["pruning_behind_the_end_does_not_move_the_end"]),
    (Mistake::PruningMovesTheBeginningBack, &["pruning_never_moves_the_beginning_back"]),
    (Mistake::CutsLongEntries, &["an_entry_that_is_too_long_is_refused_and_not_stored"]),
    (Mistake::MaintenanceLosesTheFirstEntry, &["maintenance_does_not_change_what_is_read"]),
    (Mistake::BoundsAreOneLess, &["positions_begin_at_1_and_have_no_gap"]),
    (Mistake::EndIsOneMore, &["a_new_log_is_empty"]),
    (Mistake::StoresSnapshotsInPart, &["a_snapshot_whose_content_cannot_be_read_is_not_listed"]),
    (Mistake::HidesErrorsOfTheWriter, &["an_error_of_the_writer_is_returned"]),
    (Mistake::HoldsSnapshotsInMemory, &["a_long_snapshot_is_streamed"]),
    (Mistake::MissingSnapshotsAreEmpty, &["a_missing_snapshot_is_not_found"]),
    (Mistake::PruningRemovesSnapshots, &["snapshots_and_entries_are_separate"]),
    (Mistake::ListsForeignSnapshots, &["a_new_log_has_no_snapshots"]),
    (Mistake::NeverReplacesSnapshots, &["snapshots_are_listed_read_replaced_and_removed"]),
    (Mistake::OneLogForAll, &["logs_with_similar_numbers_are_separate"]),
];

#[test]
fn each_check_finds_its_mistakes() {
    for (name, check) in CHECKS {
        let mistakes = MISTAKES.iter().filter(|(_, checks)| checks.contains(name)).map(|(mistake, _)| *mistake);
        let mut found = 0;
        for mistake in mistakes {
            let logs = MemoryLogs::default();
            let open = |number| {
                let number = if mistake == Mistake::OneLogForAll { 1 } else { number };
                Box::new(WrongLog::new(logs.handle(number), mistake)) as Box<dyn RemoteLog>
            };
            let violations = run_checks(&open, &[(name, *check)], 2);
            assert_eq!(violations.len(), 1, "{mistake:?} was not found by {name}");
            found += 1;
        }
        assert!(found > 0, "no mistake proves that {name} can fail");
    }
}

#[test]
fn the_mistakes_name_checks_that_exist() {
    for (mistake, checks) in MISTAKES {
        for check in *checks {
            assert!(CHECKS.iter().any(|(name, _)| name == check), "{mistake:?}: {check}");
        }
    }
}
