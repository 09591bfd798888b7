//! The header of the next segment proves that a decision was synced, so that damage to the decision is detected. If a void
//! fails to write this header, the next opening writes it.

use std::io;

use memimage::disk::{Disk, Effect, Fault, Method, SimDisk, Unsynced};
use memimage::{ErrorKind, Image, Seq};
use memimage_tests::{SplitMix64, cases, seed};

use super::check::check;
use super::frame_edits::AFTER_HEADER;
use super::model_versions::first::{self, TillCommands as _};
use super::void::{BAD, FILLS_A_SEGMENT, recorded, void, without_the_bad_one};
use super::{frames, open, record};

fn has_decision(disk: &SimDisk) -> bool {
    frames(disk).iter().any(|frame| frame.kind == 7)
}

/// Zeroes the frame of the decision, as a disk that loses it.
fn damage(disk: &SimDisk) {
    let decision = frames(disk).into_iter().find(|frame| frame.kind == 7).expect("a decision");
    disk.write(&decision.path, decision.offset, &vec![0; decision.len.next_multiple_of(512)]).unwrap();
}

/// Whether opening detects damage to the decision.
pub(super) fn damage_is_detected(disk: &SimDisk) -> bool {
    let disk = disk.fork();
    damage(&disk);
    match open::<first::Till>(&disk) {
        Ok(till) => {
            assert!(
                till.read_uncommitted().unwrap().entries.iter().any(|(seq, _)| *seq == BAD.get()),
                "the event is back"
            );
            false
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            true
        }
    }
}

/// Asserts that damage to the decision is detected, now and after a power cut.
fn assert_proven(disk: &SimDisk, context: &str) {
    assert!(damage_is_detected(disk), "{context}");
    assert!(damage_is_detected(&disk.crash(|_| false)), "{context}: after a power cut");
}

/// An image with `filler` bytes before the decision.
fn recorded_after(filler: usize, snapshots: &[u64]) -> SimDisk {
    let disk = recorded(snapshots);
    let till = open::<first::Till>(&disk).unwrap();
    till.file(vec![7; filler]).unwrap();
    Image::close(till).unwrap();
    disk
}

/// Regression: after a crash between the write of the decision and the creation of the next segment, only the decision's
/// own bytes proved it. Neither the same void nor an opening added the proof. If the disk then lost the frame, the event
/// silently came back.
#[test]
fn a_decision_with_a_torn_proof_is_proven_by_the_next_opening() {
    let (mut unseen, mut opened) = (0, 0);
    for (filler, snapshots) in [(0, &[3][..]), (FILLS_A_SEGMENT, &[])] {
        let disk = recorded_after(filler, snapshots);
        let points = record(&disk);
        void(&disk, BAD).unwrap();
        assert_proven(&disk, "without a fault");
        let points = std::mem::take(&mut *points.lock().unwrap());
        let mut rng = SplitMix64::new(seed(21));
        for (operation, fork) in &points {
            let mut crashed = vec![fork.fork(), fork.crash(|_| false)];
            for _ in 0..cases(1) {
                let mut own = SplitMix64::new(rng.u64());
                crashed.push(fork.crash(|_: &Unsynced| own.once_in(2)));
            }
            for disk in crashed {
                let context = format!("{filler}, after {operation:?}");
                let opening = disk.fork();
                Image::close(open::<first::Till>(&opening).unwrap()).unwrap();
                if has_decision(&opening) {
                    unseen += u32::from(!damage_is_detected(&disk));
                    assert_proven(&opening, &format!("{context}, opened again"));
                    opened += 1;
                }
                let voided = void(&disk, BAD).unwrap();
                assert!(voided.unproven.is_none(), "{voided:?}");
                assert_proven(&disk, &format!("{context}, voided again"));
            }
        }
    }
    assert!(unseen > 10 && opened > unseen, "{unseen} {opened}");
}

