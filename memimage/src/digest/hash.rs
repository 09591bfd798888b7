//! The hash function of digests, which must never change, because digests are stored on disk.

use std::fmt;

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

const START: u64 = 0x243f_6a88_85a3_08d3;
const ITEM_START: u64 = 0x1319_8a2e_0370_7344;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// The state of a hash, which absorbs one word at a time.
pub(super) struct HashState {
    state: u64,
}

impl HashState {
    /// Starts the hash of a value.
    pub(super) fn new() -> HashState {
        HashState { state: START }
    }

    /// Starts the hash of one item or entry of an unordered collection.
    #[inline]
    pub(super) fn of_item() -> HashState {
        HashState { state: ITEM_START }
    }

    #[inline]
    pub(super) fn word(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(FACTOR);
        self.state = (product >> 64) as u64 ^ product as u64;
    }

    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.word(xxh3_64(bytes));
    }

    #[inline]
    pub(super) fn finish(&self) -> u64 {
        let hash = self.state;
        let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

/// Hashes a string to one word. The caller writes the string piece by piece.
pub(super) struct StringHash(Xxh3Default);

impl StringHash {
    pub(super) fn new() -> StringHash {
        StringHash(Xxh3Default::new())
    }

    pub(super) fn finish(&self) -> u64 {
        self.0.digest()
    }
}

impl fmt::Write for StringHash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}
