//! Tests of frames as bytes: every length at every offset, every flipped bit, and frames of later versions.

use super::super::whitening::SECTOR;
use super::*;
use crate::keys::Protection;
use crate::seq::SegmentId;

fn header() -> FrameHeader {
    FrameHeader {
        kind: FrameKind::Events,
        first_seq: Seq::new(7),
        count: 3,
        durable_seq: Seq::new(5),
        life: Life { epoch: 2, id: 77 },
        decisions: 0,
        time: Timestamp::from_micros(11),
        previous: Link { hash: 13, ..Link::default() },
        bridge: None,
        align_shift: 3,
    }
}

fn frame_protection(protection: &Protection) -> FrameProtection<'_> {
    FrameProtection::new(&[9; 16], SegmentId::FIRST, protection)
}

fn checksum() -> Checksum {
    Checksum::new(&[9; 16], SegmentId::FIRST)
}

fn frame(body: &[u8], offset: usize) -> Vec<u8> {
    let mut buffer = Vec::new();
    let none = Protection::default();
    let protection = frame_protection(&none);
    start(&mut buffer, HEADER);
    buffer.extend_from_slice(body);
    finish(
        &mut buffer,
        &header(),
        &protection,
        &protection.draw().unwrap(),
        offset as u64,
        &mut Salts::new(offset as u64),
    );
    buffer
}

/// Regression: the search for a salt did not end if the last bytes of the frame were alone in a sector. In that version, the last
/// bytes were the upper half of the length, which is zero.
#[test]
fn every_length_at_every_offset_has_a_salt_without_a_zero_sector() {
    for offset in (0..SECTOR).step_by(8) {
        for len in (0..3 * SECTOR).step_by(if offset % 64 == 0 { 1 } else { 41 }) {
            let body = vec![0; len];
            let frame = frame(&body, offset);
            assert!(!has_zero_sector(&frame, offset as u64, 0..frame.len()), "{len} at {offset}");
            assert!(!has_zero_sector(&frame, offset as u64, 0..HEADER), "{len} at {offset}");
            let mut segment = vec![0; offset];
            segment.extend_from_slice(&frame);
            let parsed = parse(&segment, offset, checksum()).unwrap();
            let read = parsed.body(&frame_protection(&Protection::default())).unwrap();
            assert_eq!((parsed.header, read, parsed.len), (header(), body, frame.len()));
        }
    }
}

#[test]
fn every_flipped_bit_is_detected() {
    let frame = frame(b"some body", 0);
    for bit in 0..frame.len() * 8 {
        let mut frame = frame.clone();
        frame[bit / 8] ^= 1 << (bit % 8);
        assert!(parse(&frame, 0, checksum()).is_err(), "bit {bit}");
    }
    assert!(parse(&frame, 0, Checksum::new(&[8; 16], SegmentId::FIRST)).is_err(), "a frame of another image");
    assert!(parse(&frame, 0, Checksum::new(&[9; 16], SegmentId::new(2))).is_err(), "a frame of another segment");
}

#[test]
fn a_frame_of_a_later_version_is_unsupported_and_not_damaged() {
    let changed = |at: usize, to: u8| {
        let mut frame = frame(b"some body", 0);
        frame[at] = to;
        let crc = checksum().of(&frame[..76]);
        frame[76..80].copy_from_slice(&crc.to_le_bytes());
        let (end, len) = (frame.len() - TRAILER, frame.len());
        let crc = checksum().of(&frame[..end]);
        frame[len - 4..].copy_from_slice(&crc.to_le_bytes());
        parse(&frame, 0, checksum()).map(|frame| frame.header.kind)
    };
    assert!(matches!(changed(6, 99), Err(FrameFault::Unsupported { .. })), "a critical kind");
    assert!(matches!(changed(64, 2), Err(FrameFault::Unsupported { .. })), "a cipher");
    assert!(matches!(changed(67, 2), Err(FrameFault::Unsupported { .. })), "a chain");
    assert!(matches!(changed(64, 1), Err(FrameFault::Unsupported { .. })), "a cipher without a nonce");
    assert!(matches!(changed(65, 1), Err(FrameFault::Unsupported { .. })), "a compression");
    assert_eq!(changed(7, 0), Ok(FrameKind::Events));
}

/// Regression: the search for a salt did not end for the seal of an encrypted journal. A seal has no body, and its header ends in
/// the header's own checksum. So the checksum of the frame did not depend on the salt.
#[cfg(feature = "encryption")]
#[test]
fn an_encrypted_frame_without_a_body_has_a_salt() {
    use crate::keys::{Key, Keyring, Keys};
    let keyring = Keyring::new(Some(Keys::one(Key::new([5; 32]))), None);
    let keys = keyring.current(&[9; 16], std::path::Path::new("image")).unwrap();
    for _ in 0..2_000 {
        let (protection, mut buffer) = (frame_protection(&keys), Vec::new());
        start(&mut buffer, head_len(protection.key_ids()));
        finish(&mut buffer, &header(), &protection, &protection.draw().unwrap(), 4096, &mut Salts::new(1));
        assert_eq!(parse(&buffer, 0, checksum()).unwrap().body(&protection), Ok(Vec::new()));
    }
}
