//! The bytes of a block of merged entries, and of the object `first`. Does no I/O.
//!
//! A block:
//!
//! | at | bytes | content |
//! | --- | --- | --- |
//! | 0 | 8 | `MIblock1` |
//! | 8 | 8 | position of the first entry |
//! | 16 | 8 | number of entries: 256 |
//! | 24 | 32 | one bit an entry: whether it is a claim |
//! | 56 | 256 × 4 | length of each entry |
//! | 1080 | 256 × 32 | BLAKE3 hash of each entry |
//! | 9272 | 32 | BLAKE3 hash of all bytes before it |
//! | 9304 | … | the entries |
//!
//! `first`: `MIfirst1`, the position in 8 bytes, and the BLAKE3 hash of both. All numbers are little-endian.

use std::ops::Range;

use crate::entry::is_claim;

use super::names::{BLOCK_ENTRIES, block_start};

const ENTRIES: usize = BLOCK_ENTRIES as usize;
const HASH: usize = 32;
const LENGTHS: usize = 56;
const HASHES: usize = LENGTHS + 4 * ENTRIES;
const HEADER_HASH: usize = HASHES + HASH * ENTRIES;
/// The length of a block's header.
pub(super) const HEADER: usize = HEADER_HASH + HASH;

/// The verified header of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) block: u64,
    claims: [u8; ENTRIES / 8],
    lengths: Vec<u32>,
    hashes: Vec<[u8; HASH]>,
}

/// The bytes of a block of these entries.
///
/// # Panics
///
/// Panics if there are not exactly 256 entries.
pub(super) fn encode_block<E: AsRef<[u8]>>(block: u64, entries: &[E]) -> Vec<u8> {
    assert_eq!(entries.len(), ENTRIES, "a block is whole");
    let mut claims = [0; ENTRIES / 8];
    for (at, entry) in entries.iter().enumerate() {
        claims[at / 8] |= u8::from(is_claim(entry.as_ref())) << (at % 8);
    }
    let content: usize = entries.iter().map(|entry| entry.as_ref().len()).sum();
    let mut out = Vec::with_capacity(HEADER + content);
    out.extend_from_slice(b"MIblock1");
    out.extend_from_slice(&block_start(block).to_le_bytes());
    out.extend_from_slice(&BLOCK_ENTRIES.to_le_bytes());
    out.extend_from_slice(&claims);
    for entry in entries {
        out.extend_from_slice(&(entry.as_ref().len() as u32).to_le_bytes());
    }
    for entry in entries {
        out.extend_from_slice(blake3::hash(entry.as_ref()).as_bytes());
    }
    let hash = blake3::hash(&out);
    out.extend_from_slice(hash.as_bytes());
    for entry in entries {
        out.extend_from_slice(entry.as_ref());
    }
    out
}

impl BlockHeader {
    /// Decodes and verifies the first [`HEADER`] bytes of a block. On error, says what is wrong.
    pub(super) fn decode(block: u64, bytes: &[u8]) -> Result<BlockHeader, &'static str> {
        let bytes: &[u8; HEADER] = bytes.try_into().map_err(|_| "the block is cut off")?;
        if &bytes[..8] != b"MIblock1" {
            return Err("its block does not begin as a block");
        }
        if blake3::hash(&bytes[..HEADER_HASH]).as_bytes() != &bytes[HEADER_HASH..] {
            return Err("the hash of its block's header is wrong");
        }
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        if (number(8), number(16)) != (block_start(block), BLOCK_ENTRIES) {
            return Err("its block is that of other positions");
        }
        let lengths =
            bytes[LENGTHS..HASHES].chunks_exact(4).map(|four| u32::from_le_bytes(four.try_into().expect("4 bytes")));
        let hashes = bytes[HASHES..HEADER_HASH].chunks_exact(HASH).map(|hash| hash.try_into().expect("32 bytes"));
        Ok(BlockHeader {
            block,
            claims: bytes[24..LENGTHS].try_into().expect("32 bytes"),
            lengths: lengths.collect(),
            hashes: hashes.collect(),
        })
    }

    /// The positions of the entries that are not claims.
    pub(super) fn not_claims(&self) -> impl Iterator<Item = u64> {
        let start = block_start(self.block);
        (0..ENTRIES).filter(|at| self.claims[at / 8] & (1 << (at % 8)) == 0).map(move |at| start + at as u64)
    }

    /// How many entries from `position` on have no more than `bytes_max` bytes together, but at least one; and the bytes of the object
    /// that they are.
    pub(super) fn range(&self, position: u64, bytes_max: usize) -> (usize, Range<u64>) {
        let index = (position - block_start(self.block)) as usize;
        let start = HEADER as u64 + self.lengths[..index].iter().map(|len| u64::from(*len)).sum::<u64>();
        let (mut count, mut end) = (0, start);
        for len in &self.lengths[index..] {
            let next = end + u64::from(*len);
            if count > 0 && next - start > bytes_max as u64 {
                break;
            }
            (count, end) = (count + 1, next);
        }
        (count, start..end)
    }

    /// Cuts bytes that were read at [`range`](BlockHeader::range) into entries. On error, returns the position of the damaged entry.
    pub(super) fn entries(&self, position: u64, count: usize, mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, u64> {
        let index = (position - block_start(self.block)) as usize;
        let mut entries = Vec::with_capacity(count);
        for at in index..index + count {
            let damaged = block_start(self.block) + at as u64;
            let (entry, rest) = bytes.split_at_checked(self.lengths[at] as usize).ok_or(damaged)?;
            if blake3::hash(entry).as_bytes() != &self.hashes[at] {
                return Err(damaged);
            }
            entries.push(entry.to_vec());
            bytes = rest;
        }
        Ok(entries)
    }
}

