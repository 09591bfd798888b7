//! A forged journal whose checksums are right: a payload that is nested deeper than any recorded one can be.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::{Image, Model, Shape, SnapshotPolicy};
use memimage_tests::checksums::update_journal;
use memimage_tests::frames::{FRAME_HEADER, events, frames, unwhiten};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Shape, Model)]
struct Depths {
    depth: u64,
}

/// A recursive type that takes one byte per level.
#[derive(Serialize, Deserialize, Shape)]
struct Level {
    below: Option<Box<Level>>,
}

type Block = [[[u8; 32]; 32]; 32];

#[memimage::commands]
impl Depths {
    #[command]
    fn dive(&mut self, level: Level) {
        self.depth = std::iter::successors(Some(&level), |level| level.below.as_deref()).count() as u64;
    }

    /// A payload of 32,768 bytes that are encoded as they are.
    #[command]
    fn fill(&mut self, block: Block) {
        self.depth = u64::from(block[0][0][0]);
    }
}

fn open(disk: &SimDisk) -> Result<Image<Depths>, memimage::Error> {
    Image::options().snapshots(SnapshotPolicy::Manual).open_with(Arc::new(disk.clone()), "/depths")
}

/// Regression: the stack of the opening thread overflowed, which ends the process.
#[test]
fn a_payload_that_exceeds_the_nesting_limit_is_refused() {
    let disk = SimDisk::new();
    let depths = open(&disk).unwrap();
    depths.dive(Level { below: Some(Box::new(Level { below: None })) }).unwrap();
    let mut block: Block = [[[1; 32]; 32]; 32];
    block[31][31][31] = 0;
    depths.fill(block).unwrap();
    Image::close(depths).unwrap();

    // the bytes of the block become those of a `dive` with 32,767 levels
    let path = "/depths/journal/00000001.journal";
    let mut segment = disk.read(path).unwrap();
    unwhiten(&mut segment);
    let last = frames(&segment).into_iter().rfind(|frame| events(&segment, frame) > 0).unwrap();
    let number = last.start + FRAME_HEADER + 4 + 1;
    assert_eq!(segment[number], 1, "the second event of the journal");
    segment[number] = 0;
    update_journal([&mut segment]);
    disk.write(path, 0, &segment).unwrap();

    let error = open(&disk).unwrap_err().to_string();
    assert!(error.contains("`dive`") && error.contains("nested more than 128 levels deep"), "{error}");
}
