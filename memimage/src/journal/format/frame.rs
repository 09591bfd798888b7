//! Encodes and decodes frames. A frame is the unit of the journal that is written, checked and accepted atomically.
//!
//! ```text
//! header (96 bytes, longer by an extension area) | stored body | trailer (8 bytes)
//! ```
//!
//! `docs/FORMAT.md` defines every byte.

mod kind;
#[cfg(test)]
mod tests;

use xxhash_rust::xxh3::xxh3_64;

use super::protection::{
    BRIDGE, CHECKSUM_AT, Checksum, FrameNonces, FrameProtection, Link, SALT, bridge, extension_len, macs,
    nonce_and_tag_len,
};
use super::whitening::{Salts, has_zero_sector, whiten};
use crate::context::Timestamp;
use crate::keys::{AuthenticationError, KeyIds, Mac};
use crate::planted::{Bug, planted};
use crate::seq::{Life, Seq};

pub(crate) use kind::FrameKind;

/// Length of a header without its extension area, in bytes.
pub(crate) const HEADER: usize = 96;
/// Length of a trailer, in bytes.
pub(crate) const TRAILER: usize = 8;
/// Maximum length of a frame's body, in bytes.
pub(crate) const MAX_BODY: usize = 1 << 30;

const MAGIC: [u8; 4] = *b"MIfr";
const MAX_HEADER: usize = 4096;
const ALIGN_SHIFTS: std::ops::RangeInclusive<u8> = 3..=12;
/// The largest alignment of a frame, in bytes.
pub(crate) const MAX_ALIGN: usize = 1 << *ALIGN_SHIFTS.end();
const BRIDGES: u8 = 2;
const XCHACHA20_POLY1305: u8 = 1;
const BLAKE3: u8 = 1;

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
    /// The life (epoch and id) in which the frame was written.
    pub(crate) life: Life,
    /// The number of void marks before this frame, since the image was created.
    pub(crate) decisions: u32,
    /// The recorded time to which the first record adds its time delta.
    pub(crate) time: Timestamp,
    /// The link to the previous frame, which may be in an earlier segment; all zero in the first frame of the journal.
    pub(crate) previous: Link,
    /// `Some` in a bridge or a gap frame, which a repair writes in place of lost frames: the link to the last lost frame. The frame
    /// after the bridge or the gap frame contains this link.
    pub(crate) bridge: Option<Link>,
    /// The next frame starts at the next multiple of 2^`align_shift` in the file.
    pub(crate) align_shift: u8,
}

impl FrameHeader {
    /// The seq of the first event after this frame.
    pub(crate) fn next_seq(&self) -> Seq {
        Seq::new(self.first_seq.get().saturating_add(u64::from(self.count)))
    }

    /// Whether event `seq` is in this frame.
    pub(crate) fn contains(&self, seq: Seq) -> bool {
        (self.first_seq..self.next_seq()).contains(&seq)
    }

    /// The number of void marks up to the end of this frame.
    pub(crate) fn next_decisions(&self) -> u32 {
        self.decisions.saturating_add(u32::from(self.kind == FrameKind::Void))
    }
}

/// Length of header and extension area of a frame with these keys, in bytes. A bridge is [`BRIDGE`] bytes longer.
pub(crate) fn head_len(key_ids: KeyIds) -> usize {
    HEADER + extension_len(key_ids)
}

/// Length of a frame, without padding: `head` bytes of header and extension area, `body` bytes of body, and the trailer.
pub(crate) fn frame_len(head: usize, body: usize) -> usize {
    head + body + TRAILER
}

/// Clears `buffer` and reserves `head` bytes for header and extension area. The caller then appends the body.
pub(crate) fn start(buffer: &mut Vec<u8>, head: usize) {
    buffer.clear();
    buffer.resize(head, 0);
}

