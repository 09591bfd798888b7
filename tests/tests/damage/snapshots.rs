//! Snapshots in the wrong place, of another image, or with swapped, duplicated or missing chunks. Snapshots are a cache: the
//! image always opens with all its data, and reports unusable snapshots.

use std::path::{Path, PathBuf};

use memimage::disk::SimDisk;
use memimage::{Image, SnapshotPolicy};
use memimage_tests::protection::PLAIN;
use memimage_tests::{Book, BookCommands, checksums, files};

use crate::campaign::{DamageInjection, OutcomeCounts, try_all};
use crate::outcome::{Depth, OpenOutcome};
use crate::replaced_files::{copy_from, put, remove};
use crate::sample_images::{HEADER, ROOT, SampleImage, SampleKind, open, options, segment};

fn snapshot(seq: u64) -> PathBuf {
    PathBuf::from(format!("{ROOT}/snapshot/{seq:020}.snapshot"))
}

/// The paths of the older and the newer snapshot.
fn snapshot_paths(sample: &SampleImage) -> [PathBuf; 2] {
    let paths: Vec<_> = sample.ending(".snapshot").into_iter().map(|file| sample.files[file].0.clone()).collect();
    paths.try_into().expect("two snapshots")
}

type SnapshotChange<'a> = (&'static str, Vec<(PathBuf, Option<Vec<u8>>)>);

fn try_changes(sample: &SampleImage, changes: &[SnapshotChange<'_>]) -> OutcomeCounts {
    let apply = |disk: &SimDisk, (_, files): &SnapshotChange<'_>| {
        for (path, bytes) in files {
            match bytes {
                Some(bytes) => put(disk, path, bytes),
                None => remove(disk, path),
            }
        }
    };
    let part = |(name, _): &SnapshotChange<'_>| (*name).to_owned();
    try_all(sample, &DamageInjection { name: "snapshots", depth: Depth::Use, part: &part, apply: &apply }, changes)
}

#[test]
fn a_misplaced_snapshot_is_harmless_and_reported() {
    let (sample, other) = SampleImage::two(SampleKind::SNAPSHOTS);
    let [old, new] = snapshot_paths(&sample);
    let bytes = |path: &Path| Some(sample.bytes(path).to_vec());
    let beyond = snapshot(sample.seq.get() + 10);
    let foreign = |path: &Path| Some(other.bytes(path).to_vec());
    let changes = [
        ("swapped", vec![(old.clone(), bytes(&new)), (new.clone(), bytes(&old))]),
        ("the older under the newer's name", vec![(new.clone(), bytes(&old))]),
        ("the newer under the older's name", vec![(old.clone(), bytes(&new))]),
        ("under a name beyond the journal", vec![(beyond.clone(), bytes(&new))]),
        ("an empty file under a name beyond the journal", vec![(beyond.clone(), Some(Vec::new()))]),
        ("newer missing", vec![(new.clone(), None)]),
        ("older missing", vec![(old.clone(), None)]),
        ("both missing", vec![(old.clone(), None), (new.clone(), None)]),
        ("of another image", vec![(new.clone(), foreign(&new))]),
        ("both of another image", vec![(new.clone(), foreign(&new)), (old.clone(), foreign(&old))]),
        ("of another image, beyond the journal", vec![(beyond.clone(), foreign(&new))]),
    ];
    let counts = try_changes(&sample, &changes);
    let reported = ["swapped", "the older under the newer's name", "of another image", "both of another image"];
    for (name, _) in &changes {
        let expected = match *name {
            name if reported.contains(&name) || name.contains("beyond the journal") => OpenOutcome::FellBack,
            _ => OpenOutcome::Unnoticed,
        };
        assert_eq!(counts.of(name), [expected], "{name}");
    }
}

