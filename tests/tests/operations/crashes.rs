//! Crashes after each operation of the repairs that lose nothing. `repair.rs` covers the repairs that give up events, and
//! `void.rs` and `decision_durability.rs` cover voids.

use memimage::admin::RepairAction;
use memimage::disk::Crash;
use memimage_tests::{cases, seed};

use super::record;
use super::repair_cases::{CaseKind, repair_cases};

#[test]
fn after_a_crash_the_same_repair_can_be_repeated() {
    let mut crashes = 0;
    for case in repair_cases() {
        if !matches!(
            case.kind,
            CaseKind::Repair(
                RepairAction::TornTail | RepairAction::Segments | RepairAction::Snapshots | RepairAction::Base
            )
        ) {
            continue;
        }
        let disk = case.disk.fork();
        let points = record(&disk);
        case.run(&disk).unwrap();
        let points = std::mem::take(&mut *points.lock().unwrap());
        assert!(points.len() > 5, "{}: {}", case.name, points.len());
        for (at, (operation, fork)) in points.iter().enumerate() {
            let first = seed(31) + at as u64 * 1_000;
            let subsets = (first..first + u64::from(cases(2))).map(Crash::Subset);
            let cuts = [Crash::Nothing, Crash::NamesOnly, Crash::BytesOnly].into_iter().chain(subsets);
            let killed = (None, fork.fork());
            for (cut, left) in cuts.map(|cut| (Some(cut.clone()), fork.crash_by(&cut))).chain([killed]) {
                let checked = case.check_before_or_after(&left).and_then(|()| case.check_repeated(&left));
                checked.unwrap_or_else(|why| {
                    panic!("{}, {cut:?} after {operation:?}: {why}\n{}", case.name, left.trace())
                });
                crashes += 1;
            }
        }
    }
    assert!(crashes > 150, "{crashes}");
}
