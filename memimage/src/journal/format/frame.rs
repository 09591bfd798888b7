//! Encodes and decodes frames. A frame is the unit of the journal that is written, checked and accepted atomically. No I/O.
//!
//! ```text
//! header (80 bytes, longer by an extension area) | stored body | trailer (8 bytes)
//! ```
//!
//! `docs/FORMAT.md` has the byte tables.

#[cfg(test)]
mod tests;

use super::crc_forge::{FORGED_LEN, forge};
use super::protection::{Checksum, FrameNonces, FrameProtection, Link, extension_len, macs, nonce_and_tag_len};
use super::whitening::{Salts, has_zero_sector, whiten};
use crate::context::Timestamp;
use crate::keys::{AuthenticationError, KeyIds, Mac};
use crate::planted::{Bug, planted};
use crate::seq::Seq;

/// Length of a header without its extension area, in bytes.
pub(crate) const HEADER: usize = 80;
/// Length of a trailer, in bytes.
pub(crate) const TRAILER: usize = 8;
/// Maximum length of a frame's body, in bytes.
pub(crate) const MAX_BODY: usize = 1 << 30;

const MAGIC: [u8; 4] = *b"MIfr";
const MAX_HEADER: usize = 4096;
const ALIGN_SHIFTS: std::ops::RangeInclusive<u8> = 3..=12;
const CRITICAL: u8 = 1;
const XCHACHA20_POLY1305: u8 = 1;
const BLAKE3: u8 = 1;

/// The kind of a frame, which says how to decode its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// One batch of events.
    Events,
    /// The table of shapes. The index of an event in this table is the event's number in the records that follow.
    Shapes,
    /// The state before the first event.
    Genesis,
    /// The digest of the state after the event before this frame.
    Digest,
    /// The seal of a segment: no frame follows in this segment.
    Seal,
    /// A prune mark: the first segments may be absent, because a base replaces them.
    Prune,
    /// A void mark: replay skips one event.
    Void,
    /// A kind from a later version of the format that readers may skip.
    Optional(u8),
}

impl FrameKind {
    fn code(self) -> u8 {
        match self {
            FrameKind::Events => 1,
            FrameKind::Shapes => 2,
            FrameKind::Genesis => 3,
            FrameKind::Digest => 4,
            FrameKind::Seal => 5,
            FrameKind::Prune => 6,
            FrameKind::Void => 7,
            FrameKind::Optional(code) => code,
        }
    }

    /// Readers may skip a digest that they do not understand; replay needs every other kind.
    fn flags(self) -> u8 {
        match self {
            FrameKind::Digest | FrameKind::Optional(_) => 0,
            _ => CRITICAL,
        }
    }

    fn from_code(code: u8, flags: u8) -> Option<FrameKind> {
        match code {
            1 => Some(FrameKind::Events),
            2 => Some(FrameKind::Shapes),
            3 => Some(FrameKind::Genesis),
            4 => Some(FrameKind::Digest),
            5 => Some(FrameKind::Seal),
            6 => Some(FrameKind::Prune),
            7 => Some(FrameKind::Void),
            _ if flags & CRITICAL == 0 => Some(FrameKind::Optional(code)),
            _ => None,
        }
    }
}

/// The fields of a frame's header, except the lengths and checksums that are computed from the frame's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    /// The seq of the first event in the frame, or of the next event if the frame has no events.
    pub(crate) first_seq: Seq,
    /// The number of events in the frame.
    pub(crate) count: u32,
    /// The highest synced seq at the time when the writer built the frame.
    pub(crate) durable_seq: Seq,
    pub(crate) epoch: u64,
    /// The recorded time to which the first record adds its time delta.
    pub(crate) time: Timestamp,
    /// The link to the frame before this one, across segments; all zero in the first frame of the journal.
    pub(crate) previous: Link,
    /// The next frame starts at the next multiple of 2^`align_shift` in the file.
    pub(crate) align_shift: u8,
}

impl FrameHeader {
    /// The seq of the first event after this frame.
    pub(crate) fn next_seq(&self) -> Seq {
        Seq::new(self.first_seq.get().saturating_add(u64::from(self.count)))
    }
}

/// Length of header and extension area of a frame with these keys, in bytes.
pub(crate) fn head_len(key_ids: KeyIds) -> usize {
    HEADER + extension_len(key_ids)
}

/// Length of a frame with `head` bytes of header and extension area and `body` bytes of body, without padding.
pub(crate) fn frame_len(head: usize, body: usize) -> usize {
    head + body + TRAILER
}

/// Clears `buffer` and reserves `head` bytes for header and extension area. The caller then appends the body.
pub(crate) fn start(buffer: &mut Vec<u8>, head: usize) {
    buffer.clear();
    buffer.resize(head, 0);
}

