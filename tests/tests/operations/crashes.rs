//! Crashes after each operation of the repairs that lose nothing. `repair.rs` has those of the repairs that give events up, and
//! `void.rs` and `decision_durability.rs` have those of voids.

use memimage::admin::RepairAction;
use memimage::disk::Crash;
use memimage_tests::{cases, seed};

use super::record;
use super::repair_cases::{Kind, tasks};

#[test]
fn after_a_crash_the_same_repair_can_be_repeated() {
    let mut crashes = 0;
    for task in tasks() {
        if !matches!(
            task.kind,
            Kind::Repair(
                RepairAction::TornTail | RepairAction::Segments | RepairAction::Snapshots | RepairAction::Base
            )
        ) {
            continue;
        }
        let disk = task.disk.fork();
        let points = record(&disk);
        task.run(&disk).unwrap();
        let points = std::mem::take(&mut *points.lock().unwrap());
        assert!(points.len() > 5, "{}: {}", task.name, points.len());
        for (at, (operation, fork)) in points.iter().enumerate() {
            let first = seed(31) + at as u64 * 1_000;
            let subsets = (first..first + u64::from(cases(2))).map(Crash::Subset);
            let cuts = [Crash::Nothing, Crash::NamesOnly, Crash::BytesOnly].into_iter().chain(subsets);
            let killed = (None, fork.fork());
            for (cut, left) in cuts.map(|cut| (Some(cut.clone()), fork.crash_by(&cut))).chain([killed]) {
                let judged = task.may_be_done(&left).and_then(|()| task.again(&left));
                judged.unwrap_or_else(|why| {
                    panic!("{}, {cut:?} after {operation:?}: {why}\n{}", task.name, left.trace())
                });
                crashes += 1;
            }
        }
    }
    assert!(crashes > 150, "{crashes}");
}
