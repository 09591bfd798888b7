//! Encodes and decodes the header, chunk headers and trailer of a snapshot. No I/O. `docs/FORMAT.md` contains the byte tables.

use xxhash_rust::xxh3::Xxh3;

use super::protection::{HEADER, PREFIX, PREFIX_AT, SEED, TAG_AT, encrypt_seed};
use crate::context::{Seed, Timestamp};
use crate::journal::Identity;
use crate::keys::{KeyIds, Protection, TAG};
use crate::seq::{Life, Seq};

/// Length of a chunk header, in bytes: the chunk's length and its checksum.
pub(super) const CHUNK_HEADER: usize = 8;
/// Length of a full chunk before encryption, in bytes.
pub(super) const CHUNK: usize = 1 << 20;
/// Length of the trailer, in bytes. The trailer follows an empty chunk.
pub(super) const TRAILER: usize = 48;

const MAGIC: [u8; 8] = *b"MIsnapsh";
const VERSION: u32 = 1;
const CHECKSUM_AT: usize = HEADER - 4;
const NAME_AT: usize = 192;
const MAX_NAME: usize = 255;

const XCHACHA20_POLY1305: u8 = 1;
const BLAKE3: u8 = 1;
/// Flags in the header field for incompatible features. These two bits have the same meaning in a segment header.
const ENCRYPTED: u64 = 1;
const CHAINED: u64 = 2;
/// Flag in the header field for incompatible features: a table of requests follows the state.
const REQUESTS: u64 = 4;

/// The header of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotHeader {
    /// The identity of the image. If the snapshot is encrypted, the identity's seed is zero until it is decrypted.
    pub(crate) identity: Identity,
    /// The life in which the snapshot was created.
    pub(crate) life: Life,
    /// The seq of the last event in the state.
    pub(crate) seq: Seq,
    /// The recorded time of the last event in the state.
    pub(crate) time: Timestamp,
    /// The time at which the snapshot was created.
    pub(crate) created: Timestamp,
    pub(crate) model_version: u32,
    pub(crate) fingerprint: u64,
    pub(crate) key_ids: KeyIds,
    /// The prefix of all nonces of the snapshot; unused without a cipher.
    pub(crate) prefix: [u8; PREFIX],
    /// Whether a table of requests follows the state.
    pub(crate) has_requests: bool,
    /// The first event from which on the table has each request up to the snapshot's seq; 0 if that is not known.
    pub(crate) requests_since: Seq,
}

/// The trailer of a snapshot, after the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    /// Length of all chunks, without the chunk headers, in bytes.
    pub(crate) len: u64,
    /// The digest of the state; encrypted in the file of an encrypted snapshot.
    pub(crate) digest: u64,
    /// XXH3-128 of the header and of all chunks, without the chunk headers.
    pub(crate) hash: u128,
    /// The hash of the frame that contains the last event in the state. The hash covers the journal up to this frame. If the
    /// state contains no event, the link is 0.
    pub(crate) link: u64,
}

