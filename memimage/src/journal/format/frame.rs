//! A frame: the unit that is written, checked and accepted as a whole. Pure bytes; no I/O.
//!
//! ```text
//! header (80 bytes, longer by an extension area) | stored body | trailer (8 bytes)
//! ```
//!
//! `docs/FORMAT.md` has the byte tables.

#[cfg(test)]
mod tests;

use super::crc_forge::{CHOSEN, choose};
use super::protection::{Checksum, FrameNonces, FrameProtection, Link, encrypted_len, extension_len, links};
use super::whitening::{Salts, has_zero_sector, whiten};
use crate::context::Timestamp;
use crate::keys::{AuthenticationError, KeyIds, Mac};
use crate::planted::{Bug, planted};
use crate::seq::Seq;

/// Bytes of a header without its extension area.
pub(crate) const HEADER: usize = 80;
/// Bytes of a trailer.
pub(crate) const TRAILER: usize = 8;
/// The longest body a frame may have.
pub(crate) const MAX_BODY: usize = 1 << 30;

const MAGIC: [u8; 4] = *b"MIfr";
const MAX_HEADER: usize = 4096;
const ALIGN_SHIFTS: std::ops::RangeInclusive<u8> = 3..=12;
const CRITICAL: u8 = 1;
const XCHACHA20_POLY1305: u8 = 1;
const BLAKE3: u8 = 1;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// Events: one batch.
    Events,
    /// The shapes of all events up to here, by which the events of the segment are numbered.
    Shapes,
    /// The state before the first event.
    Genesis,
    /// The digest of the state at this place.
    Digest,
    /// Nothing follows in this segment.
    Seal,
    /// The first segments may be gone: a base stands beside the journal.
    Prune,
    /// An event is not to be replayed.
    Void,
    /// A kind of a later version that may be passed over.
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

    /// A digest can be passed over by a reader that knows nothing of digests; all else is needed to replay.
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

/// What a frame says of itself, but for what follows from its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    /// The seq of the first event in it, or of the next event if there is none in it.
    pub(crate) first_seq: Seq,
    /// How many events are in it.
    pub(crate) count: u32,
    /// The highest seq known to be synced when the frame was built.
    pub(crate) durable_seq: Seq,
    pub(crate) epoch: u64,
    /// The recorded time from which those of its events are counted.
    pub(crate) time: Timestamp,
    /// The frame before, over all segments; all zero for the journal's first.
    pub(crate) previous: Link,
    /// The next frame starts at the next multiple of 2 to this power.
    pub(crate) align_shift: u8,
}

impl FrameHeader {
    /// The seq of the first event after this frame.
    pub(crate) fn next_seq(&self) -> Seq {
        Seq::new(self.first_seq.get().saturating_add(u64::from(self.count)))
    }
}

/// Bytes of the header of a frame of this form, with its extension area.
pub(crate) fn head_len(form: KeyIds) -> usize {
    HEADER + extension_len(form)
}

/// Bytes that a body of `body` bytes takes as a frame, of whose bytes `head` come before it.
pub(crate) fn frame_len(head: usize, body: usize) -> usize {
    head + body + TRAILER
}

/// A buffer to write a body into, with room left for what comes before it.
pub(crate) fn start(buffer: &mut Vec<u8>, head: usize) {
    buffer.clear();
    buffer.resize(head, 0);
}

/// Makes a frame of a buffer that was [started](start) and holds a body since, and returns what the next one must name.
///
/// `offset` is where in the segment it will stand. The body is encrypted, if it is to be, and then whitened by XOR with a
/// salt, which is changed until every part of the frame that falls into one sector has a bit set, and the last byte of the
/// header and of the frame has two: so a sector that is all zero was never written, nor was such a last byte, which no single
/// flipped bit makes zero either.
pub(crate) fn finish(
    buffer: &mut Vec<u8>,
    header: &FrameHeader,
    cover: &FrameProtection<'_>,
    drawn: &FrameNonces,
    offset: u64,
    salts: &mut Salts,
) -> Link {
    finish_with(buffer, head_len(cover.form()), header, cover, drawn, offset, salts)
}

/// As [`finish`], of a frame with a given checksum, so that a frame which names that follows it. The buffer was started with
/// room for [`CHOSEN`] bytes more before the body, which end the extension area: they are chosen to that end, and no reader
/// looks at them. What such a frame stands in is synced before it gets its name, so its sectors need not show that they
/// were written.
pub(crate) fn finish_as(
    wanted: u32,
    buffer: &mut Vec<u8>,
    header: &FrameHeader,
    cover: &FrameProtection<'_>,
    drawn: &FrameNonces,
    (offset, salts): (u64, &mut Salts),
) {
    let (checksum, head) = (cover.checksum(), head_len(cover.form()) + CHOSEN);
    finish_with(buffer, head, header, cover, drawn, offset, salts);
    let end = buffer.len() - TRAILER;
    let (covered, trailer) = buffer.split_at_mut(end);
    choose(covered, head - CHOSEN, |bytes| checksum.of(bytes), wanted);
    trailer[4..].copy_from_slice(&wanted.to_le_bytes());
}

