//! CRC forging: computes four bytes that give data a wanted CRC32C. For each CRC there is exactly one such value. No I/O.
//!
//! A CRC is linear. Each flipped bit changes the CRC by its own value, and several flipped bits change it by the XOR of these
//! values. So a system of linear equations over GF(2) gives the bits to flip.

/// The number of bytes that [`forge`] sets.
pub(crate) const FORGED_LEN: usize = 4;

/// Sets the [`FORGED_LEN`] bytes at `at` so that `crc` of all `bytes` is `wanted`.
pub(crate) fn forge(bytes: &mut [u8], at: usize, crc: impl Fn(&[u8]) -> u32, wanted: u32) {
    let mut crc_with = |value: u32| {
        bytes[at..at + FORGED_LEN].copy_from_slice(&value.to_le_bytes());
        crc(bytes)
    };
    let unchanged = crc_with(0);
    // pairs of four bytes and their change of the CRC; after Gaussian elimination, no two changes have the same highest bit
    let mut reduced: Vec<(u32, u32)> = Vec::new();
    for bit in 0..u32::BITS {
        let (mut value, mut change) = (1 << bit, crc_with(1 << bit) ^ unchanged);
        for (other, by) in &reduced {
            if change ^ by < change {
                (value, change) = (value ^ other, change ^ by);
            }
        }
        reduced.push((value, change));
        reduced.sort_unstable_by_key(|(_, change)| std::cmp::Reverse(*change));
    }
    let (mut value, mut left) = (0, wanted ^ unchanged);
    for (other, by) in &reduced {
        if left ^ by < left {
            (value, left) = (value ^ other, left ^ by);
        }
    }
    let forged = crc_with(value);
    debug_assert_eq!(forged, wanted, "for each CRC there is a value");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crc_can_be_forged_at_any_offset() {
        for (len, wanted) in [(4, 0), (84, u32::MAX), (1_000, 1), (5_000, 0x8000_0000), (333, 0xDEAD_BEEF)] {
            for at in [0, (len - FORGED_LEN) / 2, len - FORGED_LEN] {
                let mut bytes: Vec<u8> = (0..len).map(|byte| (byte * 31) as u8).collect();
                let before = bytes.clone();
                forge(&mut bytes, at, crc32c::crc32c, wanted);
                assert_eq!(crc32c::crc32c(&bytes), wanted, "{len} {at}");
                assert_eq!((&bytes[..at], &bytes[at + FORGED_LEN..]), (&before[..at], &before[at + FORGED_LEN..]));
            }
        }
    }
}
