//! The proof that a decision was synced, so that damage to it is detected: the header of the next segment. If a void fails to
//! write it, the next opening does.

use std::io;

use memimage::disk::{Effect, Fault, Method, SimDisk, Unsynced};
use memimage::{ErrorKind, Image, Seq};
use memimage_tests::{Dice, cases, seed};

use super::check::check;
use super::model_versions::first::{self, TillCommands as _};
use super::void::{BAD, recorded, void, without_the_bad_one};
use super::{frames, open, record};

fn has_decision(disk: &SimDisk) -> bool {
    frames(disk).iter().any(|frame| frame.kind == 7)
}

/// Damages the decision that is there as a disk does that loses it.
fn damage(disk: &SimDisk) {
    let decision = frames(disk).into_iter().find(|frame| frame.kind == 7).expect("a decision");
    disk.write(&decision.path, decision.offset, &vec![0; decision.len.next_multiple_of(512)]).unwrap();
}

/// Whether damage to the decision is seen when the image is opened.
pub(super) fn is_seen(disk: &SimDisk) -> bool {
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

/// It is seen, also after a power cut now.
fn proven(disk: &SimDisk, context: &str) {
    assert!(is_seen(disk), "{context}");
    assert!(is_seen(&disk.crash(|_| false)), "{context}: after a power cut");
}

/// So many bytes before the decision: after 5,100 of them it begins a segment, after which none is ready.
fn recorded_after(filler: usize, snapshots: &[u64]) -> SimDisk {
    let disk = recorded(snapshots);
    let till = open::<first::Till>(&disk).unwrap();
    till.file(vec![7; filler]).unwrap();
    Image::close(till).unwrap();
    disk
}

/// A void that was cut short after its decision was written, and before the next segment was begun, left a decision that
/// only its own bytes proved. Asked for again, it said `already` and left it so, and so did opening: if the disk then lost
/// that frame, the event was back without a word.
#[test]
fn a_decision_with_a_torn_proof_is_proven_by_the_next_opening() {
    let (mut unseen, mut opened) = (0, 0);
    for (filler, snapshots) in [(0, &[3][..]), (5_100, &[])] {
        let disk = recorded_after(filler, snapshots);
        let points = record(&disk);
        void(&disk, BAD).unwrap();
        proven(&disk, "nothing went wrong");
        let points = std::mem::take(&mut *points.lock().unwrap());
        let mut dice = Dice::new(seed(21));
        for (operation, fork) in &points {
            let mut crashed = vec![fork.fork(), fork.crash(|_| false)];
            for _ in 0..cases(1) {
                let mut own = Dice::new(dice.u64());
                crashed.push(fork.crash(|_: &Unsynced| own.once_in(2)));
            }
            for disk in crashed {
                let context = format!("{filler}, after {operation:?}");
                let opening = disk.fork();
                Image::close(open::<first::Till>(&opening).unwrap()).unwrap();
                if has_decision(&opening) {
                    unseen += u32::from(!is_seen(&disk));
                    proven(&opening, &format!("{context}, opened"));
                    opened += 1;
                }
                let voided = void(&disk, BAD).unwrap();
                assert!(voided.unproven.is_none(), "{voided:?}");
                proven(&disk, &format!("{context}, asked again"));
            }
        }
    }
    assert!(unseen > 10 && opened > unseen, "{unseen} {opened}");
}

/// There was no room for the next segment: the call succeeded without a word of it.
#[test]
fn a_decision_without_room_for_its_proof_is_reported() {
    let disk = recorded_after(5_100, &[]);
    let expected = without_the_bad_one(&disk);
    disk.inject(Fault::full().path("00000003.journal.tmp").from(1));
    let voided = void(&disk, BAD).unwrap();
    assert!(!voided.already && disk.strikes() > 0, "{voided:?}");
    assert!(voided.unproven.unwrap().contains(&io::Error::from(io::ErrorKind::StorageFull).to_string()));
    assert!(has_decision(&disk.crash(|_| false)) && !is_seen(&disk));
    let again = void(&disk, BAD).unwrap();
    assert!(again.already && again.unproven.is_some(), "{again:?}");

    let asked = disk.fork();
    let again = void(&asked, BAD).unwrap();
    assert!(again.already && again.unproven.is_none(), "{again:?}");
    proven(&asked, "asked again, with room");
    damage(&asked);
    assert!(!check(&asked).is_sound());

    let opened = disk.fork();
    Image::close(open::<first::Till>(&opened).unwrap()).unwrap();
    proven(&opened, "opened, with room");

    // without room it opens all the same, and takes what there is room for
    let till: Image<first::Till> = open(&disk).unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, expected.cents);
    till.put(1).unwrap();
    Image::close(till).unwrap();
    // which proves it
    let disk = disk.crash(|_| false);
    proven(&disk, "an event after it");
    let before = frames(&disk).len();
    let till = open::<first::Till>(&disk).unwrap();
    assert_eq!(till.journal().seq(), Seq::new(10));
    Image::close(till).unwrap();
    assert_eq!(frames(&disk).len(), before);
}

/// Each call of the disk fails while an image is opened that begins the segment: it opens or it does not, and then it does.
#[test]
fn opening_may_fail_while_it_proves() {
    let disk = recorded_after(5_100, &[]);
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
        proven(&disk, &format!("call {n}"));
        if !struck {
            break;
        }
    }
    assert!(refused > 8 && poisoned > 0, "{refused} {poisoned}");
}

/// A write of the next segment's first frame that stopped halfway tells that there is one until it is cleared.
#[test]
fn a_partly_written_proof_is_written_again() {
    let disk = recorded(&[]);
    void(&disk, BAD).unwrap();
    let proof = frames(&disk).into_iter().find(|frame| frame.path.ends_with("00000002.journal")).unwrap();
    let len = disk.read(&proof.path).unwrap().len();
    disk.write(&proof.path, proof.offset + 90, &vec![0; len - proof.offset as usize - 90]).unwrap();
    assert!(is_seen(&disk));
    let opened = disk.fork();
    let till = open::<first::Till>(&opened).unwrap();
    assert!(till.admin().stats().recovery.quarantined.is_some());
    Image::close(till).unwrap();
    proven(&opened, "opened");
    assert!(void(&disk, BAD).unwrap().quarantined.is_some());
    proven(&disk, "asked again");
}

/// Where a decision is proven, neither opening nor asking again begins another segment.
#[test]
fn a_decision_that_is_proven_needs_no_other_segment() {
    let disk = recorded(&[]);
    void(&disk, BAD).unwrap();
    let before = frames(&disk).len();
    Image::close(open::<first::Till>(&disk).unwrap()).unwrap();
    assert!(void(&disk, BAD).unwrap().already);
    assert_eq!(frames(&disk).len(), before);
}
