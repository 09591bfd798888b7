//! Damage to the base of a pruned journal. One intact copy is enough; without an intact copy, a snapshot is needed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{
    Image,
    admin::{Severity, check_with},
};

use crate::campaign::{DamageInjection, try_all};
use crate::outcome::{Depth, OpenOutcome};
use crate::replaced_files::{put, remove};
use crate::sample_images::{ROOT, SampleImage, SampleKind, open, options, segment};

/// What replaces a copy of a base.
#[derive(Clone, Copy, Debug)]
enum CopyReplacement {
    Nothing,
    Empty,
    FirstHalf,
    FlippedHeader,
    FlippedState,
    Snapshot,
    OfAnotherImage,
}

const ALL: [CopyReplacement; 7] = [
    CopyReplacement::Nothing,
    CopyReplacement::Empty,
    CopyReplacement::FirstHalf,
    CopyReplacement::FlippedHeader,
    CopyReplacement::FlippedState,
    CopyReplacement::Snapshot,
    CopyReplacement::OfAnotherImage,
];

fn replace_with(sample: &SampleImage, other: &SampleImage, disk: &SimDisk, path: &Path, replacement: CopyReplacement) {
    let mut bytes = sample.bytes(path).to_vec();
    let flip = |bytes: &mut Vec<u8>, at: usize| bytes[at] ^= 1;
    match replacement {
        CopyReplacement::Nothing => return remove(disk, path),
        CopyReplacement::Empty => bytes.clear(),
        CopyReplacement::FirstHalf => bytes.truncate(bytes.len() / 2),
        CopyReplacement::FlippedHeader => flip(&mut bytes, 70),
        CopyReplacement::FlippedState => flip(&mut bytes, 4_200),
        CopyReplacement::Snapshot => bytes = sample.files[*sample.ending(".snapshot").last().unwrap()].1.clone(),
        CopyReplacement::OfAnotherImage => bytes = other.bytes(path).to_vec(),
    }
    put(disk, path, &bytes);
}

fn copies(sample: &SampleImage) -> [PathBuf; 2] {
    let copies: Vec<_> = sample.ending(".base").into_iter().map(|file| sample.files[file].0.clone()).collect();
    copies.try_into().expect("a base has two copies")
}

#[test]
fn each_damage_to_one_copy_of_a_base_is_repaired_from_the_other() {
    let (sample, other) = SampleImage::two(SampleKind::PRUNED);
    let copies = copies(&sample);
    let cases: Vec<_> = (0..2).flat_map(|copy| ALL.map(|replacement| (copy, replacement))).collect();
    let apply = |disk: &SimDisk, (copy, replacement): &(usize, CopyReplacement)| {
        replace_with(&sample, &other, disk, &copies[*copy], *replacement);
    };
    let part = |(_, replacement): &(usize, CopyReplacement)| format!("{replacement:?}");
    let damage = DamageInjection { name: "one copy of the base", depth: Depth::Use, part: &part, apply: &apply };
    assert_eq!(try_all(&sample, &damage, &cases).all(), [OpenOutcome::FellBack]);
    for case in &cases {
        let disk = sample.disk.fork();
        apply(&disk, case);
        Image::close(open(&disk, options(512)).unwrap()).unwrap();
        for copy in &copies {
            assert_eq!(disk.read(copy).unwrap(), sample.bytes(copy), "{case:?}: the copy is not repaired");
        }
    }
}

/// With both copies damaged, a snapshot becomes the base. Without snapshots, the journal cannot be read.
#[test]
fn damage_to_both_copies_of_a_base_falls_back_on_a_snapshot_or_is_refused() {
    let (sample, other) = SampleImage::two(SampleKind::PRUNED);
    let copies = copies(&sample);
    let snapshots: Vec<_> = sample.ending(".snapshot").into_iter().map(|file| sample.files[file].0.clone()).collect();
    let pairs = ALL.into_iter().flat_map(|one| ALL.map(|two| (one, two)));
    let cases: Vec<_> = pairs.flat_map(|pair| [(pair, true), (pair, false)]).collect();
    let apply = |disk: &SimDisk, ((one, two), snapshot): &((CopyReplacement, CopyReplacement), bool)| {
        replace_with(&sample, &other, disk, &copies[0], *one);
        replace_with(&sample, &other, disk, &copies[1], *two);
        if !snapshot {
            snapshots.iter().for_each(|path| remove(disk, path));
        }
    };
    let part = |(_, snapshot): &((CopyReplacement, CopyReplacement), bool)| {
        if *snapshot { "with snapshots" } else { "without snapshots" }.to_owned()
    };
    let damage = DamageInjection { name: "both copies of the base", depth: Depth::Use, part: &part, apply: &apply };
    let counts = try_all(&sample, &damage, &cases);
    assert_eq!(counts.of("with snapshots"), [OpenOutcome::Unnoticed, OpenOutcome::FellBack]);
    assert_eq!(counts.of("without snapshots"), [OpenOutcome::NoStart]);
}

/// A pruned journal needs each segment that contains an event after the base.
#[test]
fn a_missing_segment_of_a_pruned_journal_is_refused_unless_it_is_not_needed() {
    let sample = SampleImage::new(SampleKind::PRUNED);
    let numbers: Vec<u64> = (1..=6).filter(|&number| sample.disk.kind(&segment(number)).unwrap().is_some()).collect();
    assert_eq!(numbers, [4, 5, 6]);
    let apply = |disk: &SimDisk, number: &u64| remove(disk, &segment(*number));
    let part = |number: &u64| number.to_string();
    let damage =
        DamageInjection { name: "a segment of a pruned journal", depth: Depth::Use, part: &part, apply: &apply };
    let counts = try_all(&sample, &damage, &numbers);
    // the fourth segment was full when the base was created, and is kept because the last event of the base is in it
    assert_eq!(counts.of("4"), [OpenOutcome::Unnoticed]);
    assert_eq!(counts.of("5"), [OpenOutcome::Refused]);
    assert_eq!(counts.of("6"), [OpenOutcome::Refused]);
}

/// Without snapshots, the image cannot be opened until one copy is restored.
#[test]
fn damage_to_both_copies_of_a_base_is_refused_until_one_copy_is_restored() {
    let (sample, other) = SampleImage::two(SampleKind::PRUNED);
    let copies = copies(&sample);
    for (one, two) in ALL.iter().flat_map(|one| ALL.map(|two| (*one, two))) {
        let disk = sample.disk.fork();
        sample.ending(".snapshot").into_iter().for_each(|file| remove(&disk, &sample.files[file].0));
        replace_with(&sample, &other, &disk, &copies[0], one);
        replace_with(&sample, &other, &disk, &copies[1], two);
        let error = open(&disk, options(512)).expect_err("there is no state to replay from").to_string();
        for (path, replacement) in copies.iter().zip([one, two]) {
            let name = path.file_name().unwrap().to_string_lossy();
            assert!(
                matches!(replacement, CopyReplacement::Nothing) || error.contains(&*name),
                "{one:?}, {two:?}: {error}"
            );
        }
        let report = check_with(Arc::new(disk.clone()), ROOT).unwrap();
        assert!(report.findings.iter().any(|finding| finding.severity == Severity::Damage), "{report}");
        for path in &copies {
            let restored = disk.fork();
            put(&restored, path, sample.bytes(path));
            let image = open(&restored, options(512)).unwrap();
            assert_eq!(
                (image.journal().seq(), &*image.read_uncommitted().unwrap()),
                (sample.seq, sample.states.last().unwrap())
            );
        }
    }
}
