//! Any bytes as snapshots, and as bases of a pruned journal.

use std::path::PathBuf;

use super::fixed::{Fixed, HEADER, is, judge, pruned, whole};
use crate::{Files, checksums};

/// The first byte says what is done with those after it, a bit each.
const SEALED: u8 = 1;
const HEADER_CHANGED: u8 = 2;
/// In the place of both copies of a base, with no snapshot beside them; else of the newest snapshot.
const BASE: u8 = 4;
/// The input is the file after its header; else it is the state.
const RAW: u8 = 8;

const FIELDS: usize = 256;

/// Opens an image whose newest snapshot, or whose base, is made of the input.
///
/// # Panics
///
/// If it is neither refused as it is nor opens with the state that it had, and goes on.
pub fn snapshot(input: &[u8]) {
    let Some((control, mut bytes)) = input.split_first() else { return };
    let has = |bit: u8| control & bit != 0;
    let fixed = if has(BASE) { pruned() } else { whole() };
    let mut files = fixed.files.clone();
    let paths = replaced(fixed, has(BASE));
    let good = &fixed.files[&paths[0]];
    let mut file = good[..HEADER].to_vec();
    if has(HEADER_CHANGED) {
        let (change, rest) = bytes.split_at(bytes.len().min(FIELDS));
        file.iter_mut().zip(change).for_each(|(byte, change)| *byte ^= change);
        bytes = rest;
    }
    if has(RAW) {
        file.extend_from_slice(bytes);
    } else {
        file.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        file.extend_from_slice(&[0; 4]);
        file.extend_from_slice(bytes);
        file.extend_from_slice(&[0; 8]);
        file.extend_from_slice(&good[good.len() - 48..]);
    }
    if has(SEALED) {
        checksums::update_snapshot(&mut file);
    }
    if has(BASE) {
        files.retain(|path, _| !is(path, "snapshot"));
    }
    files.extend(paths.into_iter().map(|path| (path, file.clone())));
    match judge(&files) {
        Some(state) => assert_eq!(state, fixed.state),
        None => assert!(has(BASE), "the journal has it all"),
    }
}

fn replaced(fixed: &Fixed, base: bool) -> Vec<PathBuf> {
    let ending =
        |files: &Files, extension| files.keys().filter(|path| is(path, extension)).cloned().collect::<Vec<_>>();
    match base {
        true => ending(&fixed.files, "base"),
        false => ending(&fixed.files, "snapshot").split_off(1),
    }
}

/// The good ones, as the state and raw, sealed and not.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for base in [0, BASE] {
        let fixed = if base == 0 { whole() } else { pruned() };
        let file = &fixed.files[&replaced(fixed, base != 0)[0]];
        let raw = &file[HEADER..];
        let state = &raw[8..raw.len() - 48 - 8];
        seeds.push([&[base | SEALED][..], state].concat());
        seeds.push([&[base | SEALED | RAW][..], raw].concat());
        seeds.push([&[base | RAW][..], raw].concat());
        seeds.push([&[base | SEALED | HEADER_CHANGED][..], &[0; FIELDS], state].concat());
    }
    seeds
}