fn finish_with(
    buffer: &mut Vec<u8>,
    head: usize,
    header: &FrameHeader,
    cover: &FrameProtection<'_>,
    drawn: &FrameNonces,
    offset: u64,
    salts: &mut Salts,
) -> Link {
    let checksum = cover.checksum();
    let body = buffer.len() - head;
    debug_assert!(body <= MAX_BODY);
    write_header(&mut buffer[..HEADER], header, cover.form(), head, body);
    let (first, rest) = buffer.split_at_mut(HEADER);
    let (extension, clear) = rest.split_at_mut(head - HEADER);
    cover.protect(first, extension, clear, drawn, &header.previous);
    buffer.extend_from_slice(&[0; TRAILER]);
    let encrypted = HEADER..HEADER + encrypted_len(cover.form());
    loop {
        let salt = salts.next();
        buffer[40..48].copy_from_slice(&salt.to_le_bytes());
        let crc = checksum.of(&buffer[..76]);
        buffer[76..80].copy_from_slice(&crc.to_le_bytes());
        if !ends_well(&buffer[..HEADER]) {
            continue;
        }
        whiten(&mut buffer[encrypted.clone()], salt);
        whiten(&mut buffer[head..head + body], salt);
        let mac = cover.link(&mut buffer[..head + body], HEADER);
        let crc = checksum.of(&buffer[..head + body]);
        let (trailer, len) = (head + body, buffer.len() as u32);
        // the checksum comes last: were it the length, whose upper bytes are zero, no salt could help a frame whose last
        // bytes fall into a sector of their own
        buffer[trailer..trailer + 4].copy_from_slice(&len.to_le_bytes());
        buffer[trailer + 4..].copy_from_slice(&crc.to_le_bytes());
        let sectors_show =
            !has_zero_sector(buffer, offset, 0..HEADER) && !has_zero_sector(buffer, offset, 0..len as usize);
        if sectors_show && ends_well(buffer) {
            return Link { checksum: crc, mac };
        }
        whiten(&mut buffer[encrypted.clone()], salt);
        whiten(&mut buffer[head..head + body], salt);
    }
}

/// Whether the last byte tells, by two bits at least, that all before it was written too.
fn ends_well(written: &[u8]) -> bool {
    written.last().is_some_and(|last| last.count_ones() > 1)
}

/// Writes all of a header but its salt and its checksum.
fn write_header(out: &mut [u8], header: &FrameHeader, form: KeyIds, head: usize, body: usize) {
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
    out[64] = form.cipher.map_or(0, |_| XCHACHA20_POLY1305);
    out[65] = 0; // compression
    out[66] = header.align_shift;
    out[67] = form.chain.map_or(0, |_| BLAKE3);
    out[68..72].copy_from_slice(&form.cipher.unwrap_or(0).to_le_bytes());
    out[72..76].copy_from_slice(&form.chain.unwrap_or(0).to_le_bytes());
}

/// A frame that was found in a segment, with all its checksums right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) header: FrameHeader,
    pub(crate) checksum: u32,
    pub(crate) offset: usize,
    /// Bytes from the header's first to the trailer's last.
    pub(crate) len: usize,
    pub(crate) form: KeyIds,
    /// Its own link of the chain.
    mac: Mac,
    /// Header, extension area and stored body.
    covered: &'a [u8],
    /// Bytes of header and extension area.
    head: usize,
}

impl Frame<'_> {
    /// The body as it was before it was encrypted and whitened. The cover is of this form.
    pub(crate) fn body(&self, cover: &FrameProtection<'_>) -> Result<Vec<u8>, AuthenticationError> {
        let mut body = self.covered[self.head..].to_vec();
        whiten(&mut body, u64_at(self.covered, 40));
        let head = &self.covered[..self.head];
        let (header, extension) = head.split_at(HEADER);
        let mut nonce_and_tag = extension[..encrypted_len(self.form)].to_vec();
        whiten(&mut nonce_and_tag, u64_at(head, 40));
        cover.open(header, &nonce_and_tag, &mut body).map(|()| body)
    }

    /// Whether its link of the chain is what the key makes of it, if there is a chain. The cover is of this form.
    pub(crate) fn is_linked(&self, cover: &FrameProtection<'_>) -> bool {
        cover.is_linked(self.covered, HEADER)
    }

    /// What the next frame must name.
    pub(crate) fn link(&self) -> Link {
        Link { checksum: self.checksum, mac: self.mac }
    }

    /// Where the next frame starts.
    pub(crate) fn next_offset(&self) -> usize {
        align_up((self.offset + self.len) as u64, self.header.align_shift) as usize
    }
}