/// Completes the frame in a buffer that was [started](start) and to which the caller appended a body. Returns the link that the
/// next frame must have.
///
/// `offset` is the position of the frame in its segment. If the image is encrypted, this function encrypts the body. It then
/// whitens the body: it XORs the body with a salt. It draws salts until the frame has a bit set in each of its sectors, and the
/// last bytes of the header and of the frame have two bits set each. So a sector of the frame that reads as all zero was never
/// written, and neither was a last byte that reads as zero. One bit is not enough, because one flipped bit would turn a written
/// last byte into zero.
pub(crate) fn finish(
    buffer: &mut Vec<u8>,
    header: &FrameHeader,
    protection: &FrameProtection<'_>,
    nonces: &FrameNonces,
    offset: u64,
    salts: &mut Salts,
) -> Link {
    finish_with_head(buffer, head_len(protection.key_ids()), header, protection, nonces, offset, salts)
}

/// Like [`finish`], but gives the frame the checksum `wanted`, so that it can precede an existing frame that names this checksum.
/// The caller started the buffer with [`FORGED_LEN`] bytes more than [`head_len`]. These bytes are at the end of the extension
/// area, and readers skip them. This function sets them to the value that yields the checksum. A sector of such a frame may be
/// all zero: the frame needs no torn write detection, because its file is synced before it is renamed to its final name.
pub(crate) fn finish_with_checksum(
    wanted: u32,
    buffer: &mut Vec<u8>,
    header: &FrameHeader,
    protection: &FrameProtection<'_>,
    nonces: &FrameNonces,
    (offset, salts): (u64, &mut Salts),
) {
    let (checksum, head) = (protection.checksum(), head_len(protection.key_ids()) + FORGED_LEN);
    finish_with_head(buffer, head, header, protection, nonces, offset, salts);
    let end = buffer.len() - TRAILER;
    let (covered, trailer) = buffer.split_at_mut(end);
    forge(covered, head - FORGED_LEN, |bytes| checksum.of(bytes), wanted);
    trailer[4..].copy_from_slice(&wanted.to_le_bytes());
}

fn finish_with_head(
    buffer: &mut Vec<u8>,
    head: usize,
    header: &FrameHeader,
    protection: &FrameProtection<'_>,
    nonces: &FrameNonces,
    offset: u64,
    salts: &mut Salts,
) -> Link {
    let checksum = protection.checksum();
    let body = buffer.len() - head;
    debug_assert!(body <= MAX_BODY);
    write_header(&mut buffer[..HEADER], header, protection.key_ids(), head, body);
    let (first, rest) = buffer.split_at_mut(HEADER);
    let (extension, clear) = rest.split_at_mut(head - HEADER);
    protection.protect(first, extension, clear, nonces, &header.previous);
    buffer.extend_from_slice(&[0; TRAILER]);
    let nonce_and_tag = HEADER..HEADER + nonce_and_tag_len(protection.key_ids());
    loop {
        let salt = salts.next();
        buffer[40..48].copy_from_slice(&salt.to_le_bytes());
        let crc = checksum.of(&buffer[..76]);
        buffer[76..80].copy_from_slice(&crc.to_le_bytes());
        if !ends_with_two_bits(&buffer[..HEADER]) {
            continue;
        }
        whiten(&mut buffer[nonce_and_tag.clone()], salt);
        whiten(&mut buffer[head..head + body], salt);
        let mac = protection.insert_mac(&mut buffer[..head + body], HEADER);
        let crc = checksum.of(&buffer[..head + body]);
        let (trailer, len) = (head + body, buffer.len() as u32);
        // the checksum comes last, because it depends on the salt. If the length came last, its upper bytes, which are zero,
        // could be alone in a sector
        buffer[trailer..trailer + 4].copy_from_slice(&len.to_le_bytes());
        buffer[trailer + 4..].copy_from_slice(&crc.to_le_bytes());
        let no_zero_sector =
            !has_zero_sector(buffer, offset, 0..HEADER) && !has_zero_sector(buffer, offset, 0..len as usize);
        if no_zero_sector && ends_with_two_bits(buffer) {
            return Link { checksum: crc, mac };
        }
        whiten(&mut buffer[nonce_and_tag.clone()], salt);
        whiten(&mut buffer[head..head + body], salt);
    }
}

/// Whether the last byte has at least two bits set. Such a byte proves that the write reached it.
fn ends_with_two_bits(written: &[u8]) -> bool {
    written.last().is_some_and(|last| last.count_ones() > 1)
}