impl SnapshotHeader {
    /// Encodes the header, with the seed encrypted if `protection` has a cipher.
    pub(super) fn encode(&self, protection: &Protection) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&(HEADER as u32).to_le_bytes());
        // 16..32: the fields of compatible and read-only-compatible features, of which none exists yet
        let protection_bits = self.key_ids.cipher.map_or(0, |_| ENCRYPTED) | self.key_ids.chain.map_or(0, |_| CHAINED);
        let features = protection_bits | if self.has_requests { REQUESTS } else { 0 };
        out[32..40].copy_from_slice(&features.to_le_bytes());
        out[40..56].copy_from_slice(&self.identity.uuid);
        out[56..64].copy_from_slice(&self.life.epoch.to_le_bytes());
        out[64..72].copy_from_slice(&self.seq.get().to_le_bytes());
        out[72..80].copy_from_slice(&self.time.as_micros().to_le_bytes());
        out[80..88].copy_from_slice(&self.created.as_micros().to_le_bytes());
        out[88..96].copy_from_slice(&self.fingerprint.to_le_bytes());
        out[96..100].copy_from_slice(&self.model_version.to_le_bytes());
        out[100] = self.key_ids.cipher.map_or(0, |_| XCHACHA20_POLY1305);
        // 101: the compression, which does not exist yet
        out[102] = self.key_ids.chain.map_or(0, |_| BLAKE3);
        out[104..108].copy_from_slice(&self.key_ids.cipher.unwrap_or(0).to_le_bytes());
        out[108..112].copy_from_slice(&self.key_ids.chain.unwrap_or(0).to_le_bytes());
        out[112..120].copy_from_slice(&self.life.id.to_le_bytes());
        let (parent_uuid, parent_seq) = self.identity.parent.unwrap_or_default();
        out[SEED].copy_from_slice(&self.identity.seed);
        out[152..168].copy_from_slice(&parent_uuid);
        out[168..176].copy_from_slice(&parent_seq.get().to_le_bytes());
        out[176..184].copy_from_slice(&self.requests_since.get().to_le_bytes());
        out[PREFIX_AT..TAG_AT].copy_from_slice(&self.prefix);
        let name = self.identity.model.as_bytes();
        out[NAME_AT - 2..NAME_AT].copy_from_slice(&(name.len() as u16).to_le_bytes());
        out[NAME_AT..NAME_AT + name.len()].copy_from_slice(name);
        if let Some(tag) = encrypt_seed(protection, &self.prefix, &mut out) {
            out[TAG_AT..TAG_AT + TAG].copy_from_slice(&tag);
        }
        let crc = crc32c::crc32c(&out[..CHECKSUM_AT]);
        out[CHECKSUM_AT..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8; HEADER]) -> Result<SnapshotHeader, String> {
        if bytes[0..8] != MAGIC {
            return Err("the file does not start with the magic number of a snapshot".to_owned());
        }
        if u32_at(bytes, CHECKSUM_AT) != crc32c::crc32c(&bytes[..CHECKSUM_AT]) {
            return Err("the header's checksum is wrong".to_owned());
        }
        let (version, incompatible) = (u32_at(bytes, 8), u64_at(bytes, 32));
        let known = [(bytes[100], XCHACHA20_POLY1305), (bytes[101], 0), (bytes[102], BLAKE3)];
        if version != VERSION
            || incompatible & !(ENCRYPTED | CHAINED | REQUESTS) != 0
            || known.iter().any(|(found, newest)| found > newest)
        {
            return Err("the file has a newer format".to_owned());
        }
        if (bytes[100] != 0) != (incompatible & ENCRYPTED != 0) || (bytes[102] != 0) != (incompatible & CHAINED != 0) {
            return Err("the features in the header do not match its cipher and its chain".to_owned());
        }
        let name = usize::from(u16::from_le_bytes([bytes[NAME_AT - 2], bytes[NAME_AT - 1]]));
        if name > MAX_NAME {
            return Err("the model's name is too long".to_owned());
        }
        let model =
            std::str::from_utf8(&bytes[NAME_AT..NAME_AT + name]).map_err(|_| "the model's name is not UTF-8")?;
        Ok(SnapshotHeader {
            identity: Identity {
                uuid: bytes[40..56].try_into().expect("sixteen bytes"),
                seed: if bytes[100] == 0 { bytes[SEED].try_into().expect("32 bytes") } else { Seed::default() },
                parent: (bytes[152..168] != [0; 16])
                    .then(|| (bytes[152..168].try_into().expect("sixteen bytes"), Seq::new(u64_at(bytes, 168)))),
                model: model.to_owned(),
            },
            life: Life { epoch: u64_at(bytes, 56), id: u64_at(bytes, 112) },
            seq: Seq::new(u64_at(bytes, 64)),
            time: Timestamp::from_micros(u64_at(bytes, 72)),
            created: Timestamp::from_micros(u64_at(bytes, 80)),
            fingerprint: u64_at(bytes, 88),
            model_version: u32_at(bytes, 96),
            key_ids: KeyIds {
                cipher: (bytes[100] != 0).then(|| u32_at(bytes, 104)),
                chain: (bytes[102] != 0).then(|| u32_at(bytes, 108)),
            },
            prefix: bytes[PREFIX_AT..TAG_AT].try_into().expect("a slice of the length of the prefix"),
            has_requests: incompatible & REQUESTS != 0,
            requests_since: Seq::new(u64_at(bytes, 176)),
        })
    }
}

impl Trailer {
    pub(super) fn encode(&self) -> [u8; TRAILER] {
        let mut out = [0; TRAILER];
        out[0..8].copy_from_slice(&self.len.to_le_bytes());
        out[8..16].copy_from_slice(&self.digest.to_le_bytes());
        out[16..32].copy_from_slice(&self.hash.to_le_bytes());
        out[32..40].copy_from_slice(&self.link.to_le_bytes());
        let crc = crc32c::crc32c(&out[..TRAILER - 4]);
        out[TRAILER - 4..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8; TRAILER]) -> Option<Trailer> {
        (u32_at(bytes, TRAILER - 4) == crc32c::crc32c(&bytes[..TRAILER - 4])).then(|| Trailer {
            len: u64_at(bytes, 0),
            digest: u64_at(bytes, 8),
            hash: u128::from_le_bytes(bytes[16..32].try_into().expect("sixteen bytes")),
            link: u64_at(bytes, 32),
        })
    }
}

/// Encodes the header of a chunk.
pub(super) fn chunk_header(chunk: &[u8]) -> [u8; CHUNK_HEADER] {
    let mut out = [0; CHUNK_HEADER];
    out[..4].copy_from_slice(&(chunk.len() as u32).to_le_bytes());
    out[4..].copy_from_slice(&crc32c::crc32c(chunk).to_le_bytes());
    out
}

/// Starts the hash of a snapshot, and adds the header to it. The caller must add each chunk.
pub(super) fn hasher(header: &[u8; HEADER]) -> Xxh3 {
    let mut hasher = Xxh3::new();
    hasher.update(header);
    hasher
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
