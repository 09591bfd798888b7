//! What covers a snapshot: the cipher, chunk by chunk and at the end the digest, and a keyed hash over all of it. Pure; no
//! I/O.
//!
//! Chunks are encrypted as in STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, 2015): the nonce holds the chunk's number, and
//! that of the digest how many there were, so that none can be left out, moved, or taken from another snapshot.

use super::format::{HEADER, PREFIX};
use crate::keys::{AuthenticationError, KeyIds, KeyedHasher, Mac, NONCE, Nonce, Protection, TAG};

/// Leads whatever is hashed or bound for a snapshot, so that it passes for nothing else that a key was used on.
const SNAPSHOT: [u8; 16] = *b"memimage state\0\0";

/// Bytes by which a chunk of a snapshot of this form is longer than what is in it.
pub(super) fn overhead(form: KeyIds) -> usize {
    form.cipher.map_or(0, |_| TAG)
}

/// What covers one snapshot, from its header to its end.
#[derive(Debug)]
pub(super) struct SnapshotProtection {
    protection: Protection,
    /// What the nonces begin with.
    prefix: [u8; PREFIX],
    /// What is encrypted is bound to this.
    associated: Vec<u8>,
    /// Chunks so far.
    chunks: u32,
    stream: Option<KeyedHasher>,
}

impl SnapshotProtection {
    /// For a snapshot with this header, of which nothing more was read or written yet.
    pub(super) fn new(protection: Protection, header: &[u8; HEADER], prefix: [u8; PREFIX]) -> SnapshotProtection {
        let associated = match protection.cipher {
            Some(_) => [&SNAPSHOT[..], header].concat(),
            None => Vec::new(),
        };
        let mut stream = protection.chain.as_ref().map(|chain| chain.stream());
        if let Some(stream) = &mut stream {
            stream.update(&SNAPSHOT);
            stream.update(header);
        }
        SnapshotProtection { protection, prefix, associated, chunks: 0, stream }
    }

    /// Encrypts the next chunk, which begins at `from` and grows by its tag.
    pub(super) fn encrypt(&mut self, chunk: &mut Vec<u8>, from: usize) {
        let nonce = self.next_nonce();
        if let Some(cipher) = &self.protection.cipher {
            let tag = cipher.encrypt(&nonce, &self.associated, &mut chunk[from..]);
            chunk.extend_from_slice(&tag);
        }
    }

    /// Decrypts the next chunk, which loses its tag.
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

    /// Encrypts the digest, once all chunks were; gives its tag if there is a cipher.
    pub(super) fn encrypt_digest(&self, digest: &mut u64) -> Option<[u8; TAG]> {
        let mut bytes = digest.to_le_bytes();
        let cipher = self.protection.cipher.as_ref()?;
        let tag = cipher.encrypt(&self.nonce(true), &self.associated, &mut bytes);
        *digest = u64::from_le_bytes(bytes);
        Some(tag)
    }

    /// Decrypts the digest, once all chunks were.
    pub(super) fn decrypt_digest(&self, digest: &mut u64, tag: &[u8; TAG]) -> Result<(), AuthenticationError> {
        let Some(cipher) = &self.protection.cipher else { return Ok(()) };
        let mut bytes = digest.to_le_bytes();
        cipher.decrypt(&self.nonce(true), &self.associated, &mut bytes, tag)?;
        *digest = u64::from_le_bytes(bytes);
        Ok(())
    }

    /// Takes in bytes of the file as they stand there, in their order.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(stream) = &mut self.stream {
            stream.update(bytes);
        }
    }

    /// The keyed hash over all that was taken in, if there is one.
    pub(super) fn mac(&self) -> Option<Mac> {
        self.stream.as_ref().map(KeyedHasher::mac)
    }

    /// Whether it is the keyed hash over all that was taken in.
    pub(super) fn verify(&self, mac: &Mac) -> bool {
        self.stream.as_ref().is_none_or(|stream| stream.verify(mac))
    }

    fn next_nonce(&mut self) -> Nonce {
        let nonce = self.nonce(false);
        self.chunks = self.chunks.checked_add(1).expect("no state has four billion chunks");
        nonce
    }

    fn nonce(&self, end: bool) -> Nonce {
        let mut nonce = [0; NONCE];
        nonce[..PREFIX].copy_from_slice(&self.prefix);
        nonce[PREFIX..PREFIX + 4].copy_from_slice(&self.chunks.to_le_bytes());
        nonce[NONCE - 1] = u8::from(end);
        nonce
    }
}

#[cfg(all(test, feature = "chain", feature = "encryption"))]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::keys::{Key, Keyring, Keys};

    fn cover() -> SnapshotProtection {
        let keys = || Keys::one(Key::new([7; 32]));
        let keyring = Keyring::new(Some(keys()), Some(keys()));
        SnapshotProtection::new(keyring.current(&[1; 16], Path::new("image")).unwrap(), &[2; HEADER], [3; PREFIX])
    }

    /// Three chunks, and the digest 5 with its tag.
    fn snapshot() -> ([Vec<u8>; 3], u64, [u8; TAG]) {
        let mut cover = cover();
        let mut chunks = [b"the first".to_vec(), b"the second".to_vec(), b"the third".to_vec()];
        chunks.iter_mut().for_each(|chunk| cover.encrypt(chunk, 0));
        let mut digest = 5;
        let tag = cover.encrypt_digest(&mut digest).unwrap();
        (chunks, digest, tag)
    }

    #[test]
    fn what_is_encrypted_is_decrypted() {
        let (mut chunks, mut digest, tag) = snapshot();
        assert_ne!(digest, 5);
        let mut cover = cover();
        for chunk in &mut chunks {
            assert_eq!(cover.decrypt(chunk), Ok(()));
        }
        assert_eq!(chunks, [&b"the first"[..], b"the second", b"the third"]);
        assert_eq!((cover.decrypt_digest(&mut digest, &tag), digest), (Ok(()), 5));
    }

    #[test]
    fn chunks_stay_in_their_order() {
        let (mut chunks, ..) = snapshot();
        assert_eq!(cover().decrypt(&mut chunks[1]), Err(AuthenticationError));
    }

    #[test]
    fn the_end_is_where_it_was() {
        let (mut chunks, mut digest, tag) = snapshot();
        let mut cover = cover();
        for chunk in &mut chunks[..2] {
            assert_eq!(cover.decrypt(chunk), Ok(()));
        }
        assert_eq!(cover.decrypt_digest(&mut digest, &tag), Err(AuthenticationError), "a chunk is missing before it");
    }

    #[test]
    fn all_that_is_taken_in_counts() {
        let (mut one, mut other) = (cover(), cover());
        one.update(b"bytes");
        other.update(b"bytes");
        assert!(other.verify(&one.mac().unwrap()));
        other.update(b" more");
        assert!(!other.verify(&one.mac().unwrap()));
    }
}
