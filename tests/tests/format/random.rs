//! The random values of commands, computed from `memimage/docs/FORMAT.md` alone.

/// The first random `u64` of an event with this origin.
pub(crate) fn first_draw(seed: &[u8; 32], seq: u64, part: u32) -> u64 {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&seq.to_le_bytes());
    nonce[8..].copy_from_slice(&part.to_le_bytes());
    u64::from_le_bytes(chacha20_block(seed, &nonce)[..8].try_into().unwrap())
}

/// Block 0 of ChaCha20 (RFC 8439, section 2.3).
pub(crate) fn chacha20_block(key: &[u8; 32], nonce: &[u8; 12]) -> [u8; 64] {
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let mut start = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    (0..8).for_each(|at| start[4 + at] = word(&key[at * 4..][..4]));
    (0..3).for_each(|at| start[13 + at] = word(&nonce[at * 4..][..4]));
    let mut state = start;
    let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
        for (x, y, z, turn) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
            state[x] = u32::wrapping_add(state[x], state[y]);
            state[z] = (state[z] ^ state[x]).rotate_left(turn);
        }
    };
    for _ in 0..10 {
        for (a, b, c, d) in [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)] {
            quarter(a, b, c, d);
        }
        for (a, b, c, d) in [(0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)] {
            quarter(a, b, c, d);
        }
    }
    let mut out = [0; 64];
    for at in 0..16 {
        out[at * 4..][..4].copy_from_slice(&u32::wrapping_add(state[at], start[at]).to_le_bytes());
    }
    out
}
