//! A frame: the unit that is written, checked and accepted as a whole. Pure bytes; no I/O.
//!
//! ```text
//! header (80 bytes, longer by an extension area) | stored body | trailer (8 bytes)
//! ```
//!
//! `docs/FORMAT.md` has the byte tables.

use super::zeros::is_zero;
use crate::context::Timestamp;
use crate::planted::{Bug, planted};
use crate::seq::{SegmentId, Seq};

/// The unit a disk writes as a whole, as we assume.
pub(crate) const SECTOR: usize = 512;
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
    /// The checksum of the frame before, over all segments; 0 for the journal's first.
    pub(crate) previous: u32,
    /// The next frame starts at the next multiple of 2 to this power.
    pub(crate) align_shift: u8,
}

impl FrameHeader {
    /// The seq of the first event after this frame.
    pub(crate) fn next_seq(&self) -> Seq {
        Seq::new(self.first_seq.get().saturating_add(u64::from(self.count)))
    }
}

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

/// Bytes that a body of `body` bytes takes as a frame.
pub(crate) fn frame_len(body: usize) -> usize {
    HEADER + body + TRAILER
}

/// A buffer to write a body into, with room left for the header.
pub(crate) fn start(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(HEADER, 0);
}

/// Makes a frame of a buffer that was [started](start) and holds a body since, and returns its checksum.
///
/// `offset` is where in the segment it will stand. The body is whitened by XOR with a salt, which is changed until every
/// part of the frame that falls into one sector has a bit set, and the last byte of the header and of the frame has two: so a
/// sector that is all zero was never written, nor was such a last byte, which no single flipped bit makes zero either.
pub(crate) fn finish(
    buffer: &mut Vec<u8>,
    header: &FrameHeader,
    checksum: Checksum,
    offset: u64,
    salts: &mut Salts,
) -> u32 {
    let body = buffer.len() - HEADER;
    debug_assert!(body <= MAX_BODY);
    buffer.extend_from_slice(&[0; TRAILER]);
    loop {
        let salt = salts.next();
        write_header(&mut buffer[..HEADER], header, salt, body, checksum);
        if !ends_well(&buffer[..HEADER]) {
            continue;
        }
        whiten(&mut buffer[HEADER..HEADER + body], salt);
        let crc = checksum.of(&buffer[..HEADER + body]);
        let (trailer, len) = (HEADER + body, buffer.len() as u32);
        // the checksum comes last: were it the length, whose upper bytes are zero, no salt could help a frame whose last
        // bytes fall into a sector of their own
        buffer[trailer..trailer + 4].copy_from_slice(&len.to_le_bytes());
        buffer[trailer + 4..].copy_from_slice(&crc.to_le_bytes());
        let sectors_show =
            !has_zero_sector(buffer, offset, 0..HEADER) && !has_zero_sector(buffer, offset, 0..len as usize);
        if sectors_show && ends_well(buffer) {
            return crc;
        }
        whiten(&mut buffer[HEADER..HEADER + body], salt);
    }
}

/// Whether the last byte tells, by two bits at least, that all before it was written too.
fn ends_well(written: &[u8]) -> bool {
    written.last().is_some_and(|last| last.count_ones() > 1)
}

fn write_header(out: &mut [u8], header: &FrameHeader, salt: u64, body: usize, checksum: Checksum) {
    out[0..4].copy_from_slice(&MAGIC);
    out[4..6].copy_from_slice(&(HEADER as u16).to_le_bytes());
    out[6] = header.kind.code();
    out[7] = header.kind.flags();
    out[8..16].copy_from_slice(&header.first_seq.get().to_le_bytes());
    out[16..24].copy_from_slice(&header.durable_seq.get().to_le_bytes());
    out[24..32].copy_from_slice(&header.epoch.to_le_bytes());
    out[32..40].copy_from_slice(&header.time.as_micros().to_le_bytes());
    out[40..48].copy_from_slice(&salt.to_le_bytes());
    out[48..52].copy_from_slice(&header.count.to_le_bytes());
    out[52..56].copy_from_slice(&(body as u32).to_le_bytes()); // raw
    out[56..60].copy_from_slice(&(body as u32).to_le_bytes()); // stored
    out[60..64].copy_from_slice(&header.previous.to_le_bytes());
    out[64..68].copy_from_slice(&[0, 0, header.align_shift, 0]); // cipher, compression, align, reserved
    out[68..76].fill(0); // key id, reserved
    let crc = checksum.of(&out[..76]);
    out[76..80].copy_from_slice(&crc.to_le_bytes());
}

