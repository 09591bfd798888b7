//! Encryption and MAC of a snapshot. The cipher encrypts each chunk and the digest; the MAC covers the complete file. No I/O.
//!
//! Chunks are encrypted as in STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, 2015): the nonce of a chunk contains the chunk's
//! number, and the nonce of the digest contains the number of chunks. So decryption fails if a chunk was left out, moved, or
//! taken from another snapshot.

use std::ops::Range;

use crate::context::Seed;
use crate::keys::{AuthenticationError, KeyIds, KeyedHasher, Mac, NONCE, Nonce, Protection, TAG};

/// Length of the header, in bytes.
pub(super) const HEADER: usize = 4096;
/// Length of the prefix of all nonces of a snapshot, in bytes. In a nonce, the prefix is followed by the chunk's number (4
/// bytes) and a mark (1 byte).
pub(super) const PREFIX: usize = NONCE - 5;
/// Offset of the nonce prefix in the header.
pub(super) const PREFIX_AT: usize = 448;
/// Offset of the tag of the encrypted seed in the header.
pub(super) const TAG_AT: usize = PREFIX_AT + PREFIX;
/// The byte range of the seed in the header.
pub(super) const SEED: Range<usize> = 120..152;

/// The domain separator of snapshots. All authenticated data of a snapshot begins with this separator, so that nothing
/// authenticated for a snapshot is valid for another purpose under the same key.
const SNAPSHOT: [u8; 16] = *b"memimage state\0\0";

/// The mark in the seed's nonce. The mark of a chunk is 0, and the mark of the digest is 1.
const OF_SEED: u8 = 2;

/// The number of bytes by which encryption makes a chunk longer; 0 without a cipher.
pub(super) fn overhead(key_ids: KeyIds) -> usize {
    key_ids.cipher.map_or(0, |_| TAG)
}

/// The cipher and MAC of one snapshot, at the current position in the file.
#[derive(Debug)]
pub(super) struct SnapshotProtection {
    protection: Protection,
    /// The prefix of all nonces of the snapshot.
    prefix: [u8; PREFIX],
    /// The associated data with which each chunk and the digest are encrypted.
    associated: Vec<u8>,
    /// The number of chunks so far.
    chunks: u32,
    hasher: Option<KeyedHasher>,
}

impl SnapshotProtection {
    /// Creates the protection of the bytes that follow the header.
    pub(super) fn new(protection: Protection, header: &[u8; HEADER], prefix: [u8; PREFIX]) -> SnapshotProtection {
        let associated = match protection.cipher {
            Some(_) => [&SNAPSHOT[..], header].concat(),
            None => Vec::new(),
        };
        let mut hasher = protection.chain.as_ref().map(|chain| chain.stream());
        if let Some(hasher) = &mut hasher {
            hasher.update(&SNAPSHOT);
            hasher.update(header);
        }
        SnapshotProtection { protection, prefix, associated, chunks: 0, hasher }
    }

    /// Encrypts the next chunk (the bytes of `chunk` from index `from` on), and appends the chunk's tag. Without a cipher, only
    /// counts the chunk.
    pub(super) fn encrypt(&mut self, chunk: &mut Vec<u8>, from: usize) {
        let nonce = self.next_nonce();
        if let Some(cipher) = &self.protection.cipher {
            let tag = cipher.encrypt(&nonce, &self.associated, &mut chunk[from..]);
            chunk.extend_from_slice(&tag);
        }
    }

    /// Decrypts the next chunk and removes its tag. Without a cipher, only counts the chunk.
    pub(super) fn decrypt(&mut self, chunk: &mut Vec<u8>) -> Result<(), AuthenticationError> {
        let nonce = self.next_nonce();
        let Some(cipher) = &self.protection.cipher else { return Ok(()) };
        let len = chunk.len().checked_sub(TAG).ok_or(AuthenticationError)?;
        let (bytes, tag) = chunk.split_at_mut(len);
        let tag = (&*tag).try_into().expect("sixteen bytes");
        cipher.decrypt(&nonce, &self.associated, bytes, &tag)?;
        chunk.truncate(len);
        Ok(())
    }

    /// Encrypts the digest and returns its tag; `None` without a cipher. Must be called after the last chunk.
    pub(super) fn encrypt_digest(&self, digest: &mut u64) -> Option<[u8; TAG]> {
        let mut bytes = digest.to_le_bytes();
        let cipher = self.protection.cipher.as_ref()?;
        let tag = cipher.encrypt(&self.nonce(true), &self.associated, &mut bytes);
        *digest = u64::from_le_bytes(bytes);
        Some(tag)
    }

    /// Decrypts the digest. Must be called after the last chunk.
    pub(super) fn decrypt_digest(&self, digest: &mut u64, tag: &[u8; TAG]) -> Result<(), AuthenticationError> {
        let Some(cipher) = &self.protection.cipher else { return Ok(()) };
        let mut bytes = digest.to_le_bytes();
        cipher.decrypt(&self.nonce(true), &self.associated, &mut bytes, tag)?;
        *digest = u64::from_le_bytes(bytes);
        Ok(())
    }

