//! Each file truncated to each length, and extended.

use memimage::disk::SimDisk;

use crate::campaign::{Damage, Extent, Tally, extent, try_all};
use crate::outcome::{Depth, Outcome};
use crate::sample_images::{Making, Sample};

fn cut(name: &str, sample: &Sample, lens: &[(usize, usize)]) -> Tally {
    let apply = |disk: &SimDisk, (file, len): &(usize, usize)| {
        disk.truncate(&sample.files[*file].0, *len as u64).unwrap();
    };
    let part = |(file, _): &(usize, usize)| sample.files[*file].0.file_name().unwrap().to_string_lossy().into_owned();
    try_all(sample, &Damage { name, depth: Depth::Look, part: &part, apply: &apply }, lens)
}

/// Each length, or those about the border of a sector and every seventh of the others.
fn is_tried(len: usize) -> bool {
    extent() > Extent::Sample || (len + 1) % 512 < 3 || len.is_multiple_of(7)
}

/// Segments never change their length, so a shorter one is damage. `durable`, snapshots, and one copy of a base can be done
/// without.
#[test]
fn each_truncation_is_refused_or_harmless() {
    for making in [Making::SNAPSHOTS, Making::KILLED, Making::PRUNED] {
        let sample = Sample::new(making);
        let of = |file: usize| (0..sample.files[file].1.len()).filter(|len| is_tried(*len)).map(move |len| (file, len));
        let lens: Vec<_> = match making.pruned {
            false => (0..sample.files.len()).flat_map(of).collect(),
            true => sample.ending(".base").into_iter().flat_map(of).collect(),
        };
        let tally = cut("lengths", &sample, &lens);
        if !making.pruned {
            assert_eq!(tally.of(".journal"), [Outcome::Refused]);
            assert_eq!(tally.of("durable"), [Outcome::Unnoticed]);
        }
        assert!(tally.of(".base").iter().all(|outcome| *outcome == Outcome::FellBack));
    }
}

/// Zeros after a file's end.
#[test]
fn a_longer_file_is_refused_or_harmless() {
    for making in [Making::SNAPSHOTS, Making::KILLED, Making::PRUNED] {
        let sample = Sample::new(making);
        let longer = |file: usize| {
            let len = sample.files[file].1.len();
            [1, 7, 8, 48, 64, 511, 512, 4_096, 12_345, 1 << 20].map(|more| (file, len + more))
        };
        let lens: Vec<_> = (0..sample.files.len()).flat_map(longer).collect();
        let tally = cut("longer", &sample, &lens);
        assert_eq!(tally.of(".journal"), [Outcome::Refused]);
        assert_eq!(tally.of("durable"), [Outcome::Unnoticed]);
        assert!(tally.of(".base").iter().all(|outcome| *outcome == Outcome::FellBack));
    }
}