/// Writes all fields of a header except its salt and its checksum.
fn write_header(out: &mut [u8], header: &FrameHeader, key_ids: KeyIds, head: usize, body: usize) {
    out[0..4].copy_from_slice(&MAGIC);
    out[4..6].copy_from_slice(&(head as u16).to_le_bytes());
    out[6] = header.kind.code();
    out[7] = header.kind.flags();
    out[8..16].copy_from_slice(&header.first_seq.get().to_le_bytes());
    out[16..24].copy_from_slice(&header.durable_seq.get().to_le_bytes());
    out[24..32].copy_from_slice(&header.epoch.to_le_bytes());
    out[32..40].copy_from_slice(&header.time.as_micros().to_le_bytes());
    out[48..52].copy_from_slice(&header.count.to_le_bytes());
    out[52..56].copy_from_slice(&(body as u32).to_le_bytes()); // raw
    out[56..60].copy_from_slice(&(body as u32).to_le_bytes()); // stored
    out[60..64].copy_from_slice(&header.previous.checksum.to_le_bytes());
    out[64] = key_ids.cipher.map_or(0, |_| XCHACHA20_POLY1305);
    out[65] = 0; // compression
    out[66] = header.align_shift;
    out[67] = key_ids.chain.map_or(0, |_| BLAKE3);
    out[68..72].copy_from_slice(&key_ids.cipher.unwrap_or(0).to_le_bytes());
    out[72..76].copy_from_slice(&key_ids.chain.unwrap_or(0).to_le_bytes());
}

/// A frame that was parsed from a segment. Its checksums are correct.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) header: FrameHeader,
    pub(crate) checksum: u32,
    pub(crate) offset: usize,
    /// Length of header, extension area, stored body and trailer, in bytes.
    pub(crate) len: usize,
    pub(crate) key_ids: KeyIds,
    /// The frame's own MAC; all zero if the journal has no chain.
    mac: Mac,
    /// Header, extension area and stored body: the bytes that the checksum covers.
    covered: &'a [u8],
    /// Length of header and extension area, in bytes.
    head: usize,
}

impl Frame<'_> {
    /// The body after whitening is undone and the body is decrypted. `protection` must have the keys that the frame names.
    ///
    /// # Errors
    ///
    /// If the key does not decrypt the body.
    pub(crate) fn body(&self, protection: &FrameProtection<'_>) -> Result<Vec<u8>, AuthenticationError> {
        let mut body = self.covered[self.head..].to_vec();
        whiten(&mut body, u64_at(self.covered, 40));
        let head = &self.covered[..self.head];
        let (header, extension) = head.split_at(HEADER);
        let mut nonce_and_tag = extension[..nonce_and_tag_len(self.key_ids)].to_vec();
        whiten(&mut nonce_and_tag, u64_at(head, 40));
        protection.decrypt(header, &nonce_and_tag, &mut body).map(|()| body)
    }

    /// Whether the frame's MAC is valid under the key; `true` without a chain. `protection` must have the keys that the frame names.
    pub(crate) fn has_valid_mac(&self, protection: &FrameProtection<'_>) -> bool {
        protection.has_valid_mac(self.covered, HEADER)
    }

    /// The link that the next frame must have.
    pub(crate) fn link(&self) -> Link {
        Link { checksum: self.checksum, mac: self.mac }
    }

    /// Where the next frame starts.
    pub(crate) fn next_offset(&self) -> usize {
        align_up((self.offset + self.len) as u64, self.header.align_shift) as usize
    }
}

/// Rounds `offset` up to a multiple of 2^`shift`.
pub(crate) fn align_up(offset: u64, shift: u8) -> u64 {
    let mask = (1 << shift) - 1;
    (offset + mask) & !mask
}

/// Why no frame can be parsed at an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FrameFault {
    /// There is no valid frame header.
    Header,
    /// The header is valid, but the frame of `len` bytes has a wrong checksum, or extends beyond the end of the segment.
    Body { len: usize },
    /// The checksums are correct, but this version of memimage cannot read the frame.
    Unsupported { reason: String },
}

/// The length of the frame whose header is at the start of `bytes`, by its header alone.
pub(crate) fn peek_len(bytes: &[u8], checksum: Checksum) -> Option<usize> {
    let raw = RawHeader::new(bytes, checksum)?;
    Some(raw.header_len() + raw.stored_len() + TRAILER)
}

/// The fields of a frame's header that are read without checking the rest of the frame. [`parse`] checks all of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameSummary {
    /// The kind of the frame; `None` if this version does not know it.
    pub(crate) kind: Option<FrameKind>,
    pub(crate) first_seq: Seq,
    /// The seq of the first event after the frame.
    pub(crate) next_seq: Seq,
    /// Where the next frame starts.
    pub(crate) next_offset: usize,
}

/// Reads only the header of the frame at `offset` of a segment.
pub(crate) fn parse_header(segment: &[u8], offset: usize, checksum: Checksum) -> Option<FrameSummary> {
    let raw = RawHeader::new(segment.get(offset..)?, checksum)?;
    let end = offset + raw.header_len() + raw.stored_len() + TRAILER;
    let first = u64_at(raw.bytes, 8);
    Some(FrameSummary {
        kind: raw.kind(),
        first_seq: Seq::new(first),
        next_seq: Seq::new(first.saturating_add(u64::from(u32_at(raw.bytes, 48)))),
        next_offset: align_up(end as u64, raw.align_shift()) as usize,
    })
}