/// Completes the frame in a buffer that was [started](start) and to which the caller appended a body. Returns the link that the
/// next frame must contain.
///
/// `offset` is the position of the frame in its segment. If the image is encrypted, this function encrypts the body. Then the
/// function whitens the body, that is, XORs the body with a salt. The function draws salts until each sector of the frame has a
/// bit set, and the last byte of the header and the last byte of the frame each have at least two bits set. So if a sector of
/// the frame reads as all zero, that sector was never written. If a last byte reads as zero, that byte was never written. A
/// single bit would not be enough, because one flipped bit would turn a written last byte into zero.
pub(crate) fn finish(
    buffer: &mut Vec<u8>,
    header: &FrameHeader,
    protection: &FrameProtection<'_>,
    nonces: &FrameNonces,
    offset: u64,
    salts: &mut Salts,
) -> Link {
    let checksum = protection.checksum();
    let head = head_len(protection.key_ids()) + header.bridge.map_or(0, |_| BRIDGE);
    let body = buffer.len() - head;
    debug_assert!(body <= MAX_BODY);
    write_header(&mut buffer[..HEADER], header, protection.key_ids(), head, body);
    let (first, rest) = buffer.split_at_mut(HEADER);
    let (extension, clear) = rest.split_at_mut(head - HEADER);
    protection.protect(first, extension, clear, nonces, &header.previous);
    if let Some(link) = header.bridge {
        link.encode_into(&mut extension[head - HEADER - BRIDGE..]);
    }
    buffer.extend_from_slice(&[0; TRAILER]);
    let nonce_and_tag = HEADER..HEADER + nonce_and_tag_len(protection.key_ids());
    loop {
        let salt = salts.next();
        buffer[SALT].copy_from_slice(&salt.to_le_bytes());
        let crc = checksum.of(&buffer[..CHECKSUM_AT]);
        buffer[CHECKSUM_AT..HEADER].copy_from_slice(&crc.to_le_bytes());
        if !ends_with_two_bits(&buffer[..HEADER]) {
            continue;
        }
        whiten(&mut buffer[nonce_and_tag.clone()], salt);
        whiten(&mut buffer[head..head + body], salt);
        let mac = protection.insert_mac(&mut buffer[..head + body], HEADER);
        let crc = checksum.of(&buffer[..head + body]);
        let (trailer, len) = (head + body, buffer.len() as u32);
        // the checksum is the last field, because it depends on the salt. If the length were last, its upper bytes, which are
        // zero, could be alone in a sector
        buffer[trailer..trailer + 4].copy_from_slice(&len.to_le_bytes());
        buffer[trailer + 4..].copy_from_slice(&crc.to_le_bytes());
        let no_zero_sector =
            !has_zero_sector(buffer, offset, 0..HEADER) && !has_zero_sector(buffer, offset, 0..len as usize);
        if no_zero_sector && ends_with_two_bits(buffer) {
            return header.bridge.unwrap_or_else(|| Link { hash: content_hash(&buffer[..trailer]), mac });
        }
        whiten(&mut buffer[nonce_and_tag.clone()], salt);
        whiten(&mut buffer[head..head + body], salt);
    }
}

/// The hash of a frame, which the next frame contains. The hash depends on everything in the journal up to this frame, since
/// each frame contains the hash of the frame before it. A CRC would not do: the CRC of data that ends in its own CRC is a
/// constant.
fn content_hash(covered: &[u8]) -> u64 {
    if planted(Bug::LinkWithoutContent) {
        return u64::from(crc32c::crc32c(&covered[..HEADER]));
    }
    xxh3_64(covered)
}

/// Whether the last byte has at least two bits set. A last byte with two bits set proves that the write reached this byte.
fn ends_with_two_bits(written: &[u8]) -> bool {
    written.last().is_some_and(|last| last.count_ones() > 1)
}