fn whiten(body: &mut [u8], salt: u64) {
    let pattern = salt.to_le_bytes();
    let mut words = body.chunks_exact_mut(8);
    for word in &mut words {
        let white = u64_at(word, 0) ^ salt;
        word.copy_from_slice(&white.to_le_bytes());
    }
    for (byte, white) in words.into_remainder().iter_mut().zip(pattern) {
        *byte ^= white;
    }
}

/// Whether `part` of `bytes`, which stand at `offset` of a file, has a stretch within one sector that is all zero.
pub(crate) fn has_zero_sector(bytes: &[u8], offset: u64, part: std::ops::Range<usize>) -> bool {
    let mut start = part.start;
    while start < part.end {
        let into_sector = ((offset + start as u64) % SECTOR as u64) as usize;
        let end = part.end.min(start + SECTOR - into_sector);
        if is_zero(&bytes[start..end]) {
            return true;
        }
        start = end;
    }
    false
}

/// A source of salts: any will do that is not the same each time.
#[derive(Debug)]
pub(crate) struct Salts {
    state: u64,
}

impl Salts {
    pub(crate) fn new(seed: u64) -> Salts {
        Salts { state: seed }
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// A frame that was found in a segment, with all its checksums right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) header: FrameHeader,
    pub(crate) checksum: u32,
    pub(crate) offset: usize,
    /// Bytes from the header's first to the trailer's last.
    pub(crate) len: usize,
    stored: &'a [u8],
    salt: u64,
}

impl Frame<'_> {
    /// The body as it was before it was whitened.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = self.stored.to_vec();
        whiten(&mut body, self.salt);
        body
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

/// The kind of the frame whose header is at `offset` of a segment's bytes, if this version knows it, and where the next
/// frame starts. The header alone is looked at: whether the frame is good, [`parse`] says.
pub(crate) fn skim(segment: &[u8], offset: usize, checksum: Checksum) -> Option<(Option<FrameKind>, usize)> {
    let raw = RawHeader::new(segment.get(offset..)?, checksum)?;
    let end = offset + raw.header_len() + raw.stored_len() + TRAILER;
    Some((raw.kind(), align_up(end as u64, raw.align_shift()) as usize))
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
    let kind = raw.supported_kind().map_err(|what| FrameFault::Unsupported { what })?;
    let stored = &covered[raw.header_len()..];
    Ok(Frame { header: raw.header(kind), checksum: crc, offset, len, stored, salt: u64_at(raw.bytes, 40) })
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

    /// The kind, unless this version cannot read the frame.
    fn supported_kind(&self) -> Result<FrameKind, String> {
        let (cipher, compression) = (self.bytes[64], self.bytes[65]);
        match self.kind() {
            None => Err(format!("a frame is of the unknown kind {}", self.bytes[6])),
            Some(_) if cipher != 0 => Err(format!("a frame is encrypted by the unknown cipher {cipher}")),
            Some(_) if compression != 0 => Err(format!("a frame is compressed by the unknown method {compression}")),
            Some(kind @ (FrameKind::Events | FrameKind::Optional(_))) => Ok(kind),
            Some(_) if u32_at(self.bytes, 48) != 0 => Err("a frame that is not of events counts some".to_owned()),
            Some(kind) => Ok(kind),
        }
    }

    fn header(&self, kind: FrameKind) -> FrameHeader {
        FrameHeader {
            kind,
            first_seq: Seq::new(u64_at(self.bytes, 8)),
            count: u32_at(self.bytes, 48),
            durable_seq: Seq::new(u64_at(self.bytes, 16)),
            epoch: u64_at(self.bytes, 24),
            time: Timestamp::from_micros(u64_at(self.bytes, 32)),
            previous: u32_at(self.bytes, 60),
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

#[cfg(test)]
mod tests;
