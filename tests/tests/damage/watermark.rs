//! An old, foreign or missing durable watermark (`journal/durable`). An image with an intact journal does not need it.

use memimage::disk::SimDisk;

use crate::campaign::{DamageInjection, try_all};
use crate::outcome::{Depth, OpenOutcome};
use crate::replaced_files::{put, remove};
use crate::sample_images::{SampleImage, SampleKind, durable};

#[test]
fn an_old_foreign_or_missing_watermark_is_harmless() {
    let other = SampleImage::new(SampleKind::CLOSED);
    for kind in [SampleKind::CLOSED, SampleKind::KILLED, SampleKind::SNAPSHOTS, SampleKind::PRUNED] {
        let sample = SampleImage::new(kind);
        let mut blocks: Vec<Option<Vec<u8>>> = sample.past.iter().map(|past| past.read(durable()).ok()).collect();
        blocks.dedup();
        blocks.push(None);
        blocks.push(Some(other.bytes(&durable()).to_vec()));
        let apply = |disk: &SimDisk, block: &Option<Vec<u8>>| match block {
            Some(block) => put(disk, &durable(), block),
            None => remove(disk, &durable()),
        };
        let part = |block: &Option<Vec<u8>>| if block.is_some() { "Other" } else { "Missing" }.to_owned();
        let damage = DamageInjection { name: "durable", depth: Depth::Use, part: &part, apply: &apply };
        assert!(blocks.len() > 10);
        assert_eq!(try_all(&sample, &damage, &blocks).all(), [OpenOutcome::Unnoticed]);
    }
}