/// Writes all fields of a header except its salt and its checksum.
fn write_header(out: &mut [u8], header: &FrameHeader, key_ids: KeyIds, head: usize, body: usize) {
    out[0..4].copy_from_slice(&MAGIC);
    out[4..6].copy_from_slice(&(head as u16).to_le_bytes());
    out[6] = header.kind.code();
    out[7] = header.kind.flags() | header.bridge.map_or(0, |_| BRIDGES);
    out[8..16].copy_from_slice(&header.first_seq.get().to_le_bytes());
    out[16..24].copy_from_slice(&header.durable_seq.get().to_le_bytes());
    out[24..32].copy_from_slice(&header.life.epoch.to_le_bytes());
    out[32..40].copy_from_slice(&header.time.as_micros().to_le_bytes());
    out[48..52].copy_from_slice(&header.count.to_le_bytes());
    out[52..56].copy_from_slice(&(body as u32).to_le_bytes()); // raw
    out[56..60].copy_from_slice(&(body as u32).to_le_bytes()); // stored
    out[60] = key_ids.cipher.map_or(0, |_| XCHACHA20_POLY1305);
    out[61] = 0; // compression
    out[62] = header.align_shift;
    out[63] = key_ids.chain.map_or(0, |_| BLAKE3);
    out[64..68].copy_from_slice(&key_ids.cipher.unwrap_or(0).to_le_bytes());
    out[68..72].copy_from_slice(&key_ids.chain.unwrap_or(0).to_le_bytes());
    out[72..80].copy_from_slice(&header.previous.hash.to_le_bytes());
    out[80..88].copy_from_slice(&header.life.id.to_le_bytes());
    out[88..92].copy_from_slice(&header.decisions.to_le_bytes());
}

/// A frame with correct checksums, parsed from a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) header: FrameHeader,
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

impl<'a> Frame<'a> {
    /// The frame, if the bytes from which it was parsed begin at offset `start` of the segment.
    pub(crate) fn within(self, start: usize) -> Frame<'a> {
        Frame { offset: self.offset + start, ..self }
    }

    /// Undoes the whitening of the body and decrypts it. `protection` must hold the keys whose ids are in `key_ids`.
    ///
    /// # Errors
    ///
    /// Fails if the key does not decrypt the body.
    pub(crate) fn body(&self, protection: &FrameProtection<'_>) -> Result<Vec<u8>, AuthenticationError> {
        let mut body = self.covered[self.head..].to_vec();
        whiten(&mut body, u64_at(self.covered, SALT.start));
        let head = &self.covered[..self.head];
        let (header, extension) = head.split_at(HEADER);
        let mut nonce_and_tag = extension[..nonce_and_tag_len(self.key_ids)].to_vec();
        whiten(&mut nonce_and_tag, u64_at(head, SALT.start));
        protection.decrypt(header, &nonce_and_tag, &mut body).map(|()| body)
    }

    /// Whether the frame's MAC is valid under the key; `true` if the journal has no chain. `protection` must hold the keys
    /// whose ids are in `key_ids`.
    pub(crate) fn has_valid_mac(&self, protection: &FrameProtection<'_>) -> bool {
        protection.has_valid_mac(self.covered, HEADER)
    }

    /// The bytes of the header without its extension area.
    pub(crate) fn header_bytes(&self) -> &[u8; HEADER] {
        self.covered.first_chunk().expect("a frame has a header")
    }

    /// The link that the next frame must contain.
    pub(crate) fn link(&self) -> Link {
        self.header.bridge.unwrap_or_else(|| Link { hash: content_hash(self.covered), mac: self.mac })
    }

    /// The offset at which the next frame starts.
    pub(crate) fn next_offset(&self) -> usize {
        align_up((self.offset + self.len) as u64, self.header.align_shift) as usize
    }
}

/// Rounds `offset` up to a multiple of 2^`shift`.
pub(crate) fn align_up(offset: u64, shift: u8) -> u64 {
    let mask = (1 << shift) - 1;
    (offset + mask) & !mask
}

/// The reason why no frame can be parsed at an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FrameFault {
    /// There is no valid frame header.
    Header,
    /// The header is valid, but the frame of `len` bytes has a wrong checksum, or extends beyond the end of the segment.
    Body { len: usize },
    /// The checksums are correct, but this version of memimage cannot read the frame.
    Unsupported { reason: String },
}

