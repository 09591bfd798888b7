//! A bit that is read wrong once, as a failing disk, cable or memory causes it: opening succeeds correctly or refuses, and a
//! running image writes no wrong bit to disk.

use std::sync::Arc;

use memimage::admin::{Rewrite, Severity, check_with};
use memimage::disk::{Fault, SimDisk};
use memimage::{Retention, SnapshotPolicy};
use memimage_tests::{Book, BookCommands, seed};

use crate::outcome::{Depth, Outcome, judge};
use crate::sample_images::{Making, ROOT, Sample, open, options};

/// So many bits of each read.
const BITS: u64 = 24;

/// Each read of an opening shows a wrong bit, one at a time. The next opening, which reads right, finds all there is.
#[test]
fn a_bit_that_is_read_wrong_by_an_opening_is_refused_or_harmless_and_not_kept() {
    let first = seed(1);
    for making in [Making::CLOSED, Making::KILLED, Making::SNAPSHOTS, Making::PRUNED] {
        let sample = Sample::new(making);
        let (mut struck, mut refused) = (0, 0);
        for nth in 1.. {
            let mut strikes = 0;
            for bit in 0..BITS {
                let disk = sample.disk.fork();
                disk.inject(Fault::rot().nth(nth).seed(first + nth * BITS + bit));
                let case = format!("read {nth}, seed {}, of {making:?}", first + nth * BITS + bit);
                let outcome = judge(&sample, &disk, Depth::Look).unwrap_or_else(|why| panic!("{case}: {why}"));
                strikes += disk.strikes();
                refused += u64::from(matches!(outcome, Outcome::Refused | Outcome::Suspect | Outcome::NoStart));
                assert_ne!(outcome, Outcome::Earlier, "{case}");
                disk.heal();
                let again = judge(&sample, &disk, Depth::Live).unwrap_or_else(|why| panic!("{case}, and then: {why}"));
                assert!(matches!(again, Outcome::Unnoticed | Outcome::FellBack), "{case}, and then: {again:?}");
            }
            if strikes == 0 {
                break;
            }
            struck += strikes;
        }
        println!("{making:?}: {struck} reads of a wrong bit, {refused} refused");
        assert!(struck > 100 && refused > 10, "{struck} {refused}");
    }
}

/// Snapshots, drills, bases and pruning read what was written; what they make of wrong bits never replaces what is right.
#[test]
fn a_bit_that_a_running_image_reads_wrong_is_not_made_permanent() {
    let (first, mut struck, mut failed) = (seed(1), 0, 0);
    for run in first..first + 150 {
        let disk = SimDisk::new();
        let settings = || options(512).snapshots(SnapshotPolicy::Manual).retention(Retention::Events(run % 3 * 10));
        let image = open(&disk, settings()).unwrap();
        disk.inject(Fault::rot().one_in(2 + run % 20).seed(run));
        for page in 0..40 {
            let wrote = image.write(page, "some text of a page".repeat(20));
            wrote.unwrap_or_else(|error| panic!("writing reads nothing: {error}"));
            if page % 8 == 7 {
                failed += u64::from(image.admin().snapshot().is_err());
            }
        }
        struck += disk.strikes();
        let (seq, state) = (image.journal().seq(), image.read_uncommitted().unwrap().clone());
        let left = disk.fork();
        left.heal();
        let report = check_with(Arc::new(left.clone()), ROOT).unwrap();
        let damage = report.findings.iter().find(|finding| finding.severity == Severity::Damage);
        assert!(damage.is_none(), "run {run}: {report}");
        let again = open(&left, settings()).unwrap_or_else(|error| panic!("run {run}: {error}"));
        assert_eq!((again.journal().seq(), &*again.read_uncommitted().unwrap()), (seq, &state), "run {run}");
        // a base's second copy, if it could not be made
        let unusable = again.admin().stats().recovery.unusable_snapshots;
        assert!(unusable.iter().all(|(_, why)| why == "it is missing"), "run {run}: {unusable:?}");
    }
    println!("{struck} reads of a wrong bit, {failed} snapshots that failed");
    assert!(struck > 500 && failed > 50, "{struck} {failed}");
}

/// A rewrite that reads a wrong bit ends in an error, or in an image of the same state; the source is left as it is.
#[test]
fn a_rewrite_that_reads_a_wrong_bit_is_right_or_none() {
    let (sample, first) = (Sample::new(Making::CLOSED), seed(1));
    let (mut struck, mut failed) = (0, 0);
    for run in first..first + 150 {
        let disk = sample.disk.fork();
        disk.inject(Fault::rot().nth(1 + run % 60).seed(run));
        let rewrite = Rewrite::<Book>::new().segment_bytes(16 << 10);
        match rewrite.run_with(Arc::new(disk.clone()), ROOT, "/rewritten") {
            Ok(_) => {
                let image = options(512).open_with(Arc::new(disk.fork()), "/rewritten").unwrap();
                assert_eq!(&*image.read_uncommitted().unwrap(), sample.states.last().unwrap(), "run {run}");
            }
            Err(_) => failed += 1,
        }
        struck += disk.strikes();
        disk.heal();
        let source = judge(&sample, &disk.fork(), Depth::Look).unwrap_or_else(|why| panic!("run {run}: {why}"));
        assert_eq!(source, Outcome::Unnoticed, "run {run}");
    }
    println!("{struck} reads of a wrong bit, {failed} rewrites that failed");
    assert!(struck > 100 && failed > 10, "{struck} {failed}");
}
