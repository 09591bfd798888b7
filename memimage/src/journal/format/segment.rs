//! Encodes and decodes the header of a segment, and plans the lengths of segments. A segment is one file of the journal, of
//! fixed length.

use std::ops::Range;

use super::frame::{u32_at, u64_at};
use crate::context::{Seed, Timestamp};
use crate::keys::{AuthenticationError, KeyIds, MAC, NONCE, Nonce, Protection, TAG};
use crate::seq::{Life, SegmentId, Seq};

/// Length of a segment's header, in bytes. The first frame starts after the header.
pub(crate) const SEGMENT_HEADER: usize = 4096;
/// Minimum length of a segment, in bytes.
pub(crate) const MIN_SEGMENT: u64 = 16 << 10;
/// Maximum length of a segment for ordinary records, in bytes. A single large record may get a longer segment.
pub(crate) const MAX_SEGMENT: u64 = 1 << 30;
/// Maximum length of any segment, in bytes: enough for the largest record and for the table of shapes before this record.
pub(crate) const MAX_LARGE_SEGMENT: u64 = 4 << 30;
/// Maximum length of a model's name, in bytes.
pub(crate) const MAX_MODEL_NAME: usize = 255;

const MAGIC: [u8; 8] = *b"memimage";
const VERSION: u32 = 1;
const CRC32C: u8 = 1;
const CHECKSUM_AT: usize = SEGMENT_HEADER - 4;
const MODEL_AT: usize = 192;
const SEED: Range<usize> = 56..88;
const NONCE_AT: usize = 448;
const TAG_AT: usize = NONCE_AT + NONCE;
const MAC_AT: usize = TAG_AT + TAG;

const XCHACHA20_POLY1305: u8 = 1;
const BLAKE3: u8 = 1;
/// Bits of the header field that lists the incompatible features.
const ENCRYPTED: u64 = 1;
const CHAINED: u64 = 2;

/// The domain separator of segment headers: the prefix of all authenticated data of a header. Because of this prefix, a tag or
/// MAC of a header is not valid for any other kind of data under the same key.
const SEGMENT: [u8; 16] = *b"memimage segment";

/// The fields that are the same in all segments of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The UUID of the image. A rewritten, branched or imported image gets a new UUID.
    pub(crate) uuid: [u8; 16],
    /// The seed of the random values in commands.
    pub(crate) seed: Seed,
    /// If this image was rewritten, branched or imported from another image: the UUID of the other image, and the last event that
    /// was taken from there.
    pub(crate) parent: Option<([u8; 16], Seq)>,
    pub(crate) model: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) identity: Identity,
    pub(crate) segment: SegmentId,
    /// The file's length in bytes.
    pub(crate) len: u64,
    /// The life (epoch and id) in which the segment was created.
    pub(crate) life: Life,
    pub(crate) created: Timestamp,
    /// The keys that protect the seed and each frame in the segment.
    pub(crate) key_ids: KeyIds,
}

/// The reason why a segment's header cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// The magic bytes are not those of a segment.
    Foreign,
    /// The checksum is wrong, or a field has an impossible value.
    Damaged(&'static str),
    /// The format is newer than this version of memimage, and this version cannot read it.
    Newer(String),
    /// The format is newer than this version of memimage. This version can read the format, but must not write it.
    NewerToWrite(String),
}

