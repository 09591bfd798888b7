//! Batches and other frames in the wrong place, each with valid checksums: swapped, duplicated, missing, or moved to another
//! segment.

use memimage::disk::SimDisk;
use memimage_tests::checksums;
use memimage_tests::frames::{self, frames, next_offset};

use crate::campaign::{DamageInjection, OutcomeCounts, try_all};
use crate::outcome::{Depth, OpenOutcome};
use crate::sample_images::{HEADER, SEGMENT, SampleImage, SampleKind, segment};

/// A frame: the number of its segment, and its index in the segment.
type Position = (u64, usize);

#[derive(Clone, Debug)]
enum BatchChange {
    Swapped(Position, Position),
    /// The first frame replaces the second.
    Copied(Position, Position),
    /// The frame is duplicated in place, and the later frames are moved down.
    Duplicated(Position),
    /// The later frames are moved up.
    Removed(Position),
    Zeroed(Position),
    /// The frame is moved before a frame of another segment.
    Moved(Position, Position),
}

/// The frames of a journal, as bytes with their padding.
#[derive(Clone)]
struct JournalFrames(Vec<(u64, Vec<Vec<u8>>)>);

impl JournalFrames {
    fn new(sample: &SampleImage, numbers: std::ops::RangeInclusive<u64>) -> JournalFrames {
        let of = |number| {
            let bytes = sample.bytes(&segment(number));
            let padded = |frame| bytes[std::ops::Range::clone(&frame).start..next_offset(bytes, &frame)].to_vec();
            (number, frames(bytes).into_iter().map(padded).collect())
        };
        JournalFrames(numbers.map(of).collect())
    }

    fn places(&self) -> Vec<Position> {
        self.0.iter().flat_map(|(number, frames)| (0..frames.len()).map(|at| (*number, at))).collect()
    }

    fn frames(&mut self, number: u64) -> &mut Vec<Vec<u8>> {
        &mut self.0.iter_mut().find(|(other, _)| *other == number).expect("a segment of the journal").1
    }

    fn frame(&mut self, (number, at): Position) -> &mut Vec<u8> {
        &mut self.frames(number)[at]
    }

    fn change(&mut self, change: &BatchChange) {
        match *change {
            BatchChange::Swapped(one, other) => {
                let (first, second) = (self.frame(one).clone(), self.frame(other).clone());
                *self.frame(one) = second;
                *self.frame(other) = first;
            }
            BatchChange::Copied(one, other) => *self.frame(other) = self.frame(one).clone(),
            BatchChange::Duplicated((number, at)) => {
                let copy = self.frame((number, at)).clone();
                self.frames(number).insert(at, copy);
            }
            BatchChange::Removed((number, at)) => drop(self.frames(number).remove(at)),
            BatchChange::Zeroed(at) => self.frame(at).fill(0),
            BatchChange::Moved((number, at), (to, before)) => {
                let frame = self.frames(number).remove(at);
                self.frames(to).insert(before, frame);
            }
        }
    }

    /// The segments without their headers. Frames beyond the end of a segment are lost.
    fn segments(&self) -> impl Iterator<Item = (u64, Vec<u8>)> {
        self.0.iter().map(|(number, frames)| {
            let mut bytes = frames.concat();
            bytes.resize(SEGMENT - HEADER, 0);
            (*number, bytes)
        })
    }

    fn write(&self, disk: &SimDisk) {
        for (number, bytes) in self.segments() {
            disk.write(segment(number), HEADER as u64, &bytes).unwrap();
        }
    }
}

/// All changes of one or two frames that change the bytes. Duplicating a seal without room for a second one changes nothing.
fn all(journal: &JournalFrames) -> Vec<BatchChange> {
    let places = journal.places();
    let mut changes = Vec::new();
    for (index, &one) in places.iter().enumerate() {
        changes.extend([BatchChange::Duplicated(one), BatchChange::Removed(one), BatchChange::Zeroed(one)]);
        for (other_index, &other) in places.iter().enumerate() {
            if other_index > index {
                changes.push(BatchChange::Swapped(one, other));
            }
            if other_index != index {
                changes.push(BatchChange::Copied(one, other));
            }
            if other.0 != one.0 {
                changes.push(BatchChange::Moved(one, other));
            }
        }
    }
    let is_change = |change: &BatchChange| {
        let mut changed = journal.clone();
        changed.change(change);
        changed.segments().ne(journal.segments())
    };
    changes.retain(is_change);
    changes
}

