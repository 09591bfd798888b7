//! Checksum, encryption and MAC chain of a frame. The extension area contains the cipher's nonce and tag, and the chain's two
//! MACs.
//!
//! ```text
//! if encrypted: nonce (24) | tag (16), then if chained: MAC of the frame before (32) | MAC of this frame (32),
//! then if the frame is a bridge: the link that the next frame continues: hash (8) | MAC (32)
//! ```

use std::ops::Range;

use crate::entropy::random;
use crate::error::Error;
use crate::keys::{AuthenticationError, KeyIds, MAC, Mac, NONCE, Nonce, Protection, TAG};
use crate::seq::SegmentId;

/// The domain separator of frames: the prefix of all authenticated data of a frame. Because of this prefix, a tag or MAC of a
/// frame is not valid for any other kind of data under the same key.
const FRAME: [u8; 16] = *b"memimage frame\0\0";
/// The salt's bytes in a header. The salt is drawn after the body is encrypted.
pub(super) const SALT: Range<usize> = 40..48;
/// Offset of the header's own checksum.
pub(super) const CHECKSUM_AT: usize = 92;
/// Length of the link in the extension area of a bridge, in bytes.
pub(crate) const BRIDGE: usize = 8 + MAC;

/// The checksum function of one segment's frames: CRC32C, seeded with the image's UUID and the segment's number. Therefore a
/// frame is not valid in another image or segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checksum {
    seed: u32,
}

impl Checksum {
    pub(crate) fn new(uuid: &[u8; 16], segment: SegmentId) -> Checksum {
        Checksum { seed: crc32c::crc32c_append(crc32c::crc32c(uuid), &segment.get().to_le_bytes()) }
    }

    pub(crate) fn of(self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(self.seed, bytes)
    }
}

/// The hash and the MAC of a frame. The next frame contains this link, to identify the frame before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// The hash of the frame, which depends on everything in the journal before the frame.
    pub(crate) hash: u64,
    /// The MAC of the frame; all zero if the journal has no chain.
    pub(crate) mac: Mac,
}

impl Link {
    pub(super) fn encode_into(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.hash.to_le_bytes());
        out[8..BRIDGE].copy_from_slice(&self.mac);
    }
}

/// Length of the extension area of a frame with these keys, in bytes, without a bridge.
pub(crate) fn extension_len(key_ids: KeyIds) -> usize {
    nonce_and_tag_len(key_ids) + if key_ids.chain.is_some() { 2 * MAC } else { 0 }
}

/// Length of nonce and tag in the extension area, in bytes. Nonce and tag are whitened like the body. Without this whitening,
/// the checksum of a frame without a body would not depend on the salt, because the CRC of a header that ends in its own CRC is
/// a constant.
pub(crate) fn nonce_and_tag_len(key_ids: KeyIds) -> usize {
    if key_ids.cipher.is_some() { NONCE + TAG } else { 0 }
}

/// The checksum, cipher and chain of the frames of one segment.
#[derive(Debug)]
pub(crate) struct FrameProtection<'a> {
    uuid: &'a [u8; 16],
    segment: SegmentId,
    protection: &'a Protection,
}

/// The random values that the writer draws for one frame.
#[derive(Debug)]
pub(crate) struct FrameNonces {
    nonce: Nonce,
}

