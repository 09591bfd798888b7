//! Runs of sectors that read as zeros, as after writes that a disk reported as done but lost. The end of a journal looks the
//! same, so only evidence reveals the loss: `durable`, a snapshot, or a later frame.

use std::ops::Range;
use std::path::Path;

use memimage::{
    Image,
    disk::{Disk, SimDisk},
};
use memimage_tests::{files, frames};

use crate::campaign::{DamageInjection, OutcomeCounts, try_all};
use crate::outcome::{Depth, OpenOutcome};
use crate::sample_images::{SampleImage, SampleKind, durable, open, options, segment};

/// The index of a file, and the sectors that it loses.
type LostSectors = (usize, Range<usize>);

const SECTOR: usize = 512;

fn zero(name: &str, sample: &SampleImage, lost: &[LostSectors]) -> OutcomeCounts {
    let apply = |disk: &SimDisk, (file, sectors): &LostSectors| {
        let (path, bytes) = &sample.files[*file];
        let (start, end) = (sectors.start * SECTOR, bytes.len().min(sectors.end * SECTOR));
        disk.write(path, start as u64, &vec![0; end - start]).unwrap();
    };
    let part = |(file, _): &LostSectors| sample.files[*file].0.file_name().unwrap().to_string_lossy().into_owned();
    try_all(sample, &DamageInjection { name, depth: Depth::State, part: &part, apply: &apply }, lost)
}

/// Each run of sectors of each file, from one sector to all of them.
fn runs(sample: &SampleImage) -> Vec<LostSectors> {
    let of = |file: usize| {
        let sectors = sample.files[file].1.len().div_ceil(SECTOR);
        (0..sectors).flat_map(move |start| (start + 1..=sectors).map(move |end| (file, start..end)))
    };
    (0..sample.files.len()).flat_map(of).collect()
}

#[test]
fn lost_sectors_are_refused_because_of_the_watermark() {
    let sample = SampleImage::new(SampleKind::CLOSED);
    let counts = zero("sectors, durable", &sample, &runs(&sample));
    assert_eq!(counts.of(".journal"), [OpenOutcome::Unnoticed, OpenOutcome::Refused]);
    assert_eq!(counts.of("durable"), [OpenOutcome::Unnoticed]);
}

#[test]
fn lost_sectors_of_a_protected_image_are_refused_or_harmless() {
    let sample = SampleImage::new(SampleKind::PROTECTED);
    let some = runs(&sample).into_iter().filter(|(_, run)| run.len() < 4 || (run.start * 7 + run.end) % 11 == 0);
    let counts = zero("sectors, protected", &sample, &some.collect::<Vec<_>>());
    assert_eq!(counts.of(".journal"), [OpenOutcome::Unnoticed, OpenOutcome::Refused]);
    assert_eq!(counts.of("durable"), [OpenOutcome::Unnoticed]);
}

#[test]
fn lost_sectors_are_refused_because_of_a_snapshot() {
    let mut sample = SampleImage::new(SampleKind::SNAPSHOTS);
    // a snapshot of the last event is its only evidence
    let image = open(&sample.disk, options(512)).unwrap();
    image.admin().snapshot().unwrap();
    Image::close(image).unwrap();
    sample.disk.remove(&durable()).unwrap();
    sample.files = files(&sample.disk).into_iter().collect();
    let counts = zero("sectors, snapshot", &sample, &runs(&sample));
    for number in [1, 2, 3] {
        assert_eq!(counts.of(&format!("{number}.journal")), [OpenOutcome::Unnoticed, OpenOutcome::Refused]);
    }
    // the segment contains the frame with the snapshot's digest but no event, so a part of a frame may be a torn write
    assert_eq!(counts.of("4.journal"), [OpenOutcome::Unnoticed, OpenOutcome::Quarantined, OpenOutcome::Refused]);
    assert_eq!(counts.of(".snapshot"), [OpenOutcome::Unnoticed, OpenOutcome::FellBack]);
}

/// A frame names the last seq that was synced before the frame was built, so it proves all earlier batches but not itself.
///
/// One loss is undetectable: the disk loses all of the last batch, which it reported as synced, and the process is killed
/// before it updates `durable`.
#[test]
fn lost_sectors_are_refused_because_of_a_later_frame() {
    let sample = SampleImage::new(SampleKind::KILLED);
    let journal = segment(3);
    let (file, bytes) = (sample.index(&journal), sample.bytes(&journal));
    let last = frames::frames(bytes).pop().unwrap();
    assert_eq!(frames::events(bytes, &last), 1);
    let last = last.start / SECTOR..last.end.div_ceil(SECTOR);
    let touches = |(other, run): &LostSectors| *other == file && run.start < last.end && run.end > last.start;
    let takes_all = |run: &Range<usize>| run.start == last.start && run.end >= last.end;
    let (touching, others): (Vec<_>, Vec<_>) = runs(&sample).into_iter().partition(touches);
    let counts = zero("sectors, a later frame", &sample, &others);
    assert_eq!(counts.of(".journal"), [OpenOutcome::Unnoticed, OpenOutcome::Refused]);

    let (undetectable, detectable): (Vec<_>, Vec<_>) = touching.into_iter().partition(|(_, run)| takes_all(run));
    assert_eq!(zero("all of the last batch", &sample, &undetectable).all(), [OpenOutcome::Earlier]);
    // the loss of a part looks like a torn write that was never acknowledged; with an earlier loss, it is damage
    let (torn, more): (Vec<_>, Vec<_>) = detectable.into_iter().partition(|(_, run)| run.start >= last.start);
    assert_eq!(zero("a part of the last batch", &sample, &torn).all(), [OpenOutcome::Earlier]);
    let counts = zero("the last batch and sectors before it", &sample, &more);
    assert_eq!(counts.all(), [OpenOutcome::Refused], "{}", Path::new(&journal).display());
}
