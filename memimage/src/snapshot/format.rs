//! A snapshot's bytes: header, chunks, trailer. Pure; no I/O. `docs/FORMAT.md` has the byte tables.

use xxhash_rust::xxh3::Xxh3;

use crate::context::Timestamp;
use crate::seq::Seq;

/// Bytes of the header.
pub(super) const HEADER: usize = 4096;
/// Bytes before each chunk: its length and its checksum.
pub(super) const CHUNK_HEADER: usize = 8;
/// Bytes of a full chunk.
pub(super) const CHUNK: usize = 1 << 20;
/// Bytes of the trailer, which follows an empty chunk.
pub(super) const TRAILER: usize = 48;

const MAGIC: [u8; 8] = *b"MIsnapsh";
const VERSION: u32 = 1;
const CHECKSUM_AT: usize = HEADER - 4;
const NAME_AT: usize = 192;
const MAX_NAME: usize = 255;

/// What a snapshot says of itself before the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotHeader {
    pub(crate) uuid: [u8; 16],
    pub(crate) epoch: u64,
    /// The last event in the state.
    pub(crate) seq: Seq,
    /// The recorded time of that event.
    pub(crate) time: Timestamp,
    /// When the snapshot was made.
    pub(crate) created: Timestamp,
    pub(crate) model: String,
    pub(crate) model_version: u32,
    pub(crate) fingerprint: u64,
}

/// What a snapshot says of itself after the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    /// Bytes of all chunks, their headers not counted.
    pub(crate) len: u64,
    /// The digest of the state.
    pub(crate) digest: u64,
    /// XXH3-128 of the header and of all chunks.
    pub(crate) hash: u128,
}

impl SnapshotHeader {
    pub(super) fn encode(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&(HEADER as u32).to_le_bytes());
        // 16..40: the words of compatible, read-only-compatible and incompatible features; none yet
        out[40..56].copy_from_slice(&self.uuid);
        out[56..64].copy_from_slice(&self.epoch.to_le_bytes());
        out[64..72].copy_from_slice(&self.seq.get().to_le_bytes());
        out[72..80].copy_from_slice(&self.time.as_micros().to_le_bytes());
        out[80..88].copy_from_slice(&self.created.as_micros().to_le_bytes());
        out[88..96].copy_from_slice(&self.fingerprint.to_le_bytes());
        out[96..100].copy_from_slice(&self.model_version.to_le_bytes());
        // 100..108: cipher, compression, padding, key id; none yet
        let name = self.model.as_bytes();
        out[NAME_AT - 2..NAME_AT].copy_from_slice(&(name.len() as u16).to_le_bytes());
        out[NAME_AT..NAME_AT + name.len()].copy_from_slice(name);
        let crc = crc32c::crc32c(&out[..CHECKSUM_AT]);
        out[CHECKSUM_AT..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8; HEADER]) -> Result<SnapshotHeader, String> {
        if bytes[0..8] != MAGIC {
            return Err("it does not start like a snapshot".to_owned());
        }
        if u32_at(bytes, CHECKSUM_AT) != crc32c::crc32c(&bytes[..CHECKSUM_AT]) {
            return Err("the header's checksum is wrong".to_owned());
        }
        let (version, incompatible) = (u32_at(bytes, 8), u64_at(bytes, 32));
        if version != VERSION || incompatible != 0 || bytes[100] != 0 || bytes[101] != 0 {
            return Err("it was written in a newer format".to_owned());
        }
        let name = usize::from(u16::from_le_bytes([bytes[NAME_AT - 2], bytes[NAME_AT - 1]]));
        if name > MAX_NAME {
            return Err("the model's name is too long".to_owned());
        }
        let model = std::str::from_utf8(&bytes[NAME_AT..NAME_AT + name]).map_err(|_| "the model's name is no text")?;
        Ok(SnapshotHeader {
            uuid: bytes[40..56].try_into().expect("sixteen bytes"),
            epoch: u64_at(bytes, 56),
            seq: Seq::new(u64_at(bytes, 64)),
            time: Timestamp::from_micros(u64_at(bytes, 72)),
            created: Timestamp::from_micros(u64_at(bytes, 80)),
            fingerprint: u64_at(bytes, 88),
            model_version: u32_at(bytes, 96),
            model: model.to_owned(),
        })
    }
}

impl Trailer {
    pub(super) fn encode(&self) -> [u8; TRAILER] {
        let mut out = [0; TRAILER];
        out[0..8].copy_from_slice(&self.len.to_le_bytes());
        out[8..16].copy_from_slice(&self.digest.to_le_bytes());
        out[16..32].copy_from_slice(&self.hash.to_le_bytes());
        let crc = crc32c::crc32c(&out[..TRAILER - 4]);
        out[TRAILER - 4..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8; TRAILER]) -> Option<Trailer> {
        (u32_at(bytes, TRAILER - 4) == crc32c::crc32c(&bytes[..TRAILER - 4])).then(|| Trailer {
            len: u64_at(bytes, 0),
            digest: u64_at(bytes, 8),
            hash: u128::from_le_bytes(bytes[16..32].try_into().expect("sixteen bytes")),
        })
    }
}

/// The bytes before a chunk.
pub(super) fn chunk_header(chunk: &[u8]) -> [u8; CHUNK_HEADER] {
    let mut out = [0; CHUNK_HEADER];
    out[..4].copy_from_slice(&(chunk.len() as u32).to_le_bytes());
    out[4..].copy_from_slice(&crc32c::crc32c(chunk).to_le_bytes());
    out
}

/// The hash over a whole snapshot, to which the header and then each chunk are added.
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
