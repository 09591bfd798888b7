//! Damage in several places: running the first repair of each report makes the image sound and keeps all events that can be
//! replayed, which are those from the newest intact state to the next damage.

use memimage::admin::{RepairAction, SeqRange};
use memimage::disk::SimDisk;
use memimage::{Image, Seq};
use memimage_tests::{SplitMix64, cases, seed};

use super::check::check;
use super::frame_edits::{AFTER_HEADER, Frame};
use super::model_versions::first::{Till, TillCommands as _};
use super::repair::{cents, crash_everywhere, crash_everywhere_before, cut_from, damage, repair, state_after};
use super::{frames, image, open};

fn begin_at(seq: u64) -> RepairAction {
    RepairAction::BeginAt(Seq::new(seq))
}

/// Runs the first repair of each report until the image is sound, and returns the repairs. Asserts that the next repair is
/// the announced one, and that the loss is the reported one.
fn run_reported_repairs(disk: &SimDisk) -> Vec<RepairAction> {
    let (mut done, mut then, mut lost) = (Vec::new(), None, None::<Option<SeqRange>>);
    loop {
        let checked = check(disk);
        if checked.is_sound() {
            assert_eq!(then, None, "{checked}");
            return done;
        }
        let option = checked.repairs().into_iter().next().unwrap_or_else(|| panic!("nothing is offered: {checked}"));
        assert!(then.is_none_or(|then| then == option.action), "{then:?} was announced: {checked}");
        assert_eq!(*lost.get_or_insert(option.lost), option.lost, "{checked}");
        repair(disk, option.action).unwrap_or_else(|error| panic!("{error}\n{checked}"));
        then = option.next;
        done.push(option.action);
        assert!(done.len() < 3, "{done:?}: {checked}");
    }
}

/// How many of the thirty events a repair keeps if these frames are damaged and `newest` is the newest intact state.
fn kept(frames: &[Frame], newest: u64, damaged: &[usize]) -> u64 {
    // a damaged frame without events between the state and the next event loses no event
    let next = frames.iter().position(|frame| frame.kind == 1 && frame.first > newest).unwrap_or(frames.len());
    let from = if newest == 0 { 0 } else { next };
    damaged.iter().filter(|at| **at >= from).map(|at| frames[*at].first - 1).min().unwrap_or(30)
}

#[test]
fn all_replayable_events_are_kept_whichever_frames_are_damaged() {
    let mut rng = SplitMix64::new(seed(21));
    let mut begins = 0;
    for case in 0..cases(150) {
        let snapshots = [&[][..], &[12], &[5, 20], &[29], &[3, 9, 30]][rng.below(5) as usize];
        let disk = image(snapshots);
        let frames = frames(&disk);
        let damaged: Vec<usize> = (0..1 + rng.below(4)).map(|_| rng.below(frames.len() as u64) as usize).collect();
        for at in &damaged {
            disk.write(&frames[*at].path, frames[*at].offset + AFTER_HEADER + 5, &[0xA5; 4]).unwrap();
        }
        let kept = kept(&frames, snapshots.last().copied().unwrap_or(0), &damaged);
        if snapshots.is_empty() && kept == 0 && damaged.iter().any(|at| frames[*at].kind == 3 || *at == 0) {
            continue; // without the genesis frame no repair is possible
        }
        let done = run_reported_repairs(&disk);
        begins += u32::from(matches!(done.first(), Some(RepairAction::BeginAt(_))));
        assert_eq!(cents(&disk), (kept, state_after(kept)), "case {case}: {snapshots:?}, {damaged:?}: {done:?}");
        // the image accepts new events
        let till = open::<Till>(&disk).unwrap();
        till.put(1).unwrap();
        Image::close(till).unwrap();
        assert_eq!(cents(&disk), (kept + 1, state_after(kept) + 1));
        assert!(check(&disk).is_sound(), "{}", check(&disk));
    }
    assert!(begins > 20, "{begins}");
}

/// The damaged frame shares its segment with the events after the state, or is in the first segment, or more damage
/// follows. After a crash at any point of the repair, the same repair completes.
#[test]
fn after_a_crash_a_rebuilt_segment_is_the_old_or_the_new_one() {
    for (snapshot, damaged, then) in [
        (5, &[3][..], None),
        (5, &[5], None),
        (12, &[11], None),
        (12, &[12], None),
        (5, &[3, 7], Some(7)),
        (12, &[10, 20], Some(20)),
        (12, &[2, 11, 14, 17, 28], Some(14)),
    ] {
        let disk = image(&[snapshot]);
        damaged.iter().for_each(|event| damage(&disk, *event));
        let first = check(&disk).repairs()[0].clone();
        assert_eq!((first.action, first.next), (begin_at(snapshot), then.map(cut_from)), "{damaged:?}");
        let events = then.map_or(30, |event| event - 1);
        crash_everywhere_before(&disk.fork(), first.action, first.next, events);
        let Some(then) = first.next else { continue };
        repair(&disk, first.action).unwrap();
        assert!(repair(&disk, first.action).unwrap().is_unchanged());
        crash_everywhere(&disk, then, events);
    }
}