/// The next multiple of 2 to the power `shift`.
pub(crate) fn align_up(offset: u64, shift: u8) -> u64 {
    let mask = (1 << shift) - 1;
    (offset + mask) & !mask
}

/// Why there is no frame at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FrameFault {
    /// Nothing that starts here is a header.
    Header,
    /// The header is good, but the frame of `len` bytes is not, or would reach beyond the segment's end.
    Body { len: usize },
    /// The frame is good, but of a kind or form that this version cannot read.
    Unsupported { what: String },
}

/// The length of the frame whose header is at the start of `bytes`, whatever follows it.
pub(crate) fn peek(bytes: &[u8], checksum: Checksum) -> Option<usize> {
    let raw = RawHeader::new(bytes, checksum)?;
    Some(raw.header_len() + raw.stored_len() + TRAILER)
}

/// What a frame's header says of it: whether the frame is good, [`parse`] says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skimmed {
    /// Its kind, if this version knows it.
    pub(crate) kind: Option<FrameKind>,
    pub(crate) first_seq: Seq,
    /// The seq of the first event after it.
    pub(crate) next_seq: Seq,
    /// Where the next frame starts.
    pub(crate) next_offset: usize,
}

/// The header at `offset` of a segment's bytes, and nothing but that.
pub(crate) fn skim(segment: &[u8], offset: usize, checksum: Checksum) -> Option<Skimmed> {
    let raw = RawHeader::new(segment.get(offset..)?, checksum)?;
    let end = offset + raw.header_len() + raw.stored_len() + TRAILER;
    let first = u64_at(raw.bytes, 8);
    Some(Skimmed {
        kind: raw.kind(),
        first_seq: Seq::new(first),
        next_seq: Seq::new(first.saturating_add(u64::from(u32_at(raw.bytes, 48)))),
        next_offset: align_up(end as u64, raw.align_shift()) as usize,
    })
}

/// Reads the frame at `offset` of a segment's bytes.
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
    let (kind, form) = raw.supported().map_err(|what| FrameFault::Unsupported { what })?;
    let head = raw.header_len();
    // one that is too short for what it says it holds was never written
    if head < head_len(form) {
        return Err(FrameFault::Unsupported { what: "a frame has no room for its nonce or its link".to_owned() });
    }
    let (before, mac) = links(form, &covered[HEADER..head]);
    let header = raw.header(kind, before);
    Ok(Frame { header, checksum: crc, offset, len, form, mac, covered, head })
}

/// The bytes of a header whose checksum is right.
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

    /// Kind and form, unless this version cannot read the frame.
    fn supported(&self) -> Result<(FrameKind, KeyIds), String> {
        let [cipher, compression, _, chain] = [64, 65, 66, 67].map(|at| self.bytes[at]);
        let Some(kind) = self.kind() else {
            return Err(format!("a frame is of the unknown kind {}", self.bytes[6]));
        };
        if cipher > XCHACHA20_POLY1305 {
            return Err(format!("a frame is encrypted by the unknown cipher {cipher}"));
        }
        if compression != 0 {
            return Err(format!("a frame is compressed by the unknown method {compression}"));
        }
        if chain > BLAKE3 {
            return Err(format!("a frame is chained by the unknown hash {chain}"));
        }
        if !matches!(kind, FrameKind::Events | FrameKind::Optional(_)) && u32_at(self.bytes, 48) != 0 {
            return Err("a frame that is not of events counts some".to_owned());
        }
        let cipher = (cipher != 0).then(|| u32_at(self.bytes, 68));
        let chain = (chain != 0).then(|| u32_at(self.bytes, 72));
        Ok((kind, KeyIds { cipher, chain }))
    }

    fn header(&self, kind: FrameKind, before: Mac) -> FrameHeader {
        FrameHeader {
            kind,
            first_seq: Seq::new(u64_at(self.bytes, 8)),
            count: u32_at(self.bytes, 48),
            durable_seq: Seq::new(u64_at(self.bytes, 16)),
            epoch: u64_at(self.bytes, 24),
            time: Timestamp::from_micros(u64_at(self.bytes, 32)),
            previous: Link { checksum: u32_at(self.bytes, 60), mac: before },
            align_shift: self.align_shift(),
        }
    }
}

/// The little-endian number at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// The little-endian number at `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
