//! Batches, and frames of every other kind, in the wrong place, each with valid checksums: swapped, duplicated, missing, moved to
//! another segment.

use memimage::disk::SimDisk;
use memimage_tests::checksums;
use memimage_tests::frames::{self, frames, next_offset};

use crate::campaign::{Damage, Tally, try_all};
use crate::outcome::{Depth, Outcome};
use crate::sample_images::{HEADER, Making, SEGMENT, Sample, segment};

/// Frame `.1` of segment `.0`.
type At = (u64, usize);

#[derive(Clone, Debug)]
enum Change {
    Swapped(At, At),
    /// The first is put in the place of the second, and stands twice.
    Copied(At, At),
    /// It stands twice in a row, and the rest is moved down.
    Doubled(At),
    /// The rest is moved up.
    Removed(At),
    Zeroed(At),
    /// It is taken out of its segment and put before another frame.
    Moved(At, At),
}

/// The frames of a journal, as bytes with their padding.
#[derive(Clone)]
struct Journal(Vec<(u64, Vec<Vec<u8>>)>);

impl Journal {
    fn new(sample: &Sample, numbers: std::ops::RangeInclusive<u64>) -> Journal {
        let of = |number| {
            let bytes = sample.bytes(&segment(number));
            let padded = |frame| bytes[std::ops::Range::clone(&frame).start..next_offset(bytes, &frame)].to_vec();
            (number, frames(bytes).into_iter().map(padded).collect())
        };
        Journal(numbers.map(of).collect())
    }

    fn places(&self) -> Vec<At> {
        self.0.iter().flat_map(|(number, frames)| (0..frames.len()).map(|at| (*number, at))).collect()
    }

    fn frames(&mut self, number: u64) -> &mut Vec<Vec<u8>> {
        &mut self.0.iter_mut().find(|(other, _)| *other == number).expect("a segment of the journal").1
    }

    fn frame(&mut self, (number, at): At) -> &mut Vec<u8> {
        &mut self.frames(number)[at]
    }

    fn change(&mut self, change: &Change) {
        match *change {
            Change::Swapped(one, other) => {
                let (first, second) = (self.frame(one).clone(), self.frame(other).clone());
                *self.frame(one) = second;
                *self.frame(other) = first;
            }
            Change::Copied(one, other) => *self.frame(other) = self.frame(one).clone(),
            Change::Doubled((number, at)) => {
                let copy = self.frame((number, at)).clone();
                self.frames(number).insert(at, copy);
            }
            Change::Removed((number, at)) => drop(self.frames(number).remove(at)),
            Change::Zeroed(at) => self.frame(at).fill(0),
            Change::Moved((number, at), (to, before)) => {
                let frame = self.frames(number).remove(at);
                self.frames(to).insert(before, frame);
            }
        }
    }