/// The length of the frame whose header is at the start of `bytes`. Reads only the header.
pub(crate) fn peek_len(bytes: &[u8], checksum: Checksum) -> Option<usize> {
    let raw = RawHeader::new(bytes, checksum)?;
    Some(raw.header_len() + raw.stored_len() + TRAILER)
}

/// The fields of a frame's header that are read without checking the rest of the frame. [`parse`] checks the whole frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameSummary {
    /// The kind of the frame; `None` if this version does not know the kind.
    pub(crate) kind: Option<FrameKind>,
    pub(crate) first_seq: Seq,
    /// The seq of the first event after the frame.
    pub(crate) next_seq: Seq,
    /// The highest seq known to be synced when the frame was built.
    pub(crate) durable_seq: Seq,
    /// The time from which the times of the records are counted.
    pub(crate) time: Timestamp,
    /// The offset at which the next frame starts.
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
        durable_seq: Seq::new(u64_at(raw.bytes, 16)),
        time: Timestamp::from_micros(u64_at(raw.bytes, 32)),
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
    let bridge_len = if raw.bridges() { BRIDGE } else { 0 };
    // the writer never writes an extension area that is too short for the frame's cipher, chain and bridge
    if head < head_len(key_ids) + bridge_len {
        let reason = "a frame has no room for its nonce, its MAC or its bridge".to_owned();
        return Err(FrameFault::Unsupported { reason });
    }
    let extension = &covered[HEADER..head];
    let (previous_mac, mac) = macs(key_ids, extension);
    let bridge = raw.bridges().then(|| bridge(key_ids, extension));
    let header = raw.header(kind, previous_mac, bridge);
    Ok(Frame { header, offset, len, key_ids, mac, covered, head })
}

/// The bytes of a header with a correct checksum and lengths within their bounds.
struct RawHeader<'a> {
    bytes: &'a [u8],
}

impl<'a> RawHeader<'a> {
    fn new(bytes: &'a [u8], checksum: Checksum) -> Option<RawHeader<'a>> {
        let bytes = bytes.get(..HEADER)?;
        let intact =
            u32_at(bytes, CHECKSUM_AT) == checksum.of(&bytes[..CHECKSUM_AT]) || planted(Bug::HeaderChecksumSkipped);
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
        self.bytes[62]
    }

    fn bridges(&self) -> bool {
        self.bytes[7] & BRIDGES != 0
    }

    fn kind(&self) -> Option<FrameKind> {
        FrameKind::from_code(self.bytes[6], self.bytes[7])
    }

    /// The kind and the keys of the frame, or the reason why this version cannot read the frame.
    fn supported(&self) -> Result<(FrameKind, KeyIds), String> {
        let [cipher, compression, chain] = [60, 61, 63].map(|at| self.bytes[at]);
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
        if kind != FrameKind::Events && u32_at(self.bytes, 48) != 0 {
            return Err("a frame states a number of events, but its kind has no events".to_owned());
        }
        if kind == FrameKind::Gap && !self.bridges() {
            return Err("a gap frame does not contain the link to the frames that it replaces".to_owned());
        }
        let cipher = (cipher != 0).then(|| u32_at(self.bytes, 64));
        let chain = (chain != 0).then(|| u32_at(self.bytes, 68));
        Ok((kind, KeyIds { cipher, chain }))
    }

    fn header(&self, kind: FrameKind, previous_mac: Mac, bridge: Option<Link>) -> FrameHeader {
        FrameHeader {
            kind,
            first_seq: Seq::new(u64_at(self.bytes, 8)),
            count: u32_at(self.bytes, 48),
            durable_seq: Seq::new(u64_at(self.bytes, 16)),
            life: Life { epoch: u64_at(self.bytes, 24), id: u64_at(self.bytes, 80) },
            decisions: u32_at(self.bytes, 88),
            time: Timestamp::from_micros(u64_at(self.bytes, 32)),
            previous: Link { hash: u64_at(self.bytes, 72), mac: previous_mac },
            bridge,
            align_shift: self.align_shift(),
        }
    }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
