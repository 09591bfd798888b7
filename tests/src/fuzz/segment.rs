//! Any bytes as the segments of a journal.

use super::fixed::{HEADER, ROOT, SEGMENT, judge, segment as path, whole};
use crate::{Files, checksums, frames};

/// The first byte says what is done with those after it, a bit each.
const SEALED: u8 = 1;
const HEADER_CHANGED: u8 = 2;
const DURABLE: u8 = 4;
const SECOND: u8 = 8;
const AHEAD: u8 = 16;

/// How much of the header is changed: fields and the start of the model's name.
const FIELDS: usize = 256;

/// Opens an image whose frames are the input's, with their checksums as they are or made to fit.
///
/// # Panics
///
/// If it is neither refused as it is nor opens and goes on.
pub fn segment(input: &[u8]) {
    let Some((control, mut bytes)) = input.split_first() else { return };
    let has = |bit: u8| control & bit != 0;
    let mut header = whole().files[&path(1)][..HEADER].to_vec();
    if has(HEADER_CHANGED) {
        let (change, rest) = bytes.split_at(bytes.len().min(FIELDS));
        header.iter_mut().zip(change).for_each(|(byte, change)| *byte ^= change);
        bytes = rest;
    }
    let mut files = Files::new();
    if has(DURABLE)
        && let Some((seq, rest)) = bytes.split_first()
    {
        let mut block = whole().files[&durable()].clone();
        block[16..24].copy_from_slice(&u64::from(*seq).to_le_bytes());
        checksums::update_watermark(&mut block, &header[40..56]);
        files.insert(durable(), block);
        bytes = rest;
    }
    let (first, second) = bytes.split_at(if has(SECOND) { bytes.len() / 2 } else { bytes.len() });
    let mut segments = vec![made(&header, 1, first)];
    if has(SECOND) {
        segments.push(made(&header, 2, second));
    }
    if has(AHEAD) {
        segments.push(made(&header, segments.len() as u64 + 1, &[]));
    }
    if has(SEALED) {
        checksums::update_journal(&mut segments);
    } else {
        segments.iter_mut().for_each(|segment| checksums::update_header(segment));
    }
    files.extend((1..).zip(segments).map(|(number, bytes)| (path(number), bytes)));
    judge(&files);
}

fn durable() -> std::path::PathBuf {
    format!("{ROOT}/journal/durable").into()
}

/// A segment with this number and these frames, as long as they need; its header is otherwise as given.
fn made(header: &[u8], number: u64, frames: &[u8]) -> Vec<u8> {
    let len = (HEADER + frames.len()).next_multiple_of(4096).max(SEGMENT);
    let mut bytes = header.to_vec();
    bytes[112..120].copy_from_slice(&number.to_le_bytes());
    bytes[120..128].copy_from_slice(&(len as u64).to_le_bytes());
    bytes.extend_from_slice(frames);
    bytes.resize(len, 0);
    bytes
}

/// The frames of a good segment: all, the first few, and as two segments, sealed and not.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let bytes = &whole().files[&path(1)];
    let frames = frames::frames(bytes);
    let end = |count: usize| frames::next_place(bytes, &frames[count.min(frames.len()) - 1]);
    let mut seeds = Vec::new();
    for count in [2, 3, 5, frames.len()] {
        let frames = &bytes[HEADER..end(count)];
        seeds.push([&[SEALED][..], frames].concat());
        seeds.push([&[SEALED | DURABLE | AHEAD, 1], frames].concat());
        seeds.push([&[0][..], frames].concat());
        seeds.push([&[SEALED | HEADER_CHANGED][..], &[0; FIELDS], frames].concat());
    }
    // genesis and the table, sealed by a seal's frame; then a table and events
    let mut seal_frame = bytes[frames[0].clone()][..80].to_vec();
    (seal_frame[6], seal_frame[7]) = (5, 1);
    seal_frame[48..60].fill(0);
    seal_frame.extend([0; 8]);
    let mut first = [&bytes[HEADER..end(2)], &seal_frame].concat();
    let mut second = bytes[end(2)..end(6)].to_vec();
    let len = first.len().max(second.len());
    first.resize(len, 0);
    second.resize(len, 0);
    seeds.push([&[SEALED | SECOND][..], &first, &second].concat());
    seeds
}
