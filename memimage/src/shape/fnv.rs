//! FNV-1a with 64 bits and a finalizer: a hash function that runs in constants.

/// The hash of no bytes.
pub(super) const START: u64 = 0xcbf2_9ce4_8422_2325;

/// Extends `hash` by one byte.
pub(super) const fn byte(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

/// Extends `hash` by several bytes.
pub(super) const fn bytes(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut i = 0;
    while i < bytes.len() {
        hash = byte(hash, bytes[i]);
        i += 1;
    }
    hash
}

/// MurmurHash3's finalizer. With FNV-1a alone, the last bytes affect mostly the low bits; the finalizer spreads each bit over
/// all others.
pub(super) const fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
