//! Crashes of the repair that gives up the damaged frames alone: the same repair completes what it left.

use std::collections::BTreeSet;
use std::path::Path;

use memimage::ErrorKind;
use memimage::disk::{Disk as _, SimDisk};
use memimage_tests::protection::MODES;
use memimage_tests::{SplitMix64, seed};

use super::check::check;
use super::give_up::{assert_recorded, destroy, offered, state_without};
use super::model_versions::first::Till;
use super::repair::{damage, repair};
use super::{frames, image, image_as, is_thorough, open, record};

/// Asserts that the repair of the damaged image can be repeated after a crash at any of its operations. Returns after how many of them
/// only a part of the damage is a recorded gap.
fn each_crash(disk: &SimDisk, lost: &[u64]) -> u32 {
    let lost: BTreeSet<u64> = lost.iter().copied().collect();
    let action = offered(disk).unwrap_or_else(|| panic!("{}", check(disk))).action;
    let points = record(disk);
    repair(disk, action).unwrap();
    let points = std::mem::take(&mut *points.lock().unwrap());
    assert!(points.len() > 5, "{}", points.len());
    let (mut partly, mut rng) = (0, SplitMix64::new(seed(3)));
    for (at, (operation, fork)) in points.iter().enumerate() {
        let mut own = SplitMix64::new(rng.u64());
        let mut crashed = vec![fork.fork(), fork.crash(|_| false), fork.crash(|_| own.once_in(2))];
        if !is_thorough() {
            crashed = vec![crashed.swap_remove(at % 3)];
        }
        for disk in crashed {
            match open::<Till>(&disk.fork()) {
                Ok(till) => assert_eq!(till.read_uncommitted().unwrap().cents, state_without(30, &lost)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{operation:?}: {error}"),
            }
            partly += u32::from(!check(&disk).is_sound() && !check(&disk).gaps.is_empty());
            repair(&disk, action).unwrap_or_else(|error| panic!("after {operation:?}: {error}\n{}", check(&disk)));
            assert_recorded(&disk, &lost);
        }
    }
    partly
}

#[test]
fn after_a_crash_the_repair_can_be_repeated() {
    let partly: u32 = [&[5][..], &[5, 20], &[2, 11, 14, 28]]
        .map(|lost| {
            let disk = image(&[]);
            lost.iter().for_each(|event| damage(&disk, *event));
            each_crash(&disk, lost)
        })
        .iter()
        .sum();
    assert!(partly > 5, "{partly}");
}

/// The frame behind the damage is the first one of its segment, and the repair changes the segment before it too.
#[test]
fn after_a_crash_the_repair_of_the_end_of_a_segment_can_be_repeated() {
    let second = Path::new("/till/journal/00000002.journal");
    let modes = if is_thorough() { &MODES[..] } else { &MODES[..2] };
    for mode in modes.iter().copied() {
        let disk = image_as(mode, &[]);
        let of_second =
            |disk: &SimDisk| frames(disk).into_iter().filter(|frame| frame.path == second).collect::<Vec<_>>();
        let events: Vec<u64> =
            of_second(&disk).iter().filter(|frame| frame.count > 0).map(|frame| frame.first).collect();
        let (without_seal, without_end, without_segment) = (disk.fork(), disk.fork(), disk);
        let seal = of_second(&without_seal).last().unwrap().offset;
        destroy(&without_seal, second, seal);
        each_crash(&without_seal, &[]);
        let last_event = *events.last().unwrap();
        damage(&without_end, last_event);
        destroy(&without_end, second, seal);
        each_crash(&without_end, &[last_event]);
        without_segment.remove(second).unwrap();
        without_segment.sync_dir(second.parent().unwrap()).unwrap();
        each_crash(&without_segment, &events);
    }
}
