//! Bits that are read wrongly once, because of a failing disk, cable or memory. Opening succeeds with the right state or
//! refuses, and a running image never writes a wrong bit to disk.

use std::sync::Arc;

use memimage::admin::{Rewrite, Severity, check_with};
use memimage::disk::{Fault, SimDisk};
use memimage::{Retention, SnapshotPolicy};
use memimage_tests::{Book, BookCommands, seed};

use crate::outcome::{Depth, OpenOutcome, open_and_check};
use crate::sample_images::{ROOT, SampleImage, SampleKind, open, options};

/// The number of bits that are tried in each read.
const BITS: u64 = 24;

/// One bit of one read during opening is wrong. The next open, which reads correctly, finds all data.
#[test]
fn a_read_error_while_opening_is_refused_or_harmless_and_not_permanent() {
    let first = seed(1);
    for kind in [SampleKind::CLOSED, SampleKind::KILLED, SampleKind::SNAPSHOTS, SampleKind::PRUNED] {
        let sample = SampleImage::new(kind);
        let (mut struck, mut refused) = (0, 0);
        for nth in 1.. {
            let mut strikes = 0;
            for bit in 0..BITS {
                let disk = sample.disk.fork();
                disk.inject(Fault::rot().nth(nth).seed(first + nth * BITS + bit));
                let case = format!("read {nth}, seed {}, of {kind:?}", first + nth * BITS + bit);
                let outcome =
                    open_and_check(&sample, &disk, Depth::State).unwrap_or_else(|why| panic!("{case}: {why}"));
                strikes += disk.strikes();
                refused +=
                    u64::from(matches!(outcome, OpenOutcome::Refused | OpenOutcome::Suspect | OpenOutcome::NoStart));
                assert_ne!(outcome, OpenOutcome::Earlier, "{case}");
                disk.heal();
                let again = open_and_check(&sample, &disk, Depth::Use)
                    .unwrap_or_else(|why| panic!("{case}, second open: {why}"));
                assert!(
                    matches!(again, OpenOutcome::Unnoticed | OpenOutcome::FellBack),
                    "{case}, second open: {again:?}"
                );
            }
            if strikes == 0 {
                break;
            }
            struck += strikes;
        }
        println!("{kind:?}: {struck} reads with a wrong bit, {refused} refused");
        assert!(struck > 100 && refused > 10, "{struck} {refused}");
    }
}

/// Snapshots, snapshot verification, bases and pruning read written data. A read error never replaces intact data.
#[test]
fn a_read_error_of_a_running_image_is_not_made_permanent() {
    let (first, mut struck, mut failed) = (seed(1), 0, 0);
    for run in first..first + 150 {
        let disk = SimDisk::new();
        let settings = || options(512).snapshots(SnapshotPolicy::Manual).retention(Retention::Events(run % 3 * 10));
        let image = open(&disk, settings()).unwrap();
        disk.inject(Fault::rot().one_in(2 + run % 20).seed(run));
        for page in 0..40 {
            let wrote = image.write(page, "some text of a page".repeat(20));
            wrote.unwrap_or_else(|error| panic!("a command reads nothing from disk: {error}"));
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
        // the second copy of a base may be missing if it could not be created
        let unusable = again.admin().stats().recovery.unusable_snapshots;
        assert!(unusable.iter().all(|(_, why)| why == "the file is missing"), "run {run}: {unusable:?}");
    }
    println!("{struck} reads with a wrong bit, {failed} failed snapshots");
    assert!(struck > 500 && failed > 50, "{struck} {failed}");
}

/// A rewrite with a read error fails, or creates an image with the right state. It does not modify the source.
#[test]
fn a_rewrite_with_a_read_error_fails_or_is_correct() {
    let (sample, first) = (SampleImage::new(SampleKind::CLOSED), seed(1));
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
        let source =
            open_and_check(&sample, &disk.fork(), Depth::State).unwrap_or_else(|why| panic!("run {run}: {why}"));
        assert_eq!(source, OpenOutcome::Unnoticed, "run {run}");
    }
    println!("{struck} reads with a wrong bit, {failed} failed rewrites");
    assert!(struck > 100 && failed > 10, "{struck} {failed}");
}
