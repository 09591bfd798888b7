//! Each bit of each file flipped, or one of each byte: see [`Extent`].

use crate::campaign::{Damage, Extent, Tally, extent, try_all};
use crate::outcome::{Depth, Outcome};
use crate::sample_images::{Making, Sample, durable, segment};
use memimage::disk::SimDisk;

use Outcome::{FellBack, Quarantined, Refused, Suspect, Unnoticed};

/// All bits of these files.
fn all(sample: &Sample, files: impl IntoIterator<Item = usize>) -> Vec<(usize, usize)> {
    let of = |file: usize| (0..sample.files[file].1.len() * 8).map(move |bit| (file, bit));
    files.into_iter().flat_map(of).collect()
}

/// All bits of these files, or one of each byte.
fn main(sample: &Sample, files: impl IntoIterator<Item = usize>) -> Vec<(usize, usize)> {
    let mut bits = all(sample, files);
    if extent() == Extent::Sample {
        bits.retain(one_of(1));
    }
    bits
}

/// One bit of every `stride`th byte of each file, or all bits.
fn some(sample: &Sample, stride: usize) -> Vec<(usize, usize)> {
    let mut bits = all(sample, 0..sample.files.len());
    if extent() < Extent::Every {
        bits.retain(one_of(stride));
    }
    bits
}

/// Picks one bit of every `stride`th byte, another one each time.
fn one_of(stride: usize) -> impl Fn(&(usize, usize)) -> bool {
    move |(_, bit)| bit / 8 % stride == 0 && bit % 8 == bit / 8 / stride % 8
}

fn flip(name: &str, sample: &Sample, bits: &[(usize, usize)]) -> Tally {
    let apply = |disk: &SimDisk, (file, bit): &(usize, usize)| {
        let (path, bytes) = &sample.files[*file];
        disk.write(path, *bit as u64 / 8, &[bytes[bit / 8] ^ 1 << (bit % 8)]).unwrap();
    };
    let part = |(file, _): &(usize, usize)| sample.files[*file].0.file_name().unwrap().to_string_lossy().into_owned();
    try_all(sample, &Damage { name, depth: Depth::Look, part: &part, apply: &apply }, bits)
}

/// All that was acknowledged is proven by `durable`, so no damage to it is taken for anything else.
#[test]
fn each_flipped_bit_of_three_segments_is_refused_or_harmless() {
    let sample = Sample::new(Making::CLOSED);
    let tally = flip("bits", &sample, &main(&sample, 0..sample.files.len()));
    assert_eq!(tally.of("durable"), [Unnoticed], "it proves nothing then, and all is there");
    for sealed in ["00000001.journal", "00000002.journal"] {
        assert_eq!(tally.of(sealed), [Unnoticed, Refused], "{sealed}: padding, or damage");
    }
    // stray bits after the end were in no event: kept in quarantine, as what is left of a write that was cut short; but for
    // those of the byte with which a header would end, which is where no such write stops
    assert_eq!(tally.of("00000003.journal"), [Unnoticed, Quarantined, Refused, Suspect]);
    // nothing may stand in a segment before the one before it is sealed
    assert_eq!(tally.of("00000004.journal"), [Refused]);
}

/// With frames on any 8 bytes, and so on parts of sectors.
#[test]
fn flipped_bits_of_an_unaligned_image_are_refused_or_harmless() {
    let sample = Sample::new(Making { align: 8, ..Making::CLOSED });
    let tally = flip("bits, unaligned", &sample, &some(&sample, 7));
    for sealed in ["00000001.journal", "00000002.journal"] {
        assert!(!tally.of(sealed).contains(&Quarantined));
    }
}

/// A damaged snapshot is no loss, and is told of.
#[test]
fn each_flipped_bit_of_the_snapshots_is_harmless_and_reported() {
    let sample = Sample::new(Making::SNAPSHOTS);
    let snapshots = sample.ending(".snapshot");
    let tally = flip("bits of snapshots", &sample, &main(&sample, snapshots.iter().copied()));
    let name = |file: usize| sample.files[file].0.file_name().unwrap().to_string_lossy().into_owned();
    // the older one is not looked at as long as the newest is good
    assert_eq!(tally.of(&name(snapshots[0])), [Unnoticed]);
    assert_eq!(tally.of(&name(snapshots[1])), [FellBack]);
    let tally = flip("bits beside snapshots", &sample, &some(&sample, 31));
    assert_eq!(tally.of("durable"), [Unnoticed]);
}

/// Killed between the last sync and the word of it in `durable`: nothing proves that the last batch was acknowledged. A bit
/// of it that is flipped is suspect, and never taken for a write that was cut short.
#[test]
fn each_flipped_bit_of_the_last_batch_of_a_killed_image_is_suspect() {
    for align in [8, 512] {
        let sample = Sample::new(Making { align, ..Making::KILLED });
        let last = memimage_tests::frames::frames(sample.bytes(&segment(3))).pop().unwrap();
        let file = sample.index(&segment(3));
        let bits = last.flat_map(|byte| (0..8).map(move |bit| (file, byte * 8 + bit)));
        let bits: Vec<_> = bits.collect();
        assert_eq!(flip("bits of the last batch", &sample, &bits).all(), [Suspect]);
        let tally = flip("bits, killed", &sample, &some(&sample, 29));
        assert!(!tally.of("00000002.journal").contains(&Quarantined));
        let block = flip("bits of durable, killed", &sample, &all(&sample, [sample.index(&durable())]));
        assert_eq!(block.all(), [Unnoticed]);
    }
}

/// Either copy of the base of a pruned journal can be done without, and is made again.
#[test]
fn each_flipped_bit_of_a_base_is_repaired_from_the_other_copy() {
    let sample = Sample::new(Making::PRUNED);
    let copies = sample.ending(".base");
    assert_eq!(copies.len(), 2);
    let tried = if extent() == Extent::Every { 2 } else { 1 };
    let bits = main(&sample, copies.iter().copied().take(tried));
    assert_eq!(flip("bits of a base", &sample, &bits).all(), [FellBack]);
    let tally = flip("bits beside a base", &sample, &some(&sample, 37));
    assert_eq!(tally.of(".base"), [FellBack]);
}
