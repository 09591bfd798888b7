//! Flips each bit of each file, or bits of some bytes: see [`Extent`].

use crate::campaign::{DamageInjection, Extent, OutcomeCounts, extent, try_all};
use crate::outcome::{Depth, OpenOutcome};
use crate::sample_images::{SampleImage, SampleKind, durable, segment};
use memimage::disk::SimDisk;

use OpenOutcome::{FellBack, Quarantined, Refused, Suspect, Unnoticed};

/// All bits of these files.
fn all_bits(sample: &SampleImage, files: impl IntoIterator<Item = usize>) -> Vec<(usize, usize)> {
    let bits_of = |file: usize| (0..sample.files[file].1.len() * 8).map(move |bit| (file, bit));
    files.into_iter().flat_map(bits_of).collect()
}

/// All bits of these files, or one bit of the first and of the last byte of each eight, where a header begins or ends.
fn main_bits(sample: &SampleImage, files: impl IntoIterator<Item = usize>) -> Vec<(usize, usize)> {
    let mut bits = all_bits(sample, files);
    if extent() == Extent::Sample {
        bits.retain(|(_, bit)| matches!(bit / 8 % 8, 0 | 7) && bit % 8 == bit / 64 % 8);
    }
    bits
}

/// One bit of every `stride`th byte of each file, or all bits.
fn some_bits(sample: &SampleImage, stride: usize) -> Vec<(usize, usize)> {
    let mut bits = all_bits(sample, 0..sample.files.len());
    if extent() < Extent::Every {
        bits.retain(one_of(stride));
    }
    bits
}

/// Selects one bit of every `stride`th byte, a different bit each time.
fn one_of(stride: usize) -> impl Fn(&(usize, usize)) -> bool {
    move |(_, bit)| bit / 8 % stride == 0 && bit % 8 == bit / 8 / stride % 8
}

fn flip(name: &str, sample: &SampleImage, bits: &[(usize, usize)]) -> OutcomeCounts {
    let apply = |disk: &SimDisk, (file, bit): &(usize, usize)| {
        let (path, bytes) = &sample.files[*file];
        disk.write(path, *bit as u64 / 8, &[bytes[bit / 8] ^ 1 << (bit % 8)]).unwrap();
    };
    let part = |(file, _): &(usize, usize)| sample.files[*file].0.file_name().unwrap().to_string_lossy().into_owned();
    try_all(sample, &DamageInjection { name, depth: Depth::State, part: &part, apply: &apply }, bits)
}

/// `durable` is evidence of all acknowledged events, so damage to them is always recognised as damage.
#[test]
fn a_flipped_bit_in_a_segment_is_refused_or_harmless() {
    let sample = SampleImage::new(SampleKind::CLOSED);
    let counts = flip("bits", &sample, &main_bits(&sample, 0..sample.files.len()));
    assert_eq!(counts.of("durable"), [Unnoticed], "an unreadable `durable` is no evidence, and no event is missing");
    for sealed in ["00000001.journal", "00000002.journal"] {
        assert_eq!(counts.of(sealed), [Unnoticed, Refused], "{sealed}: the bit is in the padding, or is damage");
    }
    // bits after the end belong to no event, and are moved to the quarantine like a torn write; except for the bits of the byte
    // with which a frame header would end, because a torn write never includes it
    assert_eq!(counts.of("00000003.journal"), [Unnoticed, Quarantined, Refused, Suspect]);
    // a segment must be empty until the previous segment is sealed
    assert_eq!(counts.of("00000004.journal"), [Refused]);
}

/// Frames start at any multiple of 8 bytes, so that a sector can contain several frames.
#[test]
fn flipped_bits_of_an_unaligned_image_are_refused_or_harmless() {
    let sample = SampleImage::new(SampleKind { align: 8, ..SampleKind::CLOSED });
    let counts = flip("bits, unaligned", &sample, &some_bits(&sample, 7));
    for sealed in ["00000001.journal", "00000002.journal"] {
        assert!(!counts.of(sealed).contains(&Quarantined));
    }
}