impl SegmentHeader {
    /// Encodes the header and protects it with `protection`, which must hold the keys whose ids are in `key_ids`. The nonce
    /// must never have been used before.
    pub(crate) fn encode(&self, protection: &Protection, nonce: &Nonce) -> [u8; SEGMENT_HEADER] {
        debug_assert_eq!(self.key_ids, protection.key_ids());
        let mut out = [0; SEGMENT_HEADER];
        let (parent_uuid, parent_seq) = self.identity.parent.unwrap_or_default();
        let name = self.identity.model.as_bytes();
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&(SEGMENT_HEADER as u32).to_le_bytes());
        // 16..32: the fields of compatible and read-only-compatible features; none yet
        let features = self.key_ids.cipher.map_or(0, |_| ENCRYPTED) | self.key_ids.chain.map_or(0, |_| CHAINED);
        out[32..40].copy_from_slice(&features.to_le_bytes());
        out[40..56].copy_from_slice(&self.identity.uuid);
        out[56..88].copy_from_slice(&self.identity.seed);
        out[88..104].copy_from_slice(&parent_uuid);
        out[104..112].copy_from_slice(&parent_seq.get().to_le_bytes());
        out[112..120].copy_from_slice(&self.segment.get().to_le_bytes());
        out[120..128].copy_from_slice(&self.len.to_le_bytes());
        out[128..136].copy_from_slice(&self.life.epoch.to_le_bytes());
        out[136..144].copy_from_slice(&self.created.as_micros().to_le_bytes());
        out[144] = CRC32C;
        out[145] = self.key_ids.cipher.map_or(0, |_| XCHACHA20_POLY1305);
        // 146: compression; none yet
        out[147] = self.key_ids.chain.map_or(0, |_| BLAKE3);
        out[148..152].copy_from_slice(&self.key_ids.cipher.unwrap_or(0).to_le_bytes());
        out[152..156].copy_from_slice(&self.key_ids.chain.unwrap_or(0).to_le_bytes());
        out[156..164].copy_from_slice(&self.life.id.to_le_bytes());
        out[MODEL_AT - 2..MODEL_AT].copy_from_slice(&(name.len() as u16).to_le_bytes());
        out[MODEL_AT..MODEL_AT + name.len()].copy_from_slice(name);
        if let Some(cipher) = &protection.cipher {
            let associated = associated(&out);
            let tag = cipher.encrypt(nonce, &associated, &mut out[SEED]);
            out[NONCE_AT..TAG_AT].copy_from_slice(nonce);
            out[TAG_AT..MAC_AT].copy_from_slice(&tag);
        }
        if let Some(chain) = &protection.chain {
            let mac = chain.mac(&[&SEGMENT, &out[..MAC_AT]]);
            out[MAC_AT..MAC_AT + MAC].copy_from_slice(&mac);
        }
        let crc = crc32c::crc32c(&out[..CHECKSUM_AT]);
        out[CHECKSUM_AT..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Decodes a header without its keys. If the image is encrypted, the seed is zero until
    /// [`verify_keys`](SegmentHeader::verify_keys) decrypts it.
    pub(crate) fn decode(bytes: &[u8; SEGMENT_HEADER]) -> Result<SegmentHeader, HeaderFault> {
        if bytes[0..8] != MAGIC {
            return Err(HeaderFault::Foreign);
        }
        if u32_at(bytes, CHECKSUM_AT) != crc32c::crc32c(&bytes[..CHECKSUM_AT]) {
            return Err(HeaderFault::Damaged("the header's checksum is wrong"));
        }
        supported(bytes)?;
        let text_len = usize::from(u16::from_le_bytes([bytes[MODEL_AT - 2], bytes[MODEL_AT - 1]]));
        if text_len > MAX_MODEL_NAME {
            return Err(HeaderFault::Damaged("the model's name is too long"));
        }
        let model = std::str::from_utf8(&bytes[MODEL_AT..MODEL_AT + text_len])
            .map_err(|_| HeaderFault::Damaged("the model's name is not UTF-8"))?;
        let len = u64_at(bytes, 120);
        if !is_valid_len(len) {
            return Err(HeaderFault::Damaged("the length of the segment is out of range"));
        }
        let parent_uuid: [u8; 16] = array(&bytes[88..104]);
        let parent = (parent_uuid != [0; 16]).then(|| (parent_uuid, Seq::new(u64_at(bytes, 104))));
        let key_ids = KeyIds {
            cipher: (bytes[145] != 0).then(|| u32_at(bytes, 148)),
            chain: (bytes[147] != 0).then(|| u32_at(bytes, 152)),
        };
        let seed = if key_ids.cipher.is_some() { Seed::default() } else { array(&bytes[SEED]) };
        let identity = Identity { uuid: array(&bytes[40..56]), seed, parent, model: model.to_owned() };
        Ok(SegmentHeader {
            identity,
            segment: SegmentId::new(u64_at(bytes, 112)),
            len,
            life: Life { epoch: u64_at(bytes, 128), id: u64_at(bytes, 156) },
            created: Timestamp::from_micros(u64_at(bytes, 136)),
            key_ids,
        })
    }

    /// Checks that the header was written with these keys, and decrypts the seed. `bytes` holds the bytes from which this
    /// header was decoded, and `protection` must hold the keys whose ids are in `key_ids`.
    pub(crate) fn verify_keys(
        &mut self,
        bytes: &[u8; SEGMENT_HEADER],
        protection: &Protection,
    ) -> Result<(), KeyMismatch> {
        if let Some(chain) = &protection.chain
            && !chain.verify(&[&SEGMENT, &bytes[..MAC_AT]], &array(&bytes[MAC_AT..MAC_AT + MAC]))
        {
            return Err(KeyMismatch::Chain(chain.id()));
        }
        if let Some(cipher) = &protection.cipher {
            let mut seed: Seed = array(&bytes[SEED]);
            let (nonce, tag) = (array(&bytes[NONCE_AT..TAG_AT]), array(&bytes[TAG_AT..MAC_AT]));
            cipher
                .decrypt(&nonce, &associated(bytes), &mut seed, &tag)
                .map_err(|AuthenticationError| KeyMismatch::Cipher(cipher.id()))?;
            self.identity.seed = seed;
        }
        Ok(())
    }
}

/// The number of the key that does not match a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyMismatch {
    Cipher(u32),
    Chain(u32),
}

