//! Tests of frames as bytes: every length at every offset, every flipped bit, and frames of later versions.

use std::collections::BTreeSet;

use super::super::whitening::SECTOR;
use super::kind::CRITICAL;
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
    finished(&header(), &Protection::default(), body, offset).0
}

/// A frame with this header and body, and the link that the next frame must contain.
fn finished(header: &FrameHeader, protection: &Protection, body: &[u8], offset: usize) -> (Vec<u8>, Link) {
    let (protection, mut buffer) = (frame_protection(protection), Vec::new());
    start(&mut buffer, head_len(protection.key_ids()) + header.bridge.map_or(0, |_| BRIDGE));
    buffer.extend_from_slice(body);
    let nonces = protection.draw().unwrap();
    let link = finish(&mut buffer, header, &protection, &nonces, offset as u64, &mut Salts::new(offset as u64));
    (buffer, link)
}

/// Regression: the search for a salt did not end if the last bytes of the frame were alone in a sector. In that version, the
/// last bytes were the upper half of the length, which is zero.
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
    let changed_to = |changes: &[(usize, u8)]| {
        let mut frame = frame(b"some body", 0);
        changes.iter().for_each(|&(at, to)| frame[at] = to);
        let crc = checksum().of(&frame[..CHECKSUM_AT]);
        frame[CHECKSUM_AT..HEADER].copy_from_slice(&crc.to_le_bytes());
        let (end, len) = (frame.len() - TRAILER, frame.len());
        let crc = checksum().of(&frame[..end]);
        frame[len - 4..].copy_from_slice(&crc.to_le_bytes());
        parse(&frame, 0, checksum()).map(|frame| frame.header.kind)
    };
    let changed = |at: usize, to: u8| changed_to(&[(at, to)]);
    assert!(matches!(changed(6, 99), Err(FrameFault::Unsupported { .. })), "a critical kind");
    assert!(matches!(changed(60, 2), Err(FrameFault::Unsupported { .. })), "a cipher");
    assert!(matches!(changed(63, 2), Err(FrameFault::Unsupported { .. })), "a chain");
    assert!(matches!(changed(60, 1), Err(FrameFault::Unsupported { .. })), "a cipher without a nonce");
    assert!(matches!(changed(61, 1), Err(FrameFault::Unsupported { .. })), "a compression");
    assert!(
        matches!(changed(7, CRITICAL | BRIDGES), Err(FrameFault::Unsupported { .. })),
        "a bridge without room for its link"
    );
    assert_eq!(changed(7, 0), Ok(FrameKind::Events));
    // a reader that skipped the frame would skip its events, and wait for them
    let optional = |events| changed_to(&[(6, 99), (7, 0), (48, events)]);
    assert_eq!(optional(0), Ok(FrameKind::Optional(99)));
    assert!(matches!(optional(1), Err(FrameFault::Unsupported { .. })), "events in a frame of an unknown kind");
}

/// Regression: each frame contained the checksum of the frame before it instead of that frame's hash. The checksum of a frame
/// without a body is a constant, because such a frame ends in its header's own checksum. So the frame after a seal was accepted
/// in every history of the image, not only in the history that contained this seal.
#[test]
fn the_hash_of_a_frame_without_a_body_depends_on_the_frame_before_it() {
    let seal_after = |hash| {
        let previous = Link { hash, ..Link::default() };
        let header = FrameHeader { kind: FrameKind::Seal, count: 0, previous, ..header() };
        let (frame, link) = finished(&header, &Protection::default(), b"", 0);
        let parsed = parse(&frame, 0, checksum()).unwrap();
        assert_eq!(parsed.link(), link);
        assert_eq!(link.hash, xxh3_64(&frame[..frame.len() - TRAILER]));
        (frame[SALT].to_vec(), link.hash)
    };
    // most seals contain the first salt that is drawn. Seals with the same salt differ only in the hash of the frame before
    // them
    let seals: Vec<_> = (1..=8).map(seal_after).collect();
    let salt = &seals[0].0;
    let hashes: Vec<u64> = seals.iter().filter(|seal| seal.0 == *salt).map(|seal| seal.1).collect();
    assert!(hashes.len() > 2, "{seals:?}");
    assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), hashes.len(), "{hashes:?}");
}

/// The frame after a bridge continues the frames that the bridge replaces, and not the bridge itself.
#[test]
fn a_bridge_has_the_link_of_the_frames_that_it_replaces() {
    let replaced = Link { hash: 21, ..Link::default() };
    let header = FrameHeader { kind: FrameKind::Shapes, count: 0, bridge: Some(replaced), ..header() };
    for body in [&b""[..], b"a table of shapes"] {
        let (frame, link) = finished(&header, &Protection::default(), body, 4096);
        assert_eq!(link, replaced);
        let parsed = parse(&frame, 0, checksum()).unwrap();
        assert_eq!((parsed.header, parsed.link()), (header, replaced));
        assert_eq!(parsed.body(&frame_protection(&Protection::default())).unwrap(), body);
    }
}

#[cfg(all(feature = "encryption", feature = "chain"))]
#[test]
fn a_protected_bridge_has_its_own_mac_and_the_link_of_the_frames_that_it_replaces() {
    use crate::keys::MAC;
    let keys = keys(true, true);
    let replaced = Link { hash: 21, mac: [4; MAC] };
    let header = FrameHeader { kind: FrameKind::Shapes, count: 0, bridge: Some(replaced), ..header() };
    let (mut frame, link) = finished(&header, &keys, b"a table of shapes", 4096);
    let protection = frame_protection(&keys);
    let parsed = parse(&frame, 0, checksum()).unwrap();
    assert_eq!((parsed.header, parsed.link(), link), (header, replaced, replaced));
    assert!(parsed.has_valid_mac(&protection) && parsed.mac != replaced.mac);
    assert_eq!(parsed.body(&protection).unwrap(), b"a table of shapes");
    // the MAC covers the link, so nobody without the key can choose another link
    let (link_at, end) = (head_len(protection.key_ids()), frame.len() - TRAILER);
    frame[link_at] ^= 1;
    let crc = checksum().of(&frame[..end]);
    frame[end + 4..].copy_from_slice(&crc.to_le_bytes());
    let forged = parse(&frame, 0, checksum()).unwrap();
    assert!(forged.link().hash == 20 && !forged.has_valid_mac(&protection));
}

/// Regression: the search for a salt did not end for the seal of an encrypted journal. A seal has no body, and its header ends
/// in the header's own checksum. So the checksum of the frame did not depend on the salt.
#[cfg(feature = "encryption")]
#[test]
fn an_encrypted_frame_without_a_body_has_a_salt() {
    let keys = keys(true, false);
    for _ in 0..2_000 {
        let (protection, mut buffer) = (frame_protection(&keys), Vec::new());
        start(&mut buffer, head_len(protection.key_ids()));
        finish(&mut buffer, &header(), &protection, &protection.draw().unwrap(), 4096, &mut Salts::new(1));
        assert_eq!(parse(&buffer, 0, checksum()).unwrap().body(&protection), Ok(Vec::new()));
    }
}

#[cfg(feature = "encryption")]
fn keys(cipher: bool, chain: bool) -> Protection {
    use crate::keys::{Key, Keyring, Keys};
    let key = |is_set: bool| is_set.then(|| Keys::one(Key::new([5; 32])));
    Keyring::new(key(cipher), key(chain)).current(&[9; 16], std::path::Path::new("image")).unwrap()
}
