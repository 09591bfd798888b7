//! Sectors that read as zeros, as after writes that the disk said it had done: any run of them. That is what the end of a
//! journal looks like, so only evidence tells: `durable`, a snapshot, or a frame that came later.

use std::ops::Range;
use std::path::Path;

use memimage::{
    Image,
    disk::{Disk, SimDisk},
};
use memimage_tests::{files, frames};

use crate::campaign::{Damage, Tally, try_all};
use crate::outcome::{Depth, Outcome};
use crate::sample_images::{Making, Sample, durable, open, options, segment};

type Lost = (usize, Range<usize>);

const SECTOR: usize = 512;

fn zero(name: &str, sample: &Sample, lost: &[Lost]) -> Tally {
    let apply = |disk: &SimDisk, (file, sectors): &Lost| {
        let (path, bytes) = &sample.files[*file];
        let (start, end) = (sectors.start * SECTOR, bytes.len().min(sectors.end * SECTOR));
        disk.write(path, start as u64, &vec![0; end - start]).unwrap();
    };
    let part = |(file, _): &Lost| sample.files[*file].0.file_name().unwrap().to_string_lossy().into_owned();
    try_all(sample, &Damage { name, depth: Depth::Look, part: &part, apply: &apply }, lost)
}

/// Each run of sectors of each file: one, several, up to all of them.
fn runs(sample: &Sample) -> Vec<Lost> {
    let of = |file: usize| {
        let sectors = sample.files[file].1.len().div_ceil(SECTOR);
        (0..sectors).flat_map(move |start| (start + 1..=sectors).map(move |end| (file, start..end)))
    };
    (0..sample.files.len()).flat_map(of).collect()
}

#[test]
fn each_run_of_lost_sectors_is_refused_by_the_evidence_of_durable() {
    let sample = Sample::new(Making::CLOSED);
    let tally = zero("sectors, durable", &sample, &runs(&sample));
    assert_eq!(tally.of(".journal"), [Outcome::Unnoticed, Outcome::Refused]);
    assert_eq!(tally.of("durable"), [Outcome::Unnoticed]);
}

#[test]
fn each_run_of_lost_sectors_is_refused_by_the_evidence_of_a_snapshot() {
    let mut sample = Sample::new(Making::SNAPSHOTS);
    // one of the last event, and no other word of it
    let image = open(&sample.disk, options(512)).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    sample.disk.remove(&durable()).unwrap();
    sample.files = files(&sample.disk).into_iter().collect();
    let tally = zero("sectors, snapshot", &sample, &runs(&sample));
    for number in [1, 2, 3, 5] {
        assert_eq!(tally.of(&format!("{number}.journal")), [Outcome::Unnoticed, Outcome::Refused]);
    }
    // it holds the mark of the snapshot's digest and no event, so half of a frame may be what a crash left
    assert_eq!(tally.of("4.journal"), [Outcome::Unnoticed, Outcome::Quarantined, Outcome::Refused]);
    assert_eq!(tally.of(".snapshot"), [Outcome::Unnoticed, Outcome::FellBack]);
}

/// A frame says what was synced before it was built: so the last batch alone has no later frame to speak for it.
///
/// This is the one thing that nobody can see: that the disk lost the last batch which it had reported synced, all of it, with
/// no word of it in `durable`, which is written a moment later. It needs a kill in that moment and a disk that lied.
#[test]
fn each_run_of_lost_sectors_is_refused_by_the_evidence_of_a_later_frame() {
    let sample = Sample::new(Making::KILLED);
    let journal = segment(3);
    let (file, bytes) = (sample.index(&journal), sample.bytes(&journal));
    let last = frames::frames(bytes).pop().unwrap();
    assert_eq!(frames::events(bytes, &last), 1);
    let last = last.start / SECTOR..last.end.div_ceil(SECTOR);
    let touches = |(other, run): &Lost| *other == file && run.start < last.end && run.end > last.start;
    let takes_all = |run: &Range<usize>| run.start == last.start && run.end >= last.end;
    let (touching, beside): (Vec<_>, Vec<_>) = runs(&sample).into_iter().partition(touches);
    let tally = zero("sectors, a later frame", &sample, &beside);
    assert_eq!(tally.of(".journal"), [Outcome::Unnoticed, Outcome::Refused]);

    let (unseen, seen): (Vec<_>, Vec<_>) = touching.into_iter().partition(|(_, run)| takes_all(run));
    assert_eq!(zero("all of the last batch", &sample, &unseen).all(), [Outcome::Earlier]);
    // some of it lost is what a crash leaves of a write that nobody was told of; with more before it, it is damage
    let (torn, more): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(_, run)| run.start >= last.start);
    assert_eq!(zero("a part of the last batch", &sample, &torn).all(), [Outcome::Earlier]);
    let tally = zero("the last batch and what is before it", &sample, &more);
    assert_eq!(tally.all(), [Outcome::Refused], "{}", Path::new(&journal).display());
}