fn kind_of(change: &BatchChange) -> String {
    let name = format!("{change:?}");
    name[..name.find('(').expect("each variant has a position")].to_owned()
}

fn try_changes(name: &str, sample: &SampleImage, journal: &JournalFrames, changes: &[BatchChange]) -> OutcomeCounts {
    let apply = |disk: &SimDisk, change: &BatchChange| {
        let mut journal = journal.clone();
        journal.change(change);
        journal.write(disk);
    };
    try_all(sample, &DamageInjection { name, depth: Depth::Use, part: &kind_of, apply: &apply }, changes)
}

/// The checksum of each frame covers the previous frame, the segment and the image, and `durable` is evidence of all events.
#[test]
fn a_misplaced_batch_is_refused() {
    for align in [8, 512] {
        let sample = SampleImage::new(SampleKind { align, ..SampleKind::CLOSED });
        let journal = JournalFrames::new(&sample, 1..=3);
        let changes = all(&journal);
        assert!(journal.places().len() > 24, "{} frames", journal.places().len());
        let counts = try_changes("batches", &sample, &journal, &changes);
        // the duplicate of the last batch is suspect, because nothing proves that it was synced
        assert_eq!(counts.of("Duplicated"), [OpenOutcome::Refused, OpenOutcome::Suspect]);
        for kind in ["Swapped", "Copied", "Removed", "Zeroed", "Moved"] {
            assert_eq!(counts.of(kind), [OpenOutcome::Refused], "{kind}");
        }
    }
}

/// Without `durable`, each batch is proven by the frames after it, except for the last batch. If the last batch is missing
/// completely, the image opens with the state before it.
#[test]
fn a_misplaced_batch_is_refused_without_durable_unless_it_is_the_last() {
    let sample = SampleImage::new(SampleKind::KILLED);
    let journal = JournalFrames::new(&sample, 1..=3);
    let last = *journal.places().last().unwrap();
    let of_last = |change: &BatchChange| match *change {
        BatchChange::Removed(one) | BatchChange::Zeroed(one) => one == last,
        BatchChange::Moved(one, _) => one == last,
        _ => false,
    };
    let (missing, others): (Vec<_>, Vec<_>) = all(&journal).into_iter().partition(of_last);
    let counts = try_changes("batches, killed", &sample, &journal, &others);
    assert!(
        counts.all().iter().all(|outcome| matches!(outcome, OpenOutcome::Refused | OpenOutcome::Suspect)),
        "{counts:?}"
    );
    let counts = try_changes("the last batch, killed", &sample, &journal, &missing);
    assert_eq!(counts.of("Removed"), [OpenOutcome::Earlier]);
    assert_eq!(counts.of("Zeroed"), [OpenOutcome::Earlier]);
    // the last batch is missing, but the frame at its new position is damage
    assert_eq!(counts.of("Moved"), [OpenOutcome::Refused]);
}

/// With corrected checksums and links, event numbers, outcomes and digests must still be consistent. SECURITY.md describes what
/// an attacker can forge.
#[test]
fn missing_or_duplicated_events_are_refused_even_with_valid_checksums() {
    let sample = SampleImage::new(SampleKind::CLOSED);
    let journal = JournalFrames::new(&sample, 1..=3);
    let has_events = |&(number, at): &(u64, usize)| frames::events(&journal.0[number as usize - 1].1[at], &(0..0)) > 0;
    let batches: Vec<_> = journal.places().into_iter().filter(has_events).collect();
    let mut changes: Vec<_> = batches.iter().map(|&batch| BatchChange::Duplicated(batch)).collect();
    changes.extend(batches.iter().map(|&batch| BatchChange::Removed(batch)));
    changes.extend(batches.windows(2).map(|pair| BatchChange::Swapped(pair[0], pair[1])));
    let apply = |disk: &SimDisk, change: &BatchChange| {
        let mut journal = journal.clone();
        journal.change(change);
        journal.write(disk);
        let mut segments: Vec<_> = (1..=3).map(|number| disk.read(segment(number)).unwrap()).collect();
        checksums::update_journal(&mut segments);
        for (number, bytes) in (1..).zip(&segments) {
            disk.write(segment(number), 0, bytes).unwrap();
        }
    };
    let damage =
        DamageInjection { name: "batches, with valid checksums", depth: Depth::Use, part: &kind_of, apply: &apply };
    let counts = try_all(&sample, &damage, &changes);
    assert!(
        counts.all().iter().all(|outcome| matches!(outcome, OpenOutcome::Refused | OpenOutcome::Suspect)),
        "{counts:?}"
    );
}