/// The checksums of the chunks are valid, but the hash of the whole file is not.
#[test]
fn a_misplaced_chunk_is_reported() {
    let sample = large();
    let [_, new] = snapshot_paths(&sample);
    let bytes = sample.bytes(&new);
    let mut chunks = Vec::new();
    let mut at = 4_096;
    loop {
        let len = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        chunks.push(bytes[at..at + 8 + len].to_vec());
        at += 8 + len;
        if len == 0 {
            break;
        }
    }
    let (header, trailer) = (&bytes[..4_096], &bytes[at..]);
    assert!(chunks.len() >= 4, "at least three chunks and the empty one");
    let built = |chunks: &[Vec<u8>]| [header, &chunks.concat(), trailer].concat();
    let mut changes: Vec<SnapshotChange<'_>> = Vec::new();
    let mut add = |name, chunks: &[Vec<u8>]| changes.push((name, vec![(new.clone(), Some(built(chunks)))]));
    for one in 0..chunks.len() {
        for other in 0..chunks.len() {
            let mut changed = chunks.clone();
            changed.swap(one, other);
            if one < other {
                add("chunks swapped", &changed);
            }
            let mut changed = chunks.clone();
            changed[other] = chunks[one].clone();
            if one != other {
                add("chunk copied over another", &changed);
            }
        }
        let mut changed = chunks.clone();
        changed.remove(one);
        add("chunk missing", &changed);
        changed.insert(one, chunks[one].clone());
        changed.insert(one, chunks[one].clone());
        add("chunk duplicated", &changed);
        add("file truncated after a chunk", &chunks[..one]);
        let mut changed = chunks.clone();
        changed[one].fill(0);
        if changed != chunks {
            add("chunk zeroed", &changed);
        }
    }
    // a chunk longer than 1 MiB is invalid even with valid checksums
    let state: Vec<u8> = chunks.iter().flat_map(|chunk| chunk[8..].to_vec()).collect();
    let chunk = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes()[..], &[0; 4], bytes].concat();
    let mut oversized = [header, &chunk(&state), &chunk(&[]), trailer].concat();
    checksums::update_snapshot(&mut oversized);
    changes.push(("one chunk longer than the maximum", vec![(new.clone(), Some(oversized))]));
    let counts = try_changes(&sample, &changes);
    assert_eq!(counts.all(), [OpenOutcome::FellBack]);
}

/// A snapshot is evidence of its events: they must not be missing from the journal.
#[test]
fn a_journal_that_is_older_than_its_snapshots_is_refused() {
    let sample = SampleImage::new(SampleKind::SNAPSHOTS);
    let kept: Vec<_> = sample.files.iter().filter(|(path, _)| !path.starts_with(format!("{ROOT}/journal"))).collect();
    let newest = snapshot_paths(&sample)[1].file_stem().unwrap().to_string_lossy().parse::<u64>().unwrap();
    let older = |time: &usize| {
        let begun = sample.past[*time].read(segment(1)).is_ok_and(|bytes| bytes[HEADER] != 0);
        begun && open(&sample.past[*time].fork(), options(512)).unwrap().journal().seq().get() < newest
    };
    let restore = |disk: &SimDisk, time: &usize| {
        for (path, _) in sample.files.iter().filter(|file| !kept.contains(file)) {
            copy_from(&sample.past[*time], disk, path);
        }
    };
    let part = |_: &usize| "an older journal".to_owned();
    let damage = DamageInjection { name: "snapshots", depth: Depth::State, part: &part, apply: &restore };
    let times: Vec<usize> = (0..sample.past.len()).filter(older).collect();
    assert!(times.len() > 5);
    assert_eq!(try_all(&sample, &damage, &times).all(), [OpenOutcome::Refused]);
}

/// Two snapshots of three chunks.
fn large() -> SampleImage {
    let disk = SimDisk::new();
    let settings = || options(512).segment_bytes(2 << 20).snapshots(SnapshotPolicy::Manual);
    let image: Image<Book> = open(&disk, settings()).unwrap();
    let mut states = vec![Book::default()];
    for page in 0..4 {
        let text = (0..900_000u32).map(|at| char::from(b'a' + ((at / 7 + at * page) % 26) as u8)).collect();
        image.write(page, text).unwrap();
        states.push(image.read_uncommitted().unwrap().clone());
        if page >= 2 {
            image.admin().snapshot().unwrap();
        }
    }
    let seq = image.journal().seq();
    Image::close(image).unwrap();
    let disk = disk.fork();
    let files = files(&disk).into_iter().collect();
    SampleImage { disk, protection: PLAIN, seq, states, files, past: Vec::new() }
}
