//! Copies made by hand, file by file, while a program writes. In the order that the guide gives, every copy opens. In any other
//! order, a copy opens with what it has, or is refused with a message that says it may be a bad copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::disk::{Access, Disk, SimDisk};
use memimage::{Durability, ErrorKind, Image, Retention};
use memimage_tests::{SplitMix64, cases, seed};

use super::{IMAGE, begin, extend, verify};

/// The disks that a copying program sees, one after the other, and the digests of the image.
fn history() -> (Vec<SimDisk>, Vec<u64>) {
    let disk = SimDisk::new();
    let mut run = begin(&disk, 4);
    run.image().admin().snapshot().unwrap();
    let (send, points) = std::sync::mpsc::channel();
    disk.observe(move |_, fork| drop(send.send(fork.fork())));
    for _ in 0..4 {
        extend(&mut run, 5);
        run.image().admin().snapshot().unwrap();
    }
    let digests = run.digests().to_vec();
    let points = points.try_iter().collect();
    drop(run);
    (points, digests)
}

/// Like [`history`], of an image whose journal was pruned before, and is not pruned meanwhile.
fn pruned_history() -> (Vec<SimDisk>, Vec<u64>) {
    let disk = SimDisk::new();
    let (image, mut digests) = (super::pruned::open(&disk), Vec::new());
    super::pruned::prune(&image, &mut digests, 2);
    let last = image.journal().seq();
    Image::close(image).unwrap();
    let options = memimage_tests::Run::options(Durability::Synced, 512).retention(Retention::Everything);
    let image = options.open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let mut run = memimage_tests::Run::begin(image, digests, last).unwrap();
    let (send, points) = std::sync::mpsc::channel();
    disk.observe(move |_, fork| drop(send.send(fork.fork())));
    for _ in 0..4 {
        extend(&mut run, 5);
        run.image().admin().snapshot().unwrap();
    }
    let digests = run.digests().to_vec();
    let points = points.try_iter().collect();
    drop(run);
    (points, digests)
}

/// The parts of an image, in the order in which a program copies them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Durable,
    /// The snapshots and the bases.
    Snapshots,
    /// The segments, the last one first.
    SegmentsDown,
    /// The segments, the first one first.
    SegmentsUp,
}

impl Part {
    /// The files of this part, in the order in which they are copied.
    fn list(self, disk: &SimDisk) -> Vec<PathBuf> {
        let is_part = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match self {
                Part::Durable => name == "durable",
                Part::Snapshots => name.ends_with(".snapshot") || name.ends_with(".base"),
                Part::SegmentsDown | Part::SegmentsUp => name.ends_with(".journal"),
            }
        };
        let mut files: Vec<PathBuf> = disk.files().into_iter().filter(is_part).collect();
        if self == Part::SegmentsDown {
            files.reverse();
        }
        files
    }
}

/// How a program reads a file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reading {
    AtOnce,
    /// In blocks of 2 KiB, between which the image is written.
    InBlocks,
}

/// Copies the parts in this order, each file at a random later moment.
fn copy(points: &[SimDisk], order: &[Part], reading: Reading, random: &mut SplitMix64) -> SimDisk {
    let to = SimDisk::new();
    for dir in ["", "/journal", "/snapshot", "/quarantine"] {
        to.create_dir(Path::new(&format!("{IMAGE}{dir}"))).unwrap();
    }
    // often the next moment, sometimes a much later one
    let mut at = random.below(points.len() as u64) as usize;
    let mut next = |random: &mut SplitMix64| {
        let step = if random.below(3) == 0 { random.below(60) } else { random.below(3) };
        at = (at + step as usize).min(points.len() - 1);
        &points[at]
    };
    for part in order {
        for path in part.list(next(random)) {
            // a file that was removed after it was listed is skipped
            let Ok(mut bytes) = next(random).read(&path) else { continue };
            if reading == Reading::InBlocks {
                for (number, block) in bytes.chunks_mut(2048).enumerate() {
                    let Ok(now) = next(random).read(&path) else { continue };
                    block.copy_from_slice(&now[2048 * number..][..block.len()]);
                }
            }
            to.create_new(&path).unwrap();
            to.open(&path, Access::ReadWrite).unwrap();
            to.write(&path, 0, &bytes).unwrap();
        }
    }
    to
}

/// The order that the guide gives.
const GUIDE: [Part; 3] = [Part::Durable, Part::Snapshots, Part::SegmentsDown];

#[test]
fn a_copy_in_the_order_of_the_guide_opens() {
    let (points, digests) = history();
    for seed in 0..u64::from(cases(400)) {
        let mut random = SplitMix64::new(seed);
        let disk = copy(&points, &GUIDE, Reading::AtOnce, &mut random);
        verify(&disk, IMAGE, &digests, 1).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

#[test]
fn a_copy_of_a_pruned_image_in_the_order_of_the_guide_opens() {
    let (points, digests) = pruned_history();
    for seed in 0..u64::from(cases(150)) {
        let mut random = SplitMix64::new(seed);
        let disk = copy(&points, &GUIDE, Reading::AtOnce, &mut random);
        let bases: Vec<PathBuf> =
            disk.files().into_iter().filter(|path| path.extension() == Some("base".as_ref())).collect();
        assert_eq!(bases.len(), 2, "seed {seed}");
        assert!(disk.read(format!("{IMAGE}/journal/00000001.journal")).is_err(), "the journal was pruned");
        verify(&disk, IMAGE, &digests, 1).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        // it opens from the base alone, and from one copy of it
        for path in disk.files() {
            if path == bases[(seed % 2) as usize] || path.extension() == Some("snapshot".as_ref()) {
                disk.remove(&path).unwrap();
            }
        }
        verify(&disk, IMAGE, &digests, 1).unwrap_or_else(|error| panic!("seed {seed}, from a base: {error}"));
    }
}

#[test]
fn a_copy_in_another_order_opens_or_is_refused_as_a_bad_copy() {
    use Part::{Durable, SegmentsDown, SegmentsUp, Snapshots};
    let (points, digests) = history();
    let cases_of_copies = [
        ([Durable, Snapshots, SegmentsUp], Reading::AtOnce),
        ([SegmentsDown, Snapshots, Durable], Reading::AtOnce),
        ([SegmentsUp, Durable, Snapshots], Reading::AtOnce),
        ([Snapshots, SegmentsDown, Durable], Reading::AtOnce),
        // the last segment grows while it is read
        (GUIDE, Reading::InBlocks),
    ];
    let mut all_refused = 0;
    for (order, reading) in cases_of_copies {
        let (mut opened, mut refused) = (0, 0);
        for seed in 0..u64::from(cases(150)) {
            let mut random = SplitMix64::new(seed ^ self::seed(0));
            let disk = copy(&points, &order, reading, &mut random);
            let image = memimage_tests::Run::options(memimage::Durability::Synced, 512);
            match image.open_with(Arc::new(disk.fork()), IMAGE) {
                Ok(image) => {
                    drop(image);
                    opened += 1;
                    verify(&disk, IMAGE, &digests, 1).unwrap_or_else(|error| panic!("{order:?} seed {seed}: {error}"));
                }
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{order:?} seed {seed}: {error}");
                    let text = error.to_string();
                    assert!(
                        text.contains("a copy that was made while the image was in use"),
                        "{order:?} seed {seed}: {error}"
                    );
                    assert!(text.contains(".journal`"), "the error names the file: {error}");
                }
            }
        }
        assert!(opened > 0, "{order:?} {reading:?}: {refused} refused");
        all_refused += refused;
    }
    assert!(all_refused > 0);
}
