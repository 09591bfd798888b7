//! What covers a frame: its checksum, and in its extension area the cipher's nonce and tag and the chain's two links. Pure
//! bytes; no I/O.
//!
//! ```text
//! encrypted: nonce (24) | tag (16), and then if chained: the link before (32) | this link (32)
//! ```

use std::ops::Range;

use crate::entropy::random;
use crate::error::Error;
use crate::keys::{AuthenticationError, KeyIds, MAC, Mac, NONCE, Nonce, Protection, TAG};
use crate::seq::SegmentId;

/// Leads whatever is hashed or bound for a frame, so that it passes for nothing else that a key was used on.
const FRAME: [u8; 16] = *b"memimage frame\0\0";
/// The salt of a header, which is drawn after the body was encrypted.
const SALT: Range<usize> = 40..48;
/// The header's own checksum.
const CHECKSUM: usize = 76;

/// The checksum of one segment's frames: CRC32C, seeded with the image's UUID and the segment's number, so that no frame
/// passes for one of another image or segment.
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

/// What a frame must name of the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) checksum: u32,
    /// All zero if the journal has no chain.
    pub(crate) mac: Mac,
}

/// Bytes of the extension area of a frame of this form.
pub(crate) fn extension_len(form: KeyIds) -> usize {
    encrypted_len(form) + if form.chain.is_some() { 2 * MAC } else { 0 }
}

/// Bytes of nonce and tag, which are whitened as the body is: a frame without a body has nothing else besides its header on
/// which its checksum could depend, and the header ends in a checksum of its own, after which all are the same.
pub(crate) fn encrypted_len(form: KeyIds) -> usize {
    if form.cipher.is_some() { NONCE + TAG } else { 0 }
}

/// What covers the frames of one segment.
#[derive(Debug)]
pub(crate) struct FrameProtection<'a> {
    uuid: &'a [u8; 16],
    segment: SegmentId,
    protection: &'a Protection,
}

/// What was drawn for a frame that is to be written.
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

    pub(crate) fn form(&self) -> KeyIds {
        self.protection.form()
    }

    /// Draws what one frame needs of randomness: nothing if it is not encrypted.
    pub(crate) fn draw(&self) -> Result<FrameNonces, Error> {
        let nonce = if self.protection.cipher.is_some() { random()? } else { [0; NONCE] };
        Ok(FrameNonces { nonce })
    }

    /// Encrypts a body and fills the extension area, but for the link of this frame. The header is complete but for its salt
    /// and its checksum.
    pub(crate) fn protect(
        &self,
        header: &[u8],
        extension: &mut [u8],
        body: &mut [u8],
        drawn: &FrameNonces,
        previous: &Link,
    ) {
        if let Some(cipher) = &self.protection.cipher {
            let tag = cipher.encrypt(&drawn.nonce, &self.associated(header), body);
            extension[..NONCE].copy_from_slice(&drawn.nonce);
            extension[NONCE..NONCE + TAG].copy_from_slice(&tag);
        }
        if self.protection.chain.is_some() {
            extension[encrypted_len(self.form())..][..MAC].copy_from_slice(&previous.mac);
        }
    }

    /// Computes the link of a frame whose header, extension area and stored body these bytes are, and puts it where it
    /// belongs.
    pub(crate) fn link(&self, frame: &mut [u8], header: usize) -> Mac {
        let Some(chain) = &self.protection.chain else { return [0; MAC] };
        let at = header + encrypted_len(self.form()) + MAC;
        let segment = self.segment.get().to_le_bytes();
        let mac = chain.mac(&[&FRAME, &segment, &frame[..at], &frame[at + MAC..]]);
        frame[at..at + MAC].copy_from_slice(&mac);
        mac
    }

    /// Whether the link of a frame is what the key makes of it.
    pub(crate) fn is_linked(&self, frame: &[u8], header: usize) -> bool {
        let Some(chain) = &self.protection.chain else { return true };
        let at = header + encrypted_len(self.form()) + MAC;
        let segment = self.segment.get().to_le_bytes();
        chain.verify(&[&FRAME, &segment, &frame[..at], &frame[at + MAC..]], &array(&frame[at..at + MAC]))
    }

    /// Decrypts a body, if it is encrypted.
    pub(crate) fn open(&self, header: &[u8], extension: &[u8], body: &mut [u8]) -> Result<(), AuthenticationError> {
        let Some(cipher) = &self.protection.cipher else { return Ok(()) };
        let nonce = array(&extension[..NONCE]);
        let tag = array(&extension[NONCE..NONCE + TAG]);
        cipher.decrypt(&nonce, &self.associated(header), body, &tag)
    }

    /// What the body is bound to: image, segment, and all of the header that does not come after it.
    fn associated(&self, header: &[u8]) -> Vec<u8> {
        let segment = self.segment.get().to_le_bytes();
        [&FRAME, &self.uuid[..], &segment, &header[..SALT.start], &header[SALT.end..CHECKSUM]].concat()
    }
}

/// The two links in the extension area of a frame of this form: the one before it, and its own.
pub(crate) fn links(form: KeyIds, extension: &[u8]) -> (Mac, Mac) {
    match form.chain {
        None => ([0; MAC], [0; MAC]),
        Some(_) => {
            let links = &extension[encrypted_len(form)..];
            (array(&links[..MAC]), array(&links[MAC..2 * MAC]))
        }
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("a slice of the array's length")
}