impl<'a> FrameProtection<'a> {
    pub(crate) fn new(uuid: &'a [u8; 16], segment: SegmentId, protection: &'a Protection) -> FrameProtection<'a> {
        FrameProtection { uuid, segment, protection }
    }

    pub(crate) fn checksum(&self) -> Checksum {
        Checksum::new(self.uuid, self.segment)
    }

    pub(crate) fn key_ids(&self) -> KeyIds {
        self.protection.key_ids()
    }

    /// Draws the nonce of one frame; zeros if the image is not encrypted.
    ///
    /// # Errors
    ///
    /// Fails if the operating system provides no random bytes.
    pub(crate) fn draw(&self) -> Result<FrameNonces, Error> {
        let nonce = if self.protection.cipher.is_some() { random()? } else { [0; NONCE] };
        Ok(FrameNonces { nonce })
    }

    /// Encrypts the body and fills the extension area, except this frame's own MAC. The header must be complete except for its
    /// salt and its checksum.
    pub(crate) fn protect(
        &self,
        header: &[u8],
        extension: &mut [u8],
        body: &mut [u8],
        nonces: &FrameNonces,
        previous: &Link,
    ) {
        if let Some(cipher) = &self.protection.cipher {
            let tag = cipher.encrypt(&nonces.nonce, &self.associated(header), body);
            extension[..NONCE].copy_from_slice(&nonces.nonce);
            extension[NONCE..NONCE + TAG].copy_from_slice(&tag);
        }
        if self.protection.chain.is_some() {
            extension[nonce_and_tag_len(self.key_ids())..][..MAC].copy_from_slice(&previous.mac);
        }
    }

    /// Computes the MAC of a frame and writes it into its extension area. `frame` consists of header, extension area and stored
    /// body; `header` is the length of the header.
    pub(crate) fn insert_mac(&self, frame: &mut [u8], header: usize) -> Mac {
        let Some(chain) = &self.protection.chain else { return [0; MAC] };
        let at = header + nonce_and_tag_len(self.key_ids()) + MAC;
        let segment = self.segment.get().to_le_bytes();
        let mac = chain.mac(&[&FRAME, &segment, &frame[..at], &frame[at + MAC..]]);
        frame[at..at + MAC].copy_from_slice(&mac);
        mac
    }

    /// Whether the MAC in a frame is valid under the key; `true` if the journal has no chain.
    pub(crate) fn has_valid_mac(&self, frame: &[u8], header: usize) -> bool {
        let Some(chain) = &self.protection.chain else { return true };
        let at = header + nonce_and_tag_len(self.key_ids()) + MAC;
        let segment = self.segment.get().to_le_bytes();
        chain.verify(&[&FRAME, &segment, &frame[..at], &frame[at + MAC..]], &array(&frame[at..at + MAC]))
    }

    /// Decrypts a body; does nothing if the image is not encrypted.
    pub(crate) fn decrypt(&self, header: &[u8], extension: &[u8], body: &mut [u8]) -> Result<(), AuthenticationError> {
        let Some(cipher) = &self.protection.cipher else { return Ok(()) };
        let nonce = array(&extension[..NONCE]);
        let tag = array(&extension[NONCE..NONCE + TAG]);
        cipher.decrypt(&nonce, &self.associated(header), body, &tag)
    }

    /// The associated data of the body: image, segment, and the header without its salt and checksum, which are computed after
    /// the body is encrypted.
    fn associated(&self, header: &[u8]) -> Vec<u8> {
        let segment = self.segment.get().to_le_bytes();
        [&FRAME, &self.uuid[..], &segment, &header[..SALT.start], &header[SALT.end..CHECKSUM_AT]].concat()
    }
}

/// The two MACs in an extension area: first the MAC of the frame before, then the frame's own MAC.
pub(crate) fn macs(key_ids: KeyIds, extension: &[u8]) -> (Mac, Mac) {
    match key_ids.chain {
        None => ([0; MAC], [0; MAC]),
        Some(_) => {
            let macs = &extension[nonce_and_tag_len(key_ids)..];
            (array(&macs[..MAC]), array(&macs[MAC..2 * MAC]))
        }
    }
}

/// The link in the extension area of a bridge.
pub(crate) fn bridge(key_ids: KeyIds, extension: &[u8]) -> Link {
    let link = &extension[extension_len(key_ids)..];
    Link { hash: u64::from_le_bytes(array(&link[..8])), mac: array(&link[8..BRIDGE]) }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("a slice of the length of the array")
}
