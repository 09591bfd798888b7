//! A durable watermark (`journal/durable`) that is old, of another image, or missing. It only adds certainty.

use memimage::disk::SimDisk;

use crate::campaign::{Damage, try_all};
use crate::outcome::{Depth, Outcome};
use crate::replaced_files::{put, remove};
use crate::sample_images::{Making, Sample, durable};

#[test]
fn an_old_or_foreign_or_missing_durable_changes_nothing() {
    let other = Sample::new(Making::CLOSED);
    for making in [Making::CLOSED, Making::KILLED, Making::SNAPSHOTS, Making::PRUNED] {
        let sample = Sample::new(making);
        let mut blocks: Vec<Option<Vec<u8>>> = sample.past.iter().map(|past| past.read(durable()).ok()).collect();
        blocks.dedup();
        blocks.push(None);
        blocks.push(Some(other.bytes(&durable()).to_vec()));
        let apply = |disk: &SimDisk, block: &Option<Vec<u8>>| match block {
            Some(block) => put(disk, &durable(), block),
            None => remove(disk, &durable()),
        };
        let part = |block: &Option<Vec<u8>>| if block.is_some() { "Other" } else { "Missing" }.to_owned();
        let damage = Damage { name: "durable", depth: Depth::Live, part: &part, apply: &apply };
        assert!(blocks.len() > 10);
        assert_eq!(try_all(&sample, &damage, &blocks).all(), [Outcome::Unnoticed]);
    }
}
