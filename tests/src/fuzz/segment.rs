//! Interprets the input as the segments of a journal.

use super::fixed_image::{HEADER, ROOT, SEGMENT, open_and_check, segment as path, unpruned};
use crate::frames::{FRAME_HEADER, TRAILER};
use crate::{Files, checksums, frames};

// The bits of the first input byte, which control how the other bytes are used.
/// The frames' checksums are corrected.
const VALID_CHECKSUMS: u8 = 1;
/// The next bytes change the header's fields.
const HEADER_CHANGED: u8 = 2;
/// The next byte is the durable seq in `journal/durable`.
const DURABLE: u8 = 4;
/// The frames are divided into two segments.
const TWO_SEGMENTS: u8 = 8;
/// A preallocated segment follows.
const PREALLOCATED: u8 = 16;

/// The number of header bytes that are changed: the fields and the start of the model's name.
const FIELDS: usize = 256;

/// Opens an image with the frames of the input, with or without corrected checksums.
///
/// # Panics
///
/// If the image is neither refused without a modification nor opened and usable.
pub fn segment(input: &[u8]) {
    let Some((control, mut bytes)) = input.split_first() else { return };
    let has = |bit: u8| control & bit != 0;
    let mut header = unpruned().files[&path(1)][..HEADER].to_vec();
    if has(HEADER_CHANGED) {
        let (change, rest) = bytes.split_at(bytes.len().min(FIELDS));
        header.iter_mut().zip(change).for_each(|(byte, change)| *byte ^= change);
        bytes = rest;
    }
    let mut files = Files::new();
    if has(DURABLE)
        && let Some((seq, rest)) = bytes.split_first()
    {
        let mut block = unpruned().files[&durable()].clone();
        block[16..24].copy_from_slice(&u64::from(*seq).to_le_bytes());
        checksums::update_watermark(&mut block, &header[40..56]);
        files.insert(durable(), block);
        bytes = rest;
    }
    let (first, second) = bytes.split_at(if has(TWO_SEGMENTS) { bytes.len() / 2 } else { bytes.len() });
    let mut segments = vec![build(&header, 1, first)];
    if has(TWO_SEGMENTS) {
        segments.push(build(&header, 2, second));
    }
    if has(PREALLOCATED) {
        segments.push(build(&header, segments.len() as u64 + 1, &[]));
    }
    if has(VALID_CHECKSUMS) {
        checksums::update_journal(&mut segments);
    } else {
        segments.iter_mut().for_each(|segment| checksums::update_header(segment));
    }
    files.extend((1..).zip(segments).map(|(number, bytes)| (path(number), bytes)));
    open_and_check(&files);
}

fn durable() -> std::path::PathBuf {
    format!("{ROOT}/journal/durable").into()
}

/// A segment with this number, header and frames, long enough for all frames.
fn build(header: &[u8], number: u64, frames: &[u8]) -> Vec<u8> {
    let len = (HEADER + frames.len()).next_multiple_of(4096).max(SEGMENT);
    let mut bytes = header.to_vec();
    bytes[112..120].copy_from_slice(&number.to_le_bytes());
    bytes[120..128].copy_from_slice(&(len as u64).to_le_bytes());
    bytes.extend_from_slice(frames);
    bytes.resize(len, 0);
    bytes
}

/// The frames of an intact segment: all of them, the first few, and divided into two segments, with and without valid checksums.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let bytes = &unpruned().files[&path(1)];
    let frames = frames::frames(bytes);
    let end = |count: usize| frames::next_offset(bytes, &frames[count.min(frames.len()) - 1]);
    let mut seeds = Vec::new();
    for count in [2, 3, 5, frames.len()] {
        let frames = &bytes[HEADER..end(count)];
        seeds.push([&[VALID_CHECKSUMS][..], frames].concat());
        seeds.push([&[VALID_CHECKSUMS | DURABLE | PREALLOCATED, 1], frames].concat());
        seeds.push([&[0][..], frames].concat());
        seeds.push([&[VALID_CHECKSUMS | HEADER_CHANGED][..], &[0; FIELDS], frames].concat());
    }
    // the genesis and table frames with a seal frame; then a table frame and events
    let mut seal_frame = bytes[frames[0].clone()][..FRAME_HEADER].to_vec();
    (seal_frame[6], seal_frame[7]) = (5, 1);
    seal_frame[4..6].copy_from_slice(&(FRAME_HEADER as u16).to_le_bytes());
    seal_frame[48..60].fill(0);
    seal_frame.extend([0; TRAILER]);
    let mut first = [&bytes[HEADER..end(2)], &seal_frame].concat();
    let mut second = bytes[end(2)..end(6)].to_vec();
    let len = first.len().max(second.len());
    first.resize(len, 0);
    second.resize(len, 0);
    seeds.push([&[VALID_CHECKSUMS | TWO_SEGMENTS][..], &first, &second].concat());
    seeds
}
