//! Two frames of a journal that were exchanged. Each repair names all events that it loses, in each durability.

use std::sync::Arc;

use memimage::admin::RepairOption;
use memimage::disk::SimDisk;
use memimage::{Durability, Image};
use memimage_tests::{SplitMix64, cases, seed};

use super::check::check;
use super::frame_edits::Frame;
use super::model_versions::first::{Till, TillCommands as _};
use super::repair::repair;
use super::{IMAGE, frames, open, options};

const EVENTS: u64 = 60;

/// A closed image of sixty events, each in a frame of its own, with a snapshot after each event in `snapshots`.
fn image(durability: Durability, snapshots: &[u64]) -> SimDisk {
    let disk = SimDisk::new();
    let till: Image<Till> = options().durability(durability).open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    for event in 1..=EVENTS {
        till.put(event).unwrap();
        till.journal().sync().unwrap();
        if snapshots.contains(&event) {
            till.admin().snapshot().unwrap();
        }
    }
    Image::close(till).unwrap();
    disk
}

fn exchange(disk: &SimDisk, [one, other]: [&Frame; 2]) {
    let read = |frame: &Frame| {
        let bytes = disk.read(&frame.path).unwrap();
        bytes[frame.offset as usize..frame.offset as usize + frame.len].to_vec()
    };
    let (first, second) = (read(one), read(other));
    disk.write(&one.path, one.offset, &second).unwrap();
    disk.write(&other.path, other.offset, &first).unwrap();
}

/// Repairs the image, first by this option and then by what the check offers first, until it is sound. Returns the events that the
/// reports name as lost.
fn repair_by(disk: &SimDisk, option: &RepairOption) -> Vec<u64> {
    let mut option = option.clone();
    let mut lost = Vec::new();
    for _ in 0..4 {
        let told = option.lost;
        let report = repair(disk, option.action).unwrap_or_else(|error| panic!("{}: {error}", option.action));
        lost.extend([told, report.lost].into_iter().flatten().flat_map(|range| range.first.get()..=range.last.get()));
        let checked = check(disk);
        if checked.is_sound() {
            return lost;
        }
        option = checked.repairs().remove(0);
    }
    panic!("no end of repairs: {}", check(disk));
}

#[test]
fn each_repair_names_all_events_that_it_loses() {
    let mut rng = SplitMix64::new(seed(7));
    for durability in [Durability::Synced, Durability::Buffered] {
        for snapshots in [&[][..], &[20], &[40, 55]] {
            let intact = image(durability, snapshots);
            let frames: Vec<Frame> = frames(&intact).into_iter().filter(|frame| frame.count > 0).collect();
            let mut pairs = vec![(30, 55), (58, 59), (20, 59), (39, 40), (54, 55), (0, 59)];
            pairs.extend((0..cases(8)).map(|_| (rng.below(EVENTS) as usize, rng.below(EVENTS) as usize)));
            for (one, other) in pairs {
                let disk = intact.fork();
                if frames[one].len != frames[other].len || one == other {
                    continue;
                }
                exchange(&disk, [&frames[one], &frames[other]]);
                let checked = check(&disk);
                for option in checked.repairs() {
                    let what = format!("{durability:?}, {snapshots:?}, frames {one} and {other}, {}", option.action);
                    let disk = disk.fork();
                    let lost = repair_by(&disk, &option);
                    let last =
                        open::<Till>(&disk).unwrap_or_else(|error| panic!("{what}: {error}")).journal().seq().get();
                    let untold: Vec<u64> = (last + 1..=EVENTS).filter(|event| !lost.contains(event)).collect();
                    assert!(untold.is_empty(), "{what}: opens with {last} events; not told: {untold:?}\n{checked}");
                }
            }
        }
    }
}
