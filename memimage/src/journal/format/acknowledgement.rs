//! The acknowledgement: the block that records up to which event the subscriber of a named subscription has acknowledged.
//!
//! The file has three slots in three sectors. A block is written over the slot that contains neither the last synced block nor the
//! last written one. So a write that fails or is torn leaves both, and the events after the newer one that is left come again.

use super::frame::{u32_at, u64_at};
use crate::context::Timestamp;
use crate::seq::Seq;

/// Length of the block, in bytes.
const BLOCK: usize = 64;
/// Length of a slot, in bytes: a sector. The rest of the slot is zero.
const SLOT: usize = 512;
/// Length of the file, in bytes.
pub(crate) const ACKNOWLEDGEMENT_LEN: usize = 3 * SLOT;

const MAGIC: [u8; 8] = *b"MIsubscr";

/// The acknowledged position of a named subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    /// The last acknowledged event. All events before it are acknowledged too.
    pub(crate) seq: Seq,
    /// The hash of the frame with this event, which depends on the whole journal up to there; 0 if it is unknown, because the
    /// event was pruned or is 0.
    pub(crate) frame: u64,
    /// The wall clock's time when the block was written.
    pub(crate) time: Timestamp,
}

/// One of the three slots of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    First,
    Second,
    Third,
}

impl Slot {
    const ALL: [Slot; 3] = [Slot::First, Slot::Second, Slot::Third];

    /// A slot other than these two.
    pub(crate) fn other_than(one: Slot, another: Slot) -> Slot {
        let other = Slot::ALL.into_iter().find(|slot| *slot != one && *slot != another);
        other.expect("there are three slots")
    }

    /// The offset in the file.
    pub(crate) fn offset(self) -> u64 {
        let before = match self {
            Slot::First => 0,
            Slot::Second => 1,
            Slot::Third => 2,
        };
        before * SLOT as u64
    }
}

impl Acknowledgement {
    pub(crate) fn encode(&self, uuid: &[u8; 16]) -> [u8; BLOCK] {
        let mut out = [0; BLOCK];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..16].copy_from_slice(&self.seq.get().to_le_bytes());
        out[16..24].copy_from_slice(&self.frame.to_le_bytes());
        out[24..32].copy_from_slice(&self.time.as_micros().to_le_bytes());
        let crc = checksum(&out, uuid);
        out[BLOCK - 4..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The content of a new file.
    pub(crate) fn encode_file(&self, uuid: &[u8; 16]) -> [u8; ACKNOWLEDGEMENT_LEN] {
        let mut file = [0; ACKNOWLEDGEMENT_LEN];
        file[..BLOCK].copy_from_slice(&self.encode(uuid));
        file
    }

    /// Decodes the file: the intact block with the highest seq, and its slot. `None` if no block is intact and belongs to the
    /// image.
    pub(crate) fn decode_file(file: &[u8], uuid: &[u8; 16]) -> Option<(Acknowledgement, Slot)> {
        let decode = |slot: Slot| {
            let block = file.get(slot.offset() as usize..)?.get(..BLOCK)?;
            Some((Acknowledgement::decode(block, uuid)?, slot))
        };
        Slot::ALL.into_iter().filter_map(decode).max_by_key(|(block, _)| block.seq)
    }

    fn decode(block: &[u8], uuid: &[u8; 16]) -> Option<Acknowledgement> {
        if block[0..8] != MAGIC || u32_at(block, BLOCK - 4) != checksum(block, uuid) {
            return None;
        }
        Some(Acknowledgement {
            seq: Seq::new(u64_at(block, 8)),
            frame: u64_at(block, 16),
            time: Timestamp::from_micros(u64_at(block, 24)),
        })
    }
}

fn checksum(block: &[u8], uuid: &[u8; 16]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(uuid), &block[..BLOCK - 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: [u8; 16] = [6; 16];

    fn block(seq: u64) -> Acknowledgement {
        Acknowledgement { seq: Seq::new(seq), frame: 3, time: Timestamp::from_micros(4) }
    }

    #[test]
    fn decode_accepts_exactly_the_encoded_bytes() {
        let file = block(2).encode_file(&UUID);
        assert_eq!(Acknowledgement::decode_file(&file, &UUID), Some((block(2), Slot::First)));
        assert_eq!(Acknowledgement::decode_file(&file, &[7; 16]), None, "a block of another image");
        assert_eq!(Acknowledgement::decode_file(&file[..BLOCK - 1], &UUID), None);
        for bit in 0..BLOCK * 8 {
            let mut file = file;
            file[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Acknowledgement::decode_file(&file, &UUID), None, "bit {bit}");
        }
    }

    #[test]
    fn after_a_torn_write_the_other_slot_counts() {
        let mut file = block(2).encode_file(&UUID);
        let next = block(3).encode(&UUID);
        for written in 0..=BLOCK {
            file[SLOT..SLOT + written].copy_from_slice(&next[..written]);
            let expected = if written < BLOCK { (block(2), Slot::First) } else { (block(3), Slot::Second) };
            assert_eq!(Acknowledgement::decode_file(&file, &UUID), Some(expected), "{written} bytes");
        }
    }
}
