//! Damage to the base of a pruned journal, which is no cache: one intact copy is enough, and without any a snapshot must do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::disk::{Disk, SimDisk};
use memimage::{
    Image,
    admin::{Severity, check_with},
};

use crate::campaign::{Damage, try_all};
use crate::outcome::{Depth, Outcome};
use crate::replaced_files::{put, remove};
use crate::sample_images::{Making, ROOT, Sample, open, options, segment};

/// What a file's place is taken by.
#[derive(Clone, Copy, Debug)]
enum Taken {
    Nothing,
    Empty,
    HalfOfIt,
    FlippedHeader,
    FlippedState,
    ASnapshot,
    AnotherImages,
}

const ALL: [Taken; 7] = [
    Taken::Nothing,
    Taken::Empty,
    Taken::HalfOfIt,
    Taken::FlippedHeader,
    Taken::FlippedState,
    Taken::ASnapshot,
    Taken::AnotherImages,
];

fn take(sample: &Sample, other: &Sample, disk: &SimDisk, path: &Path, taken: Taken) {
    let mut bytes = sample.bytes(path).to_vec();
    let flipped = |bytes: &mut Vec<u8>, at: usize| bytes[at] ^= 1;
    match taken {
        Taken::Nothing => return remove(disk, path),
        Taken::Empty => bytes.clear(),
        Taken::HalfOfIt => bytes.truncate(bytes.len() / 2),
        Taken::FlippedHeader => flipped(&mut bytes, 70),
        Taken::FlippedState => flipped(&mut bytes, 4_200),
        Taken::ASnapshot => bytes = sample.files[*sample.ending(".snapshot").last().unwrap()].1.clone(),
        Taken::AnotherImages => bytes = other.bytes(path).to_vec(),
    }
    put(disk, path, &bytes);
}

fn copies(sample: &Sample) -> [PathBuf; 2] {
    let copies: Vec<_> = sample.ending(".base").into_iter().map(|file| sample.files[file].0.clone()).collect();
    copies.try_into().expect("a base stands there twice")
}

#[test]
fn each_damage_to_one_copy_of_a_base_is_repaired_from_the_other() {
    let (sample, other) = Sample::two(Making::PRUNED);
    let copies = copies(&sample);
    let cases: Vec<_> = (0..2).flat_map(|copy| ALL.map(|taken| (copy, taken))).collect();
    let apply = |disk: &SimDisk, (copy, taken): &(usize, Taken)| take(&sample, &other, disk, &copies[*copy], *taken);
    let part = |(_, taken): &(usize, Taken)| format!("{taken:?}");
    let damage = Damage { name: "one copy of the base", depth: Depth::Live, part: &part, apply: &apply };
    assert_eq!(try_all(&sample, &damage, &cases).all(), [Outcome::FellBack]);
    for case in &cases {
        let disk = sample.disk.fork();
        apply(&disk, case);
        Image::close(open(&disk, options(512)).unwrap()).unwrap();
        for copy in &copies {
            assert_eq!(disk.read(copy).unwrap(), sample.bytes(copy), "{case:?} is mended");
        }
    }
}

/// With both copies damaged the snapshots must do, and one becomes the base; without them the journal cannot be read.
#[test]
fn damage_to_both_copies_of_a_base_falls_back_on_a_snapshot_or_is_refused() {
    let (sample, other) = Sample::two(Making::PRUNED);
    let copies = copies(&sample);
    let snapshots: Vec<_> = sample.ending(".snapshot").into_iter().map(|file| sample.files[file].0.clone()).collect();
    let cases: Vec<_> =
        ALL.into_iter().flat_map(|one| ALL.map(|two| (one, two))).flat_map(|two| [(two, true), (two, false)]).collect();
    let apply = |disk: &SimDisk, ((one, two), snapshot): &((Taken, Taken), bool)| {
        take(&sample, &other, disk, &copies[0], *one);
        take(&sample, &other, disk, &copies[1], *two);
        if !snapshot {
            snapshots.iter().for_each(|path| remove(disk, path));
        }
    };
    let part = |(_, snapshot): &((Taken, Taken), bool)| if *snapshot { "with snapshots" } else { "alone" }.to_owned();
    let damage = Damage { name: "both copies of the base", depth: Depth::Live, part: &part, apply: &apply };
    let tally = try_all(&sample, &damage, &cases);
    assert_eq!(tally.of("with snapshots"), [Outcome::Unnoticed, Outcome::FellBack]);
    assert_eq!(tally.of("alone"), [Outcome::NoStart]);
}

/// Of a pruned journal each segment is needed in which there is an event after the base.
#[test]
fn each_missing_segment_of_a_pruned_journal_is_refused_but_for_those_not_needed() {
    let sample = Sample::new(Making::PRUNED);
    let numbers: Vec<u64> = (1..=7).filter(|&number| sample.disk.kind(&segment(number)).unwrap().is_some()).collect();
    assert_eq!(numbers, [4, 5, 6, 7]);
    let apply = |disk: &SimDisk, number: &u64| remove(disk, &segment(*number));
    let part = |number: &u64| number.to_string();
    let damage = Damage { name: "a segment of a pruned journal", depth: Depth::Live, part: &part, apply: &apply };
    let tally = try_all(&sample, &damage, &numbers);
    // the base was made when the fourth was full, which is kept since the event before the base's next is in it
    assert_eq!(tally.of("4"), [Outcome::Unnoticed]);
    assert_eq!(tally.of("5"), [Outcome::Refused]);
    assert_eq!(tally.of("6"), [Outcome::Refused]);
    assert_eq!(tally.of("7"), [Outcome::Unnoticed], "it was made ahead");
}

/// With no snapshot beside them, that is the end of it until one of them is restored: then it opens as it was.
#[test]
fn damage_to_both_copies_of_a_base_is_refused_by_name_and_one_restored_copy_opens() {
    let (sample, other) = Sample::two(Making::PRUNED);
    let copies = copies(&sample);
    for (one, two) in ALL.iter().flat_map(|one| ALL.map(|two| (*one, two))) {
        let disk = sample.disk.fork();
        sample.ending(".snapshot").into_iter().for_each(|file| remove(&disk, &sample.files[file].0));
        take(&sample, &other, &disk, &copies[0], one);
        take(&sample, &other, &disk, &copies[1], two);
        let error = open(&disk, options(512)).expect_err("there is no state to go on from").to_string();
        for (path, taken) in copies.iter().zip([one, two]) {
            let name = path.file_name().unwrap().to_string_lossy();
            assert!(matches!(taken, Taken::Nothing) || error.contains(&*name), "{one:?}, {two:?}: {error}");
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