/// The associated data of the seed: all other fields before the nonce.
fn associated(header: &[u8; SEGMENT_HEADER]) -> Vec<u8> {
    [&SEGMENT, &header[..SEED.start], &header[SEED.end..NONCE_AT]].concat()
}

/// Rejects headers of a format that this version of memimage does not support.
fn supported(bytes: &[u8; SEGMENT_HEADER]) -> Result<(), HeaderFault> {
    let version = u32_at(bytes, 8);
    let (read_only, incompatible) = (u64_at(bytes, 24), u64_at(bytes, 32));
    if version != VERSION {
        return Err(HeaderFault::Newer(format!(
            "the format version of the file is {version}, but this version of memimage supports only {VERSION}"
        )));
    }
    let unknown = incompatible & !(ENCRYPTED | CHAINED);
    if unknown != 0 {
        return Err(HeaderFault::Newer(format!("the file uses unknown features ({unknown:#x})")));
    }
    if bytes[144] != CRC32C {
        return Err(HeaderFault::Newer(format!("the file uses the unknown checksum {}", bytes[144])));
    }
    if bytes[145] > XCHACHA20_POLY1305 || bytes[146] != 0 || bytes[147] > BLAKE3 {
        let [cipher, compression, chain] = [145, 146, 147].map(|at| bytes[at]);
        let what = format!("the file uses an unknown cipher, compression or chain ({cipher}, {compression}, {chain})");
        return Err(HeaderFault::Newer(what));
    }
    if (bytes[145] != 0) != (incompatible & ENCRYPTED != 0) || (bytes[147] != 0) != (incompatible & CHAINED != 0) {
        return Err(HeaderFault::Damaged("the features in the header do not match its cipher and its chain"));
    }
    if read_only != 0 {
        return Err(HeaderFault::NewerToWrite(format!("the file uses unknown features ({read_only:#x})")));
    }
    Ok(())
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("a slice of the length of the array")
}

pub(crate) fn file_name(segment: SegmentId) -> String {
    format!("{:08}.journal", segment.get())
}

/// The segment with this file name.
pub(crate) fn parse_file_name(name: &str) -> Option<SegmentId> {
    let number: u64 = name.strip_suffix(".journal")?.parse().ok()?;
    let segment = SegmentId::new(number);
    (number > 0 && file_name(segment) == name).then_some(segment)
}

