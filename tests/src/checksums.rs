//! Recomputes the checksums of modified bytes, from FORMAT.md alone, so that a test reaches the checks behind the checksums.

use std::ops::Range;

use crc32c::{crc32c, crc32c_append};
use xxhash_rust::xxh3::xxh3_64;

use crate::frames::{FRAME_HEADER, SEGMENT_HEADER, TRAILER, frames, u32_at};

/// The hash of the previous frame in a frame's header.
const LINK: Range<usize> = 72..80;

/// Recomputes the header checksum of a segment or snapshot.
pub fn update_header(file: &mut [u8]) {
    if let Some(header) = file.get_mut(..SEGMENT_HEADER) {
        let crc = crc32c(&header[..SEGMENT_HEADER - 4]);
        put(header, SEGMENT_HEADER - 4, crc);
    }
}

/// Recomputes the checksums of all frames of a segment and links each frame to the previous one. Returns the hash of the last
/// frame.
pub fn update_frames(segment: &mut [u8], mut previous: u64) -> u64 {
    if segment.len() < SEGMENT_HEADER {
        return previous;
    }
    for frame in frames(segment) {
        previous = update_frame(segment, frame, previous);
    }
    previous
}

/// As [`update_frames`], but the first frame keeps its link.
pub fn update_later_frames(segment: &mut [u8]) -> u64 {
    let previous = frames(segment).first().map_or(0, |frame| link(&segment[frame.clone()]));
    update_frames(segment, previous)
}

/// Recomputes the checksums of one frame of a segment and links it to the previous one. Returns the hash of the frame; of a
/// bridge, the hash that the next frame names. The UUID and the segment number are read from the segment's header.
pub fn update_frame(segment: &mut [u8], frame: Range<usize>, previous: u64) -> u64 {
    segment[frame.clone()][LINK].copy_from_slice(&previous.to_le_bytes());
    update_frame_checksums(segment, frame)
}

/// As [`update_frame`], but the frame keeps its link.
pub fn update_frame_checksums(segment: &mut [u8], frame: Range<usize>) -> u64 {
    let seed = segment_seed(segment);
    update_frame_header(segment, frame.start);
    let frame = &mut segment[frame];
    let trailer = frame.len() - TRAILER;
    put(frame, trailer, frame.len() as u32);
    put(frame, trailer + 4, crc32c_append(seed, &frame[..trailer]));
    next_link(frame)
}

/// The hash by which the next frame names this one: the hash of its content, or the hash in a bridge.
pub fn next_link(frame: &[u8]) -> u64 {
    if frame[7] & 2 == 0 {
        return xxh3_64(&frame[..frame.len() - TRAILER]);
    }
    let head = usize::from(u16::from_le_bytes([frame[4], frame[5]]));
    u64::from_le_bytes(frame[head - 40..head - 32].try_into().expect("eight bytes"))
}

/// Recomputes the header checksum of the frame at an offset of a segment.
pub fn update_frame_header(segment: &mut [u8], at: usize) {
    let crc = crc32c_append(segment_seed(segment), &segment[at..at + FRAME_HEADER - 4]);
    put(segment, at + FRAME_HEADER - 4, crc);
}

/// The CRC32C with which the checksums of a segment's frames begin, from the UUID and the segment number in its header.
pub fn segment_seed(segment: &[u8]) -> u32 {
    crc32c_append(crc32c(&segment[40..56]), &segment[112..120])
}

/// The hash of the previous frame that a frame names.
pub fn link(frame: &[u8]) -> u64 {
    u64::from_le_bytes(frame[LINK].try_into().expect("eight bytes"))
}

/// Updates the headers and frames of a journal. The segments must be in the order of their numbers.
pub fn update_journal<'a>(segments: impl IntoIterator<Item = &'a mut Vec<u8>>) {
    let mut previous = 0;
    for segment in segments {
        update_header(segment);
        previous = update_frames(segment, previous);
    }
}

/// Recomputes the checksums of a snapshot's header, chunks and trailer, and the hash of the whole file.
pub fn update_snapshot(file: &mut [u8]) {
    update_header(file);
    if file.len() < SEGMENT_HEADER {
        return;
    }
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(&file[..SEGMENT_HEADER]);
    // the state, and a table of requests if there is one, each end with an empty chunk
    let mut values = if file[32] & 4 == 0 { 1 } else { 2 };
    let (mut at, mut total) = (SEGMENT_HEADER, 0u64);
    while let Some(len) = file.get(at..at + 8).map(|header| u32_at(header, 0) as usize) {
        let Some(chunk) = file.get(at + 8..at + 8 + len) else { return };
        hasher.update(chunk);
        total += len as u64;
        let crc = crc32c(chunk);
        put(file, at + 4, crc);
        at += 8 + len;
        values -= usize::from(len == 0);
        if values == 0 {
            break;
        }
    }
    if let Some(trailer) = file.get_mut(at..at + 48) {
        trailer[..8].copy_from_slice(&total.to_le_bytes());
        trailer[16..32].copy_from_slice(&hasher.digest128().to_le_bytes());
        let crc = crc32c(&trailer[..44]);
        put(trailer, 44, crc);
    }
}

/// The seq of the last event in a snapshot.
pub fn snapshot_seq(file: &[u8]) -> u64 {
    u64::from_le_bytes(file[64..72].try_into().expect("eight bytes"))
}

/// Links an unprotected snapshot to the frame with its last event, which has this hash.
pub fn link_snapshot(file: &mut [u8], hash: u64) {
    let at = file.len() - 48;
    let trailer = &mut file[at..];
    trailer[32..40].copy_from_slice(&hash.to_le_bytes());
    put(trailer, 44, crc32c(&trailer[..44]));
}

/// Recomputes the checksum of `journal/durable`.
pub fn update_watermark(block: &mut [u8], uuid: &[u8]) {
    if block.len() >= 64 {
        let crc = crc32c_append(crc32c(uuid), &block[..60]);
        put(block, 60, crc);
    }
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
