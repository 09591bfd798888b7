//! Checksums made anew over bytes that were changed, by FORMAT.md alone: what a disk does to an image fails its checksums,
//! and what is behind them would never be tried.

use std::ops::Range;

use crc32c::{crc32c, crc32c_append};

const HEADER: usize = 4096;
const FRAME_HEADER: usize = 80;
const TRAILER: usize = 8;

/// Where the frames of a segment stand, from header to trailer, as far as they can be followed. No checksum is looked at.
pub fn frames(segment: &[u8]) -> Vec<Range<usize>> {
    let (mut frames, mut at) = (Vec::new(), HEADER);
    while let Some(len) = segment.get(at..).and_then(frame_len) {
        frames.push(at..at + len);
        at = next_place(segment, &(at..at + len));
    }
    frames
}

/// Where the frame after this one would start.
pub fn next_place(segment: &[u8], frame: &Range<usize>) -> usize {
    let shift = segment[frame.start + 66].clamp(3, 12);
    frame.end.next_multiple_of(1 << shift)
}

/// The kind of a frame, by its number in FORMAT.md.
pub fn kind(segment: &[u8], frame: &Range<usize>) -> u8 {
    segment[frame.start + 6]
}

/// How many events are in a frame.
pub fn events(segment: &[u8], frame: &Range<usize>) -> u32 {
    u32_at(segment, frame.start + 48)
}

/// The length of the frame that these bytes begin with, if they are long enough for it.
fn frame_len(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..FRAME_HEADER)?;
    if &header[..4] != b"MIfr" {
        return None;
    }
    let header_len = usize::from(u16::from_le_bytes([header[4], header[5]]));
    let len = header_len + u32_at(header, 56) as usize + TRAILER;
    (header_len >= FRAME_HEADER && len <= bytes.len()).then_some(len)
}

/// Makes the checksum of the header of a segment or snapshot fit its bytes.
pub fn seal_header(file: &mut [u8]) {
    if let Some(header) = file.get_mut(..HEADER) {
        let crc = crc32c(&header[..HEADER - 4]);
        put(header, HEADER - 4, crc);
    }
}

/// Makes the checksums of all frames of a segment fit, and lets each name the one before it. Gives the last one's checksum.
/// What the segment says itself of image and number is believed.
pub fn seal_frames(segment: &mut [u8], mut previous: u32) -> u32 {
    if segment.len() < HEADER {
        return previous;
    }
    let seed = crc32c_append(crc32c(&segment[40..56]), &segment[112..120]);
    for frame in frames(segment) {
        let frame = &mut segment[frame];
        let trailer = frame.len() - TRAILER;
        put(frame, 60, previous);
        put(frame, 76, crc32c_append(seed, &frame[..76]));
        put(frame, trailer, frame.len() as u32);
        previous = crc32c_append(seed, &frame[..trailer]);
        put(frame, trailer + 4, previous);
    }
    previous
}

/// Seals the headers and frames of a whole journal, whose segments stand in order of their numbers.
pub fn seal_journal<'a>(segments: impl IntoIterator<Item = &'a mut Vec<u8>>) {
    let mut previous = 0;
    for segment in segments {
        seal_header(segment);
        previous = seal_frames(segment, previous);
    }
}

/// Makes the checksums of a snapshot's header, chunks and trailer fit, and the hash over all of it.
pub fn seal_snapshot(file: &mut [u8]) {
    seal_header(file);
    if file.len() < HEADER {
        return;
    }
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(&file[..HEADER]);
    let (mut at, mut total) = (HEADER, 0u64);
    while let Some(len) = file.get(at..at + 8).map(|header| u32_at(header, 0) as usize) {
        let Some(chunk) = file.get(at + 8..at + 8 + len) else { return };
        hasher.update(chunk);
        total += len as u64;
        let crc = crc32c(chunk);
        put(file, at + 4, crc);
        at += 8 + len;
        if len == 0 {
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

/// Takes the whitening off all frames of a segment, so that their bodies can be read and changed as they are. Their
/// checksums are to be made anew then.
pub fn unwhiten(segment: &mut [u8]) {
    for frame in frames(segment) {
        let frame = &mut segment[frame];
        let header_len = usize::from(u16::from_le_bytes([frame[4], frame[5]]));
        let salt: [u8; 8] = frame[40..48].try_into().expect("eight bytes");
        let body = header_len..frame.len() - TRAILER;
        frame[body].iter_mut().zip(salt.into_iter().cycle()).for_each(|(byte, white)| *byte ^= white);
        frame[40..48].fill(0);
    }
}

/// Makes the checksum of `journal/durable` fit.
pub fn seal_durable(block: &mut [u8], uuid: &[u8]) {
    if block.len() >= 64 {
        let crc = crc32c_append(crc32c(uuid), &block[..60]);
        put(block, 60, crc);
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
