//! `journal/durable`: one small block that says how far the journal is synced, for when no later frame says so.
//!
//! It is written after a sync that no batch follows, without a sync of its own, so what it says was true before it was
//! written; losing it loses nothing but certainty.

use super::frame::{u32_at, u64_at};
use super::zeros::is_zero;
use crate::seq::{SegmentId, Seq};

/// Bytes of the block.
pub(crate) const BLOCK: usize = 64;
/// The file's name in the journal's directory.
pub(crate) const FILE: &str = "durable";

const MAGIC: [u8; 8] = *b"MIdurabl";

/// How far the journal is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watermark {
    pub(crate) epoch: u64,
    /// The highest seq that is synced.
    pub(crate) durable_seq: Seq,
    /// Where the next frame will start.
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
    /// The checksum of the frame before that.
    pub(crate) previous: u32,
}

impl Watermark {
    pub(crate) fn encode(&self, uuid: &[u8; 16]) -> [u8; BLOCK] {
        let mut out = [0; BLOCK];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..16].copy_from_slice(&self.epoch.to_le_bytes());
        out[16..24].copy_from_slice(&self.durable_seq.get().to_le_bytes());
        out[24..32].copy_from_slice(&self.segment.get().to_le_bytes());
        out[32..40].copy_from_slice(&self.offset.to_le_bytes());
        out[40..44].copy_from_slice(&self.previous.to_le_bytes());
        let crc = checksum(&out, uuid);
        out[BLOCK - 4..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Whether the bytes, of whatever image, tell of more than a creation that was begun. For when there is no segment to
    /// say which image's they are.
    pub(crate) fn tells_of_a_life(bytes: &[u8]) -> bool {
        // what a creation leaves is a block of the first epoch and no events, or what was written of one before it failed
        let mut block = [0; BLOCK];
        let len = bytes.len().min(BLOCK);
        block[..len].copy_from_slice(&bytes[..len]);
        let magic = block.iter().zip(MAGIC).take_while(|(byte, magic)| **byte == *magic).count();
        let begun = magic == MAGIC.len() || is_zero(&block[magic..]);
        !begun || u64_at(&block, 8) > 1 || u64_at(&block, 16) > 0
    }

    /// The block, if the bytes are one of this image. A damaged block is no error: it proves nothing.
    pub(crate) fn decode(bytes: &[u8], uuid: &[u8; 16]) -> Option<Watermark> {
        let bytes = bytes.get(..BLOCK)?;
        if bytes[0..8] != MAGIC || u32_at(bytes, BLOCK - 4) != checksum(bytes, uuid) {
            return None;
        }
        Some(Watermark {
            epoch: u64_at(bytes, 8),
            durable_seq: Seq::new(u64_at(bytes, 16)),
            segment: SegmentId::new(u64_at(bytes, 24)),
            offset: u64_at(bytes, 32),
            previous: u32_at(bytes, 40),
        })
    }
}

fn checksum(block: &[u8], uuid: &[u8; 16]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(uuid), &block[..BLOCK - 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A write that failed halfway once left a directory in which no image could be made any more.
    #[test]
    fn what_was_written_of_a_creation_tells_of_no_life_and_a_life_does() {
        let block = |epoch, seq| {
            let (durable_seq, segment) = (Seq::new(seq), SegmentId::FIRST);
            Watermark { epoch, durable_seq, segment, offset: 4096, previous: 7 }.encode(&[6; 16])
        };
        for written in 0..=BLOCK {
            let mut creation = [0; BLOCK];
            creation[..written].copy_from_slice(&block(1, 0)[..written]);
            assert!(!Watermark::tells_of_a_life(&creation), "{written} and zeros");
            assert!(!Watermark::tells_of_a_life(&creation[..written]), "{written} and no more");
        }
        for life in [block(2, 0), block(1, 1), block(2, 9), [3; BLOCK]] {
            assert!(Watermark::tells_of_a_life(&life));
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_and_nothing_else() {
        let block =
            Watermark { epoch: 1, durable_seq: Seq::new(2), segment: SegmentId::new(3), offset: 4, previous: 5 };
        let bytes = block.encode(&[6; 16]);
        assert_eq!(Watermark::decode(&bytes, &[6; 16]), Some(block));
        assert_eq!(Watermark::decode(&bytes, &[7; 16]), None, "another image's");
        assert_eq!(Watermark::decode(&bytes[..BLOCK - 1], &[6; 16]), None);
        for bit in 0..BLOCK * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Watermark::decode(&bytes, &[6; 16]), None, "bit {bit}");
        }
    }
}