    /// Adds bytes of the file to the MAC. The caller passes the stored bytes, in the order of the file.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
    }

    /// The MAC of all bytes so far; `None` without a chain.
    pub(super) fn mac(&self) -> Option<Mac> {
        self.hasher.as_ref().map(KeyedHasher::mac)
    }

    /// Whether `mac` is the MAC of all bytes so far; `true` without a chain, because then there is no MAC to compare.
    pub(super) fn verify(&self, mac: &Mac) -> bool {
        self.hasher.as_ref().is_none_or(|hasher| hasher.verify(mac))
    }

    fn next_nonce(&mut self) -> Nonce {
        let nonce = self.nonce(false);
        self.chunks = self.chunks.checked_add(1).expect("no state has four billion chunks");
        nonce
    }

    fn nonce(&self, is_end: bool) -> Nonce {
        nonce(&self.prefix, self.chunks, u8::from(is_end))
    }
}

/// Encrypts the seed in a header that lacks only the seed's tag and the checksum, and returns the tag; `None` without a cipher.
pub(super) fn encrypt_seed(
    protection: &Protection,
    prefix: &[u8; PREFIX],
    header: &mut [u8; HEADER],
) -> Option<[u8; TAG]> {
    let associated = associated_with_seed(header);
    let cipher = protection.cipher.as_ref()?;
    Some(cipher.encrypt(&nonce(prefix, 0, OF_SEED), &associated, &mut header[SEED]))
}

/// Returns the seed in a header, and decrypts the seed if the snapshot is encrypted.
pub(super) fn decrypt_seed(
    protection: &Protection,
    prefix: &[u8; PREFIX],
    header: &[u8; HEADER],
) -> Result<Seed, AuthenticationError> {
    let mut seed: Seed = header[SEED].try_into().expect("32 bytes");
    if let Some(cipher) = &protection.cipher {
        let tag = header[TAG_AT..TAG_AT + TAG].try_into().expect("sixteen bytes");
        cipher.decrypt(&nonce(prefix, 0, OF_SEED), &associated_with_seed(header), &mut seed, &tag)?;
    }
    Ok(seed)
}

/// The associated data of the seed: the header's fields before and after the seed, up to the tag.
fn associated_with_seed(header: &[u8; HEADER]) -> Vec<u8> {
    [&SNAPSHOT[..], &header[..SEED.start], &header[SEED.end..TAG_AT]].concat()
}

/// The nonce of chunk number `chunk`, of the digest or of the seed; `mark` selects which.
fn nonce(prefix: &[u8; PREFIX], chunk: u32, mark: u8) -> Nonce {
    let mut nonce = [0; NONCE];
    nonce[..PREFIX].copy_from_slice(prefix);
    nonce[PREFIX..PREFIX + 4].copy_from_slice(&chunk.to_le_bytes());
    nonce[NONCE - 1] = mark;
    nonce
}

#[cfg(all(test, feature = "chain", feature = "encryption"))]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::keys::{Key, Keyring, Keys};

    fn protection() -> SnapshotProtection {
        let keys = || Keys::one(Key::new([7; 32]));
        let keyring = Keyring::new(Some(keys()), Some(keys()));
        SnapshotProtection::new(keyring.current(&[1; 16], Path::new("image")).unwrap(), &[2; HEADER], [3; PREFIX])
    }

    /// Three encrypted chunks, and the encrypted digest 5 with its tag.
    fn snapshot() -> ([Vec<u8>; 3], u64, [u8; TAG]) {
        let mut protection = protection();
        let mut chunks = [b"the first".to_vec(), b"the second".to_vec(), b"the third".to_vec()];
        chunks.iter_mut().for_each(|chunk| protection.encrypt(chunk, 0));
        let mut digest = 5;
        let tag = protection.encrypt_digest(&mut digest).unwrap();
        (chunks, digest, tag)
    }

    #[test]
    fn encrypted_chunks_and_digest_decrypt() {
        let (mut chunks, mut digest, tag) = snapshot();
        assert_ne!(digest, 5);
        let mut protection = protection();
        for chunk in &mut chunks {
            assert_eq!(protection.decrypt(chunk), Ok(()));
        }
        assert_eq!(chunks, [&b"the first"[..], b"the second", b"the third"]);
        assert_eq!((protection.decrypt_digest(&mut digest, &tag), digest), (Ok(()), 5));
    }

    #[test]
    fn a_moved_chunk_does_not_decrypt() {
        let (mut chunks, ..) = snapshot();
        assert_eq!(protection().decrypt(&mut chunks[1]), Err(AuthenticationError));
    }

    #[test]
    fn the_digest_does_not_decrypt_if_a_chunk_is_missing() {
        let (mut chunks, mut digest, tag) = snapshot();
        let mut protection = protection();
        for chunk in &mut chunks[..2] {
            assert_eq!(protection.decrypt(chunk), Ok(()));
        }
        assert_eq!(protection.decrypt_digest(&mut digest, &tag), Err(AuthenticationError), "without the last chunk");
    }

    #[test]
    fn the_mac_covers_all_bytes() {
        let (mut one, mut other) = (protection(), protection());
        one.update(b"bytes");
        other.update(b"bytes");
        assert!(other.verify(&one.mac().unwrap()));
        other.update(b" more");
        assert!(!other.verify(&one.mac().unwrap()));
    }
}