/// Parses the frame at `offset` of a segment and checks its checksums.
pub(crate) fn parse(segment: &[u8], offset: usize, checksum: Checksum) -> Result<Frame<'_>, FrameFault> {
    let bytes = segment.get(offset..).unwrap_or_default();
    let raw = RawHeader::new(bytes, checksum).ok_or(FrameFault::Header)?;
    let len = raw.header_len() + raw.stored_len() + TRAILER;
    let Some(frame) = bytes.get(..len) else { return Err(FrameFault::Body { len }) };
    let (covered, trailer) = frame.split_at(len - TRAILER);
    let crc = checksum.of(covered);
    if u32_at(trailer, 0) as usize != len || u32_at(trailer, 4) != crc {
        return Err(FrameFault::Body { len });
    }
    let (kind, key_ids) = raw.supported().map_err(|reason| FrameFault::Unsupported { reason })?;
    let head = raw.header_len();
    // the writer never writes an extension area that is too short for the frame's cipher and chain
    if head < head_len(key_ids) {
        return Err(FrameFault::Unsupported { reason: "a frame has no room for its nonce or its MAC".to_owned() });
    }
    let (previous_mac, mac) = macs(key_ids, &covered[HEADER..head]);
    let header = raw.header(kind, previous_mac);
    Ok(Frame { header, checksum: crc, offset, len, key_ids, mac, covered, head })
}

/// The bytes of a header with a correct checksum and lengths within their bounds.
struct RawHeader<'a> {
    bytes: &'a [u8],
}

impl<'a> RawHeader<'a> {
    fn new(bytes: &'a [u8], checksum: Checksum) -> Option<RawHeader<'a>> {
        let bytes = bytes.get(..HEADER)?;
        let intact = u32_at(bytes, 76) == checksum.of(&bytes[..76]) || planted(Bug::HeaderChecksumSkipped);
        if bytes[0..4] != MAGIC || !intact {
            return None;
        }
        let raw = RawHeader { bytes };
        let bounded = (HEADER..=MAX_HEADER).contains(&raw.header_len())
            && raw.stored_len() <= MAX_BODY
            && ALIGN_SHIFTS.contains(&raw.align_shift());
        bounded.then_some(raw)
    }

    fn header_len(&self) -> usize {
        usize::from(u16::from_le_bytes([self.bytes[4], self.bytes[5]]))
    }

    fn stored_len(&self) -> usize {
        u32_at(self.bytes, 56) as usize
    }

    fn align_shift(&self) -> u8 {
        self.bytes[66]
    }

    fn kind(&self) -> Option<FrameKind> {
        FrameKind::from_code(self.bytes[6], self.bytes[7])
    }

    /// The kind and the keys of the frame, or the reason why this version cannot read it.
    fn supported(&self) -> Result<(FrameKind, KeyIds), String> {
        let [cipher, compression, _, chain] = [64, 65, 66, 67].map(|at| self.bytes[at]);
        let Some(kind) = self.kind() else {
            return Err(format!("a frame has the unknown kind {}", self.bytes[6]));
        };
        if cipher > XCHACHA20_POLY1305 {
            return Err(format!("a frame has the unknown cipher {cipher}"));
        }
        if compression != 0 {
            return Err(format!("a frame has the unknown compression {compression}"));
        }
        if chain > BLAKE3 {
            return Err(format!("a frame has the unknown chain {chain}"));
        }
        if !matches!(kind, FrameKind::Events | FrameKind::Optional(_)) && u32_at(self.bytes, 48) != 0 {
            return Err("a frame states a number of events, but its kind has no events".to_owned());
        }
        let cipher = (cipher != 0).then(|| u32_at(self.bytes, 68));
        let chain = (chain != 0).then(|| u32_at(self.bytes, 72));
        Ok((kind, KeyIds { cipher, chain }))
    }

    fn header(&self, kind: FrameKind, previous_mac: Mac) -> FrameHeader {
        FrameHeader {
            kind,
            first_seq: Seq::new(u64_at(self.bytes, 8)),
            count: u32_at(self.bytes, 48),
            durable_seq: Seq::new(u64_at(self.bytes, 16)),
            epoch: u64_at(self.bytes, 24),
            time: Timestamp::from_micros(u64_at(self.bytes, 32)),
            previous: Link { checksum: u32_at(self.bytes, 60), mac: previous_mac },
            align_shift: self.align_shift(),
        }
    }
}

/// The little-endian `u32` at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// The little-endian `u64` at `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
