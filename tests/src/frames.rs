//! Finds the frames in a segment, from FORMAT.md alone, for tests that damage or modify them. Verifies no checksums.

use std::ops::Range;

/// The length of a segment's header. The frames begin after it.
pub const SEGMENT_HEADER: usize = 4096;
/// The length of a frame's header without its extension.
pub const FRAME_HEADER: usize = 96;
/// The length of a frame's trailer.
pub const TRAILER: usize = 8;
/// The first bytes of each frame.
pub const MAGIC: &[u8; 4] = b"MIfr";

/// The byte ranges of the frames of a segment, from header to trailer, up to the first bytes that are not a frame.
pub fn frames(segment: &[u8]) -> Vec<Range<usize>> {
    let (mut frames, mut at) = (Vec::new(), SEGMENT_HEADER);
    while let Some(len) = segment.get(at..).and_then(frame_len) {
        frames.push(at..at + len);
        at = next_offset(segment, &(at..at + len));
    }
    frames
}

/// The offset at which the frame after this one would start.
pub fn next_offset(segment: &[u8], frame: &Range<usize>) -> usize {
    let shift = segment[frame.start + 62].clamp(3, 12);
    frame.end.next_multiple_of(1 << shift)
}

/// The number of a frame's kind in FORMAT.md.
pub fn kind(segment: &[u8], frame: &Range<usize>) -> u8 {
    segment[frame.start + 6]
}

/// The seq of the first event in a frame, or of the next event if the frame has none.
pub fn first_event(segment: &[u8], frame: &Range<usize>) -> u64 {
    let seq = frame.start + 8..frame.start + 16;
    u64::from_le_bytes(segment[seq].try_into().expect("eight bytes"))
}

/// The number of events in a frame.
pub fn events(segment: &[u8], frame: &Range<usize>) -> u32 {
    u32_at(segment, frame.start + 48)
}

/// Removes the whitening from all frames of a segment, so that a test can read and modify their bodies. The checksums are wrong
/// afterwards.
pub fn unwhiten(segment: &mut [u8]) {
    for frame in frames(segment) {
        let frame = &mut segment[frame];
        let salt: [u8; 8] = frame[40..48].try_into().expect("eight bytes");
        let body = header_len(frame)..frame.len() - TRAILER;
        frame[body].iter_mut().zip(salt.into_iter().cycle()).for_each(|(byte, white)| *byte ^= white);
        frame[40..48].fill(0);
    }
}

/// The little-endian number at offset `at`.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn header_len(frame: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([frame[4], frame[5]]))
}

/// The length of the frame at the start of these bytes. `None` if they do not contain a complete frame.
fn frame_len(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..FRAME_HEADER)?;
    if !header.starts_with(MAGIC) {
        return None;
    }
    let len = header_len(header) + u32_at(header, 56) as usize + TRAILER;
    (header_len(header) >= FRAME_HEADER && len <= bytes.len()).then_some(len)
}