pub(crate) fn is_segment(name: &str) -> bool {
    parse_file_name(name).is_some()
}

/// Whether this is a possible length of a segment.
pub(crate) fn is_valid_len(len: u64) -> bool {
    len.is_multiple_of(4096) && (MIN_SEGMENT..=MAX_LARGE_SEGMENT).contains(&len)
}

/// The planned length of a segment in bytes: 64 KiB, 256 KiB and 1 MiB for the first segments, then twice as much for each next
/// one, at most `largest`. So an image that records little is small, and one that records much soon has long segments. (A segment
/// that is four times as long as the one before cannot be built while that one is filled in bulk.)
pub(crate) fn planned_len(segment: SegmentId, largest: u64) -> u64 {
    let before = segment.get() - 1;
    let quadruplings = before.min(2);
    let doublings = (before - quadruplings).min(20);
    ((64 << 10) << (2 * quadruplings + doublings)).min(largest)
}

/// The length of a segment that has at least `planned` bytes in all and room for `frames` bytes of frames.
pub(crate) fn fitting_len(planned: u64, frames: u64) -> u64 {
    planned.max((SEGMENT_HEADER as u64 + frames).next_multiple_of(4096))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            identity: Identity {
                uuid: [3; 16],
                seed: [4; 32],
                parent: Some(([5; 16], Seq::new(9))),
                model: "Bank".to_owned(),
            },
            segment: SegmentId::new(7),
            len: 1 << 20,
            life: Life { epoch: 2, id: 8 },
            created: Timestamp::from_micros(11),
            key_ids: KeyIds::default(),
        }
    }

    fn encoded(header: &SegmentHeader) -> [u8; SEGMENT_HEADER] {
        header.encode(&Protection::default(), &[0; NONCE])
    }

    #[test]
    fn an_encoded_header_decodes_to_the_same_header() {
        let without_parent = SegmentHeader { identity: Identity { parent: None, ..header().identity }, ..header() };
        for header in [header(), without_parent] {
            assert_eq!(SegmentHeader::decode(&encoded(&header)), Ok(header));
        }
    }

    #[test]
    fn every_flipped_bit_is_detected() {
        let bytes = encoded(&header());
        for bit in 0..SEGMENT_HEADER * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_format_is_not_reported_as_damage() {
        let changed = |at: usize| {
            let mut bytes = encoded(&header());
            bytes[at] = 9;
            let crc = crc32c::crc32c(&bytes[..CHECKSUM_AT]);
            bytes[CHECKSUM_AT..].copy_from_slice(&crc.to_le_bytes());
            SegmentHeader::decode(&bytes)
        };
        assert!(matches!(changed(8), Err(HeaderFault::Newer(_))), "version");
        assert!(changed(16).is_ok(), "a compatible feature");
        assert!(matches!(changed(24), Err(HeaderFault::NewerToWrite(_))), "a read-only-compatible feature");
        assert!(matches!(changed(32), Err(HeaderFault::Newer(_))), "an incompatible feature");
        assert!(matches!(changed(144), Err(HeaderFault::Newer(_))), "checksum");
        assert!(matches!(changed(145), Err(HeaderFault::Newer(_))), "cipher");
    }

    #[test]
    fn file_names_are_segment_numbers() {
        assert_eq!(file_name(SegmentId::new(12)), "00000012.journal");
        assert_eq!(parse_file_name("00000012.journal"), Some(SegmentId::new(12)));
        for other in ["12.journal", "00000012.journal.tmp", "00000000.journal", "durable", "000000x2.journal"] {
            assert_eq!(parse_file_name(other), None, "{other}");
        }
    }

    #[test]
    fn planned_lengths_grow_up_to_the_largest() {
        let planned = |number| planned_len(SegmentId::new(number), 64 << 20) >> 10;
        assert_eq!(
            [1, 2, 3, 4, 5, 9, 10, 90].map(planned),
            [64, 256, 1 << 10, 2 << 10, 4 << 10, 64 << 10, 64 << 10, 64 << 10]
        );
    }
}
