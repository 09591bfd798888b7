//! Bytes that are chosen so that a CRC comes out as it is wanted: there is one choice for each. Pure bytes; no I/O.
//!
//! A CRC is linear: what a change makes of it is the XOR of what each changed bit makes of it. So the bits to change for a wanted
//! difference are found as linear equations are solved.

/// Bytes that are chosen for a frame's checksum, in a frame that stands in for another.
pub(crate) const CHOSEN: usize = 4;

/// Chooses the [`CHOSEN`] bytes at `at` so that all bytes have the CRC that is wanted.
pub(crate) fn choose(bytes: &mut [u8], at: usize, crc: impl Fn(&[u8]) -> u32, wanted: u32) {
    let mut with = |chosen: u32| {
        bytes[at..at + CHOSEN].copy_from_slice(&chosen.to_le_bytes());
        crc(bytes)
    };
    let none = with(0);
    // pairs of a choice and what it changes, reduced so that each has a highest bit of its own
    let mut reduced: Vec<(u32, u32)> = Vec::new();
    for bit in 0..u32::BITS {
        let (mut chosen, mut change) = (1 << bit, with(1 << bit) ^ none);
        for (other, by) in &reduced {
            if change ^ by < change {
                (chosen, change) = (chosen ^ other, change ^ by);
            }
        }
        reduced.push((chosen, change));
        reduced.sort_unstable_by_key(|(_, change)| std::cmp::Reverse(*change));
    }
    let (mut chosen, mut left) = (0, wanted ^ none);
    for (other, by) in &reduced {
        if left ^ by < left {
            (chosen, left) = (chosen ^ other, left ^ by);
        }
    }
    let made = with(chosen);
    debug_assert_eq!(made, wanted, "each CRC has its choice");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crc_can_be_had_whatever_the_bytes_around() {
        for (len, wanted) in [(4, 0), (84, u32::MAX), (1_000, 1), (5_000, 0x8000_0000), (333, 0xDEAD_BEEF)] {
            for at in [0, (len - CHOSEN) / 2, len - CHOSEN] {
                let mut bytes: Vec<u8> = (0..len).map(|byte| (byte * 31) as u8).collect();
                let before = bytes.clone();
                choose(&mut bytes, at, crc32c::crc32c, wanted);
                assert_eq!(crc32c::crc32c(&bytes), wanted, "{len} {at}");
                assert_eq!((&bytes[..at], &bytes[at + CHOSEN..]), (&before[..at], &before[at + CHOSEN..]));
            }
        }
    }
}
