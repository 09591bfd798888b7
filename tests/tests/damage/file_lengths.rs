//! Truncates each file to each length, and extends it.

use memimage::disk::SimDisk;

use crate::campaign::{DamageInjection, Extent, OutcomeCounts, extent, try_all};
use crate::outcome::{Depth, OpenOutcome};
use crate::sample_images::{SampleImage, SampleKind};

fn set_lengths(name: &str, sample: &SampleImage, lens: &[(usize, usize)]) -> OutcomeCounts {
    let apply = |disk: &SimDisk, (file, len): &(usize, usize)| {
        disk.truncate(&sample.files[*file].0, *len as u64).unwrap();
    };
    let part = |(file, _): &(usize, usize)| sample.files[*file].0.file_name().unwrap().to_string_lossy().into_owned();
    try_all(sample, &DamageInjection { name, depth: Depth::State, part: &part, apply: &apply }, lens)
}

/// Whether a length is tried: all, or only those around a sector boundary and every 13th of the others.
fn is_tried(len: usize) -> bool {
    extent() > Extent::Sample || (len + 1) % 512 < 3 || len.is_multiple_of(13)
}

/// A segment never changes its length, so a shorter one is damage. The image does not need `durable`, snapshots, or the second
/// copy of a base.
#[test]
fn a_truncated_file_is_refused_or_harmless() {
    for kind in [SampleKind::SNAPSHOTS, SampleKind::KILLED, SampleKind::PRUNED, SampleKind::PROTECTED] {
        let sample = SampleImage::new(kind);
        let lens_of =
            |file: usize| (0..sample.files[file].1.len()).filter(|len| is_tried(*len)).map(move |len| (file, len));
        let lens: Vec<_> = match kind.pruned {
            false => (0..sample.files.len()).flat_map(lens_of).collect(),
            true => sample.ending(".base").into_iter().flat_map(lens_of).collect(),
        };
        let counts = set_lengths("lengths", &sample, &lens);
        if !kind.pruned {
            assert_eq!(counts.of(".journal"), [OpenOutcome::Refused]);
            assert_eq!(counts.of("durable"), [OpenOutcome::Unnoticed]);
        }
        assert!(counts.of(".base").iter().all(|outcome| *outcome == OpenOutcome::FellBack));
    }
}

/// Zeros are appended to a file.
#[test]
fn a_longer_file_is_refused_or_harmless() {
    for kind in [SampleKind::SNAPSHOTS, SampleKind::KILLED, SampleKind::PRUNED, SampleKind::PROTECTED] {
        let sample = SampleImage::new(kind);
        let longer = |file: usize| {
            let len = sample.files[file].1.len();
            [1, 7, 8, 48, 64, 511, 512, 4_096, 12_345, 1 << 20].map(|more| (file, len + more))
        };
        let lens: Vec<_> = (0..sample.files.len()).flat_map(longer).collect();
        let counts = set_lengths("longer", &sample, &lens);
        assert_eq!(counts.of(".journal"), [OpenOutcome::Refused]);
        assert_eq!(counts.of("durable"), [OpenOutcome::Unnoticed]);
        assert!(counts.of(".base").iter().all(|outcome| *outcome == OpenOutcome::FellBack));
    }
}