/// A damaged snapshot loses no data, and recovery reports it.
#[test]
fn a_flipped_bit_in_a_snapshot_is_harmless_and_reported() {
    let sample = SampleImage::new(SampleKind::SNAPSHOTS);
    let snapshots = sample.ending(".snapshot");
    let counts = flip("bits of snapshots", &sample, &main_bits(&sample, snapshots.iter().copied()));
    let name = |file: usize| sample.files[file].0.file_name().unwrap().to_string_lossy().into_owned();
    // the older snapshot is not read while the newest is intact
    assert_eq!(counts.of(&name(snapshots[0])), [Unnoticed]);
    assert_eq!(counts.of(&name(snapshots[1])), [FellBack]);
    let counts = flip("bits of an image with snapshots", &sample, &some_bits(&sample, 31));
    assert_eq!(counts.of("durable"), [Unnoticed]);
}

/// The process was killed between the last sync and the update of `durable`, so nothing proves that the last batch was
/// acknowledged. A flipped bit in it is suspect, and is never taken for a torn write.
#[test]
fn a_flipped_bit_in_the_last_batch_of_a_killed_image_is_suspect() {
    for align in [8, 512] {
        let sample = SampleImage::new(SampleKind { align, ..SampleKind::KILLED });
        let last = memimage_tests::frames::frames(sample.bytes(&segment(3))).pop().unwrap();
        let file = sample.index(&segment(3));
        let bits = last.flat_map(|byte| (0..8).map(move |bit| (file, byte * 8 + bit)));
        let bits: Vec<_> = bits.collect();
        assert_eq!(flip("bits of the last batch", &sample, &bits).all(), [Suspect]);
        let counts = flip("bits, killed", &sample, &some_bits(&sample, 29));
        assert!(!counts.of("00000002.journal").contains(&Quarantined));
        let block = flip("bits of durable, killed", &sample, &all_bits(&sample, [sample.index(&durable())]));
        assert_eq!(block.all(), [Unnoticed]);
    }
}

/// One copy of the base of a pruned journal is enough, and the other is restored from it.
#[test]
fn a_flipped_bit_in_a_base_is_repaired_from_the_other_copy() {
    let sample = SampleImage::new(SampleKind::PRUNED);
    let copies = sample.ending(".base");
    assert_eq!(copies.len(), 2);
    let copies_tried = if extent() == Extent::Every { 2 } else { 1 };
    let bits = main_bits(&sample, copies.iter().copied().take(copies_tried));
    assert_eq!(flip("bits of a base", &sample, &bits).all(), [FellBack]);
    let counts = flip("bits of a pruned image", &sample, &some_bits(&sample, 37));
    assert_eq!(counts.of(".base"), [FellBack]);
}

/// Without the keys nothing can be read, and with them every byte counts: a message code covers what a plain frame leaves to its
/// checksum.
#[test]
fn a_flipped_bit_in_a_protected_image_is_refused_or_harmless() {
    for kind in [SampleKind::PROTECTED, SampleKind { closed: false, ..SampleKind::PROTECTED }] {
        let sample = SampleImage::new(kind);
        let counts = flip("bits, protected", &sample, &some_bits(&sample, 23));
        assert_eq!(counts.of("durable"), [Unnoticed]);
        for sealed in ["00000001.journal", "00000002.journal"] {
            assert_eq!(counts.of(sealed), [Unnoticed, Refused], "{sealed}");
        }
        assert!(counts.of(".snapshot").contains(&FellBack), "{:?}", counts.of(".snapshot"));
    }
    let sample = SampleImage::new(SampleKind { pruned: true, ..SampleKind::PROTECTED });
    assert_eq!(flip("bits, protected and pruned", &sample, &some_bits(&sample, 41)).of(".base"), [FellBack]);
}