    /// The segments, but for their headers. What has no more room falls off at the end.
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

/// All changes there are of one or two frames, but for those that change no byte: a seal that has no room to stand twice.
fn all(journal: &Journal) -> Vec<Change> {
    let places = journal.places();
    let mut changes = Vec::new();
    for (index, &one) in places.iter().enumerate() {
        changes.extend([Change::Doubled(one), Change::Removed(one), Change::Zeroed(one)]);
        for (other_index, &other) in places.iter().enumerate() {
            if other_index > index {
                changes.push(Change::Swapped(one, other));
            }
            if other_index != index {
                changes.push(Change::Copied(one, other));
            }
            if other.0 != one.0 {
                changes.push(Change::Moved(one, other));
            }
        }
    }
    let is_change = |change: &Change| {
        let mut changed = journal.clone();
        changed.change(change);
        changed.segments().ne(journal.segments())
    };
    changes.retain(is_change);
    changes
}

fn kind_of(change: &Change) -> String {
    let name = format!("{change:?}");
    name[..name.find('(').expect("each has a place")].to_owned()
}

fn try_changes(name: &str, sample: &Sample, journal: &Journal, changes: &[Change]) -> Tally {
    let apply = |disk: &SimDisk, change: &Change| {
        let mut journal = journal.clone();
        journal.change(change);
        journal.write(disk);
    };
    try_all(sample, &Damage { name, depth: Depth::Live, part: &kind_of, apply: &apply }, changes)
}

/// Each frame names the one before it, its segment and its image by its checksum; and all that it says is proven by `durable`.
#[test]
fn each_batch_out_of_its_place_is_refused() {
    for align in [8, 512] {
        let sample = Sample::new(Making { align, ..Making::CLOSED });
        let journal = Journal::new(&sample, 1..=3);
        let changes = all(&journal);
        assert!(journal.places().len() > 24, "{} frames", journal.places().len());
        let tally = try_changes("batches", &sample, &journal, &changes);
        // the last one twice, which it was not when it was acknowledged
        assert_eq!(tally.of("Doubled"), [Outcome::Refused, Outcome::Suspect]);
        for kind in ["Swapped", "Copied", "Removed", "Zeroed", "Moved"] {
            assert_eq!(tally.of(kind), [Outcome::Refused], "{kind}");
        }
    }
}

/// Without `durable`, all that is acknowledged but the last batch is proven by frames after it. The last batch is not: if
/// it is gone without a trace, the image opens as it was before it.
#[test]
fn each_batch_out_of_its_place_is_seen_without_durable_but_for_the_last() {
    let sample = Sample::new(Making::KILLED);
    let journal = Journal::new(&sample, 1..=3);
    let last = *journal.places().last().unwrap();
    let of_last = |change: &Change| match *change {
        Change::Removed(one) | Change::Zeroed(one) => one == last,
        Change::Moved(one, _) => one == last,
        _ => false,
    };
    let (gone, others): (Vec<_>, Vec<_>) = all(&journal).into_iter().partition(of_last);
    let tally = try_changes("batches, killed", &sample, &journal, &others);
    assert!(tally.all().iter().all(|outcome| matches!(outcome, Outcome::Refused | Outcome::Suspect)), "{tally:?}");
    let tally = try_changes("the last batch, killed", &sample, &journal, &gone);
    assert_eq!(tally.of("Removed"), [Outcome::Earlier]);
    assert_eq!(tally.of("Zeroed"), [Outcome::Earlier]);
    // it is there no more, but where it was moved something is that does not belong there
    assert_eq!(tally.of("Moved"), [Outcome::Refused]);
}

/// With checksums and chain made to fit, as by hand: numbers of events, outcomes and digests still have to agree. What an
/// attacker can forge is another matter: SECURITY.md.
#[test]
fn events_that_are_missing_or_doubled_are_refused_whatever_the_checksums_say() {
    let sample = Sample::new(Making::CLOSED);
    let journal = Journal::new(&sample, 1..=3);
    let counts = |&(number, at): &(u64, usize)| frames::events(&journal.0[number as usize - 1].1[at], &(0..0)) > 0;
    let batches: Vec<_> = journal.places().into_iter().filter(counts).collect();
    let mut changes: Vec<_> = batches.iter().map(|&batch| Change::Doubled(batch)).collect();
    changes.extend(batches.iter().map(|&batch| Change::Removed(batch)));
    changes.extend(batches.windows(2).map(|pair| Change::Swapped(pair[0], pair[1])));
    let apply = |disk: &SimDisk, change: &Change| {
        let mut journal = journal.clone();
        journal.change(change);
        journal.write(disk);
        let mut segments: Vec<_> = (1..=3).map(|number| disk.read(segment(number)).unwrap()).collect();
        checksums::update_journal(&mut segments);
        for (number, bytes) in (1..).zip(&segments) {
            disk.write(segment(number), 0, bytes).unwrap();
        }
    };
    let damage = Damage { name: "batches, sealed anew", depth: Depth::Live, part: &kind_of, apply: &apply };
    let tally = try_all(&sample, &damage, &changes);
    assert!(tally.all().iter().all(|outcome| matches!(outcome, Outcome::Refused | Outcome::Suspect)), "{tally:?}");
}