/// Regression: without space for the next segment, the void succeeded and did not report it.
#[test]
fn a_decision_without_space_for_its_proof_is_reported() {
    let disk = recorded_after(FILLS_A_SEGMENT, &[]);
    let expected = without_the_bad_one(&disk);
    disk.inject(Fault::full().path("00000003.journal.tmp").from(1));
    let voided = void(&disk, BAD).unwrap();
    assert!(!voided.already && disk.strikes() > 0, "{voided:?}");
    assert!(voided.unproven.unwrap().contains(&io::Error::from(io::ErrorKind::StorageFull).to_string()));
    assert!(has_decision(&disk.crash(|_| false)));
    // the number of decisions in `journal/durable` is the only evidence
    assert!(damage_is_detected(&disk));
    let without_evidence = disk.fork();
    without_evidence.remove("/till/journal/durable".as_ref()).unwrap();
    assert!(!damage_is_detected(&without_evidence));
    let again = void(&disk, BAD).unwrap();
    assert!(again.already && again.unproven.is_some(), "{again:?}");

    let asked = disk.fork();
    let again = void(&asked, BAD).unwrap();
    assert!(again.already && again.unproven.is_none(), "{again:?}");
    assert_proven(&asked, "voided again, with space");
    damage(&asked);
    assert!(!check(&asked).is_sound());

    let opened = disk.fork();
    Image::close(open::<first::Till>(&opened).unwrap()).unwrap();
    assert_proven(&opened, "opened, with space");

    // without space for another segment the image opens, and accepts events while the current segment has space
    let till: Image<first::Till> = open(&disk).unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, expected.cents);
    till.put(1).unwrap();
    Image::close(till).unwrap();
    // a later frame proves the decision
    let disk = disk.crash(|_| false);
    assert_proven(&disk, "an event after it");
    let before = frames(&disk).len();
    let till = open::<first::Till>(&disk).unwrap();
    assert_eq!(till.journal().seq(), Seq::new(10));
    Image::close(till).unwrap();
    assert_eq!(frames(&disk).len(), before);
}

/// Each call of the disk fails in turn while an opening begins the segment. The opening may fail; the next one succeeds.
#[test]
fn an_opening_that_fails_to_write_the_proof_can_be_repeated() {
    let disk = recorded_after(FILLS_A_SEGMENT, &[]);
    disk.inject(Fault::full().path("00000003.journal.tmp").from(1));
    assert!(void(&disk, BAD).unwrap().unproven.is_some());
    disk.heal();
    let changes: Vec<Method> = Method::ALL.into_iter().filter(|method| method.is_change()).collect();
    let (mut refused, mut poisoned) = (0, 0);
    for n in 1.. {
        let disk = disk.fork();
        disk.inject(Fault::io().on(&changes).nth(n).effect(if n % 2 == 0 {
            Effect::Everything
        } else {
            Effect::Nothing
        }));
        match open::<first::Till>(&disk) {
            Ok(till) => poisoned += u32::from(Image::close(till).is_err()),
            Err(error) => {
                assert!(error.is_io() && !error.is_poisoned(), "{error}");
                refused += 1;
            }
        }
        let struck = disk.strikes() > 0;
        disk.heal();
        let till = open::<first::Till>(&disk).unwrap_or_else(|error| panic!("call {n}: {error}"));
        assert_eq!(till.journal().seq(), Seq::new(9));
        Image::close(till).unwrap();
        assert_proven(&disk, &format!("call {n}"));
        if !struck {
            break;
        }
    }
    assert!(refused > 8 && poisoned > 0, "{refused} {poisoned}");
}

/// A half-written first frame of the next segment is evidence until it is cleared.
#[test]
fn a_partly_written_proof_is_written_again() {
    let disk = recorded(&[]);
    void(&disk, BAD).unwrap();
    let proof = frames(&disk).into_iter().find(|frame| frame.path.ends_with("00000002.journal")).unwrap();
    let len = disk.read(&proof.path).unwrap().len();
    disk.write(
        &proof.path,
        proof.offset + AFTER_HEADER + 10,
        &vec![0; len - (proof.offset + AFTER_HEADER) as usize - 10],
    )
    .unwrap();
    assert!(damage_is_detected(&disk));
    let opened = disk.fork();
    let till = open::<first::Till>(&opened).unwrap();
    assert!(till.admin().stats().recovery.quarantined.is_some());
    Image::close(till).unwrap();
    assert_proven(&opened, "opened");
    assert!(void(&disk, BAD).unwrap().quarantined.is_some());
    assert_proven(&disk, "voided again");
}

/// If a decision is proven, neither opening nor the same void begins another segment.
#[test]
fn a_proven_decision_needs_no_other_segment() {
    let disk = recorded(&[]);
    void(&disk, BAD).unwrap();
    let before = frames(&disk).len();
    Image::close(open::<first::Till>(&disk).unwrap()).unwrap();
    assert!(void(&disk, BAD).unwrap().already);
    assert_eq!(frames(&disk).len(), before);
}