/// The bytes of the object `first`.
pub(super) fn encode_first(position: u64) -> Vec<u8> {
    let mut out = b"MIfirst1".to_vec();
    out.extend_from_slice(&position.to_le_bytes());
    let hash = blake3::hash(&out);
    out.extend_from_slice(hash.as_bytes());
    out
}

/// The position in the object `first`. None if the object is damaged.
pub(super) fn decode_first(bytes: &[u8]) -> Option<u64> {
    let (content, hash) = bytes.split_last_chunk::<HASH>()?;
    let position = content.strip_prefix(b"MIfirst1")?;
    let is_intact = blake3::hash(content).as_bytes() == hash;
    let position = u64::from_le_bytes(position.try_into().ok()?);
    (is_intact && position > 0).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Vec<u8>> {
        (0..ENTRIES).map(|at| vec![at as u8; at % 5]).collect()
    }

    #[test]
    fn a_block_returns_its_entries_from_any_position() {
        let entries = entries();
        let bytes = encode_block(3, &entries);
        let header = BlockHeader::decode(3, &bytes[..HEADER]).unwrap();
        for position in block_start(3)..block_start(4) {
            for bytes_max in [0, 3, 10, 1 << 20] {
                let (count, range) = header.range(position, bytes_max);
                let read = header.entries(position, count, &bytes[range.start as usize..range.end as usize]).unwrap();
                let index = (position - block_start(3)) as usize;
                assert_eq!(read, entries[index..index + count]);
                assert!(count == 1 || range.end - range.start <= bytes_max as u64);
            }
        }
        assert_eq!(header.not_claims().count(), ENTRIES);
    }

    #[test]
    fn damage_in_a_block_is_found() {
        let bytes = encode_block(0, &entries());
        assert!(BlockHeader::decode(1, &bytes[..HEADER]).unwrap_err().contains("other positions"));
        assert!(BlockHeader::decode(0, &bytes[..HEADER - 1]).is_err());
        for bit in (0..HEADER * 8).step_by(7) {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            BlockHeader::decode(0, &wrong[..HEADER]).expect_err("a bit is wrong");
        }
        let header = BlockHeader::decode(0, &bytes[..HEADER]).unwrap();
        let (count, range) = header.range(1, 1 << 20);
        let mut content = bytes[range.start as usize..range.end as usize].to_vec();
        assert_eq!(header.entries(1, count, &content[..3]), Err(4), "cut off in the fourth entry");
        content[0] ^= 1;
        assert_eq!(header.entries(1, count, &content), Err(2), "the first entry has no bytes");
    }

    #[test]
    fn damage_in_first_is_found() {
        let bytes = encode_first(513);
        assert_eq!(decode_first(&bytes), Some(513));
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_first(&wrong), None);
        }
        assert_eq!(decode_first(&bytes[..20]), None);
    }
}
