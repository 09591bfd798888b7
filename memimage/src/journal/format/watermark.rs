//! The watermark: the block in `journal/durable` that records how far the journal is synced. The watermark is needed for the
//! last events, because no later frame records that they were synced.
//!
//! The running journal writes the block when no batch is pending, and does not sync the block. The block never records more
//! than has been synced. If the block is lost, no event is lost, but only the evidence that events were synced.

use super::frame::{u32_at, u64_at};
use super::zeros::is_zero;
use crate::seq::{Life, SegmentId, Seq};

/// Length of the block, in bytes.
pub(crate) const BLOCK: usize = 64;
/// The file's name in the journal's directory.
pub(crate) const FILE: &str = "durable";

const MAGIC: [u8; 8] = *b"MIdurabl";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watermark {
    /// The life (epoch and id) in which the block was written.
    pub(crate) life: Life,
    /// The highest synced seq.
    pub(crate) durable_seq: Seq,
    /// The segment to which the writer appends.
    pub(crate) segment: SegmentId,
    /// The offset of the next frame in the segment.
    pub(crate) offset: u64,
    /// The hash of the last written frame.
    pub(crate) previous: u64,
    /// The number of void marks written since the image was created.
    pub(crate) decisions: u32,
}

impl Watermark {
    pub(crate) fn encode(&self, uuid: &[u8; 16]) -> [u8; BLOCK] {
        let mut out = [0; BLOCK];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..16].copy_from_slice(&self.life.epoch.to_le_bytes());
        out[16..24].copy_from_slice(&self.durable_seq.get().to_le_bytes());
        out[24..32].copy_from_slice(&self.segment.get().to_le_bytes());
        out[32..40].copy_from_slice(&self.offset.to_le_bytes());
        out[40..48].copy_from_slice(&self.previous.to_le_bytes());
        out[48..56].copy_from_slice(&self.life.id.to_le_bytes());
        out[56..60].copy_from_slice(&self.decisions.to_le_bytes());
        let crc = checksum(&out, uuid);
        out[BLOCK - 4..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Whether the bytes show that the image was in use, and not only that its creation began. Called for a directory without
    /// segments, where the UUID of the image is unknown, so that the block's checksum cannot be checked.
    pub(crate) fn shows_use(bytes: &[u8]) -> bool {
        // an interrupted creation leaves a block that contains the first epoch and no event, or the first bytes of such a block
        let mut block = [0; BLOCK];
        let len = bytes.len().min(BLOCK);
        block[..len].copy_from_slice(&bytes[..len]);
        let magic = block.iter().zip(MAGIC).take_while(|(byte, magic)| **byte == *magic).count();
        let is_block = magic == MAGIC.len() || is_zero(&block[magic..]);
        !is_block || u64_at(&block, 8) > 1 || u64_at(&block, 16) > 0
    }

    /// Decodes the block. Returns `None`, and not an error, if the block is damaged or belongs to another image, because such a
    /// block merely proves nothing.
    pub(crate) fn decode(bytes: &[u8], uuid: &[u8; 16]) -> Option<Watermark> {
        let bytes = bytes.get(..BLOCK)?;
        if bytes[0..8] != MAGIC || u32_at(bytes, BLOCK - 4) != checksum(bytes, uuid) {
            return None;
        }
        Some(Watermark {
            durable_seq: Seq::new(u64_at(bytes, 16)),
            segment: SegmentId::new(u64_at(bytes, 24)),
            offset: u64_at(bytes, 32),
            previous: u64_at(bytes, 40),
            life: Life { epoch: u64_at(bytes, 8), id: u64_at(bytes, 48) },
            decisions: u32_at(bytes, 56),
        })
    }
}

fn checksum(block: &[u8], uuid: &[u8; 16]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(uuid), &block[..BLOCK - 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: once a write of `journal/durable` had failed halfway, no image could be created in the directory.
    #[test]
    fn a_partly_written_block_of_a_creation_does_not_show_use() {
        let block = |epoch, seq| {
            let (durable_seq, segment) = (Seq::new(seq), SegmentId::FIRST);
            Watermark { life: Life { epoch, id: 8 }, durable_seq, segment, offset: 4096, previous: 7, decisions: 9 }
                .encode(&[6; 16])
        };
        for written in 0..=BLOCK {
            let mut creation = [0; BLOCK];
            creation[..written].copy_from_slice(&block(1, 0)[..written]);
            assert!(!Watermark::shows_use(&creation), "{written} bytes and zeros");
            assert!(!Watermark::shows_use(&creation[..written]), "{written} bytes");
        }
        for used in [block(2, 0), block(1, 1), block(2, 9), [3; BLOCK]] {
            assert!(Watermark::shows_use(&used));
        }
    }

    #[test]
    fn decode_accepts_exactly_the_encoded_bytes() {
        let (durable_seq, segment) = (Seq::new(2), SegmentId::new(3));
        let block =
            Watermark { life: Life { epoch: 1, id: 6 }, durable_seq, segment, offset: 4, previous: 5, decisions: 7 };
        let bytes = block.encode(&[6; 16]);
        assert_eq!(Watermark::decode(&bytes, &[6; 16]), Some(block));
        assert_eq!(Watermark::decode(&bytes, &[7; 16]), None, "a block of another image");
        assert_eq!(Watermark::decode(&bytes[..BLOCK - 1], &[6; 16]), None);
        for bit in 0..BLOCK * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Watermark::decode(&bytes, &[6; 16]), None, "bit {bit}");
        }
    }
}
