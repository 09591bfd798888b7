//! Whitening: XORs a frame's body with a salt, so that no sector of a written frame reads as all zero.

use super::zeros::is_zero;

/// The sector size in bytes: the format assumes that a disk writes an aligned sector atomically.
pub(crate) const SECTOR: usize = 512;

/// XORs a body with its salt. A second call undoes the first one.
pub(crate) fn whiten(body: &mut [u8], salt: u64) {
    let pattern = salt.to_le_bytes();
    let mut words = body.chunks_exact_mut(8);
    for word in &mut words {
        let white = u64::from_le_bytes((&*word).try_into().expect("eight bytes")) ^ salt;
        word.copy_from_slice(&white.to_le_bytes());
    }
    for (byte, white) in words.into_remainder().iter_mut().zip(pattern) {
        *byte ^= white;
    }
}

/// Whether at least one of the sectors that overlap `part`, a range of `bytes`, has only zeros inside this range. The first
/// byte of `bytes` is at `offset` in its file.
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

/// A generator of salts. Salts need not be unpredictable, only different from each other.
#[derive(Debug)]
pub(crate) struct Salts {
    state: u64,
}

impl Salts {
    pub(crate) fn new(seed: u64) -> Salts {
        Salts { state: seed }
    }

    /// The next salt, by SplitMix64 (Steele, Lea and Flood, 2014).
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
