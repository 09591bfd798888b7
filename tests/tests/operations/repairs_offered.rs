//! Whatever damages an image, a check offers a repair as long as a state is left from which the image can go on.

use std::sync::Arc;

use memimage::admin::check_with;
use memimage::disk::{Disk, SimDisk};
use memimage_tests::{SplitMix64, cases, files, seed};

use super::findings::pruned;
use super::model_versions::first::Till;
use super::{IMAGE, image, open};

const PAGE: usize = 4_096;

/// Damages one file, and returns a description.
fn damage_one(disk: &SimDisk, rng: &mut SplitMix64) -> String {
    let list: Vec<_> = files(disk).into_iter().collect();
    let (path, bytes) = &list[rng.below(list.len() as u64) as usize];
    let mut bytes = bytes.clone();
    let pages = bytes.len().div_ceil(PAGE) as u64;
    let page = |number: u64, len: usize| number as usize * PAGE..len.min((number as usize + 1) * PAGE);
    let at = page(rng.below(pages), bytes.len());
    let kind = match rng.below(7) {
        0 => {
            bytes[at].fill(0);
            "a page of zeros in"
        }
        1 => {
            let bit = rng.below(bytes.len() as u64 * 8) as usize;
            bytes[bit / 8] ^= 1 << (bit % 8);
            "a flipped bit in"
        }
        2 => {
            disk.remove(path).unwrap();
            return format!("without `{}`", path.display());
        }
        3 => {
            let other = page(rng.below(pages), bytes.len());
            at.zip(other).for_each(|(one, other)| bytes.swap(one, other));
            "two exchanged pages in"
        }
        4 => {
            bytes.truncate(rng.below(bytes.len() as u64) as usize);
            "a missing end of"
        }
        5 => {
            bytes.clone_from(&list[rng.below(list.len() as u64) as usize].1);
            "another file in the place of"
        }
        _ => {
            bytes[at].fill_with(|| rng.u64() as u8);
            "a page of noise in"
        }
    };
    disk.truncate(path, 0).unwrap();
    disk.write(path, 0, &bytes).unwrap();
    format!("{kind} `{}`", path.display())
}

#[test]
fn with_a_state_to_go_on_from_a_repair_is_offered() {
    let mut rng = SplitMix64::new(seed(5));
    let (images, mut refused) = ([image(&[5, 12, 28]), pruned()], 0);
    for round in 0..cases(200) as usize {
        let disk = images[round % 2].fork();
        let damages: Vec<String> = (0..=round % 3).map(|_| damage_one(&disk, &mut rng)).collect();
        let what = damages.join(", ");
        let Err(error) = open::<Till>(&disk.fork()) else { continue };
        refused += 1;
        let report = match check_with(Arc::new(disk.clone()), IMAGE) {
            Ok(report) => report,
            Err(refusal) => panic!("{what}: {refusal}"),
        };
        assert!(!report.is_sound(), "{what}: opening says `{error}`, and the check finds it sound:\n{report}");
        let has_state = !report.snapshots.is_empty();
        assert!(!has_state || !report.repairs().is_empty(), "{what}: no repair is offered:\n{report}");
    }
    assert!(refused > cases(200) / 4, "{refused}");
}
