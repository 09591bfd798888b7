//! Interprets the input as a snapshot, or as the base of a pruned journal.

use std::path::PathBuf;

use super::fixed_image::{FixedImage, HEADER, has_extension, open_and_check, pruned, unpruned};
use crate::{Files, checksums};

// The bits of the first input byte, which control how the other bytes are used.
/// The file's checksums are corrected.
const VALID_CHECKSUMS: u8 = 1;
/// The next bytes change the header's fields.
const HEADER_CHANGED: u8 = 2;
/// The file replaces both copies of a base, and there are no snapshots. Otherwise it replaces the newest snapshot.
const BASE: u8 = 4;
/// The input is everything after the file's header. Otherwise it is the state.
const RAW: u8 = 8;

/// The number of header bytes that are changed.
const FIELDS: usize = 256;

/// Opens an image whose newest snapshot or base is built from the input.
///
/// # Panics
///
/// If the image is neither refused without a modification nor opened with its original state and usable.
pub fn snapshot(input: &[u8]) {
    let Some((control, mut bytes)) = input.split_first() else { return };
    let has = |bit: u8| control & bit != 0;
    let fixed = if has(BASE) { pruned() } else { unpruned() };
    let mut files = fixed.files.clone();
    let paths = replaced_paths(fixed, has(BASE));
    let intact = &fixed.files[&paths[0]];
    let mut file = intact[..HEADER].to_vec();
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
        file.extend_from_slice(&intact[intact.len() - 48..]);
    }
    if has(VALID_CHECKSUMS) {
        checksums::update_snapshot(&mut file);
    }
    if has(BASE) {
        files.retain(|path, _| !has_extension(path, "snapshot"));
    }
    files.extend(paths.into_iter().map(|path| (path, file.clone())));
    match open_and_check(&files) {
        Some(state) => assert_eq!(state, fixed.state),
        None => assert!(has(BASE), "the journal alone restores the state"),
    }
}

fn replaced_paths(fixed: &FixedImage, base: bool) -> Vec<PathBuf> {
    let ending = |files: &Files, extension| {
        files.keys().filter(|path| has_extension(path, extension)).cloned().collect::<Vec<_>>()
    };
    match base {
        true => ending(&fixed.files, "base"),
        false => ending(&fixed.files, "snapshot").split_off(1),
    }
}

/// Intact snapshots and bases, as a state or raw, with and without valid checksums.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for base in [0, BASE] {
        let fixed = if base == 0 { unpruned() } else { pruned() };
        let file = &fixed.files[&replaced_paths(fixed, base != 0)[0]];
        let raw = &file[HEADER..];
        let state = &raw[8..raw.len() - 48 - 8];
        seeds.push([&[base | VALID_CHECKSUMS][..], state].concat());
        seeds.push([&[base | VALID_CHECKSUMS | RAW][..], raw].concat());
        seeds.push([&[base | RAW][..], raw].concat());
        seeds.push([&[base | VALID_CHECKSUMS | HEADER_CHANGED][..], &[0; FIELDS], state].concat());
    }
    seeds
}
