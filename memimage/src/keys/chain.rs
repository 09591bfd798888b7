//! The chain of an image: a keyed BLAKE3 hash over each part of the image and the previous link.

use std::fmt;

use zeroize::Zeroizing;

use super::Mac;
use super::key::Key;
use crate::seq::Seq;

/// BLAKE3 derives unrelated keys for different contexts, so a user may use one key for the chain and the cipher.
const CONTEXT: &str = "memimage 2026-11-23 the chain of an image";

/// A link of a journal's chain: 32 bytes that authenticate the whole journal up to this link. Only a holder of the key can
/// compute a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainHead {
    /// The last event that the link covers.
    pub seq: Seq,
    /// The 32 bytes of the link.
    pub link: [u8; 32],
}

impl ChainHead {
    /// Creates a chain head from a seq and a link that the program has stored.
    pub fn new(seq: Seq, link: [u8; 32]) -> ChainHead {
        ChainHead { seq, link }
    }
}

/// Computes and verifies the links of one image's chain.
pub(crate) struct ChainKey {
    id: u32,
    /// This key is derived from the user's key and the image's UUID, so that a link of one image is not valid in another image.
    key: Zeroizing<[u8; 32]>,
}

impl ChainKey {
    pub(super) fn new(id: u32, key: &Key, uuid: &[u8; 16]) -> ChainKey {
        let mut material = Zeroizing::new([0; 48]);
        material[..32].copy_from_slice(key.bytes());
        material[32..].copy_from_slice(uuid);
        ChainKey { id, key: Zeroizing::new(blake3::derive_key(CONTEXT, &*material)) }
    }

    /// The number of the key.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// The keyed hash over the concatenated `parts`.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Mac {
        let mut stream = self.stream();
        parts.iter().for_each(|part| stream.update(part));
        stream.mac()
    }

    /// Whether `link` is the keyed hash over these parts. The comparison takes constant time.
    pub(crate) fn verify(&self, parts: &[&[u8]], link: &Mac) -> bool {
        let mut stream = self.stream();
        parts.iter().for_each(|part| stream.update(part));
        stream.verify(link)
    }

    /// Starts a keyed hash over data that is passed piece by piece.
    pub(crate) fn stream(&self) -> KeyedHasher {
        KeyedHasher { hasher: Zeroizing::new(blake3::Hasher::new_keyed(&self.key)) }
    }
}

impl fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A keyed hash in progress.
#[derive(Debug)]
pub(crate) struct KeyedHasher {
    hasher: Zeroizing<blake3::Hasher>,
}

impl KeyedHasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Whether `link` is the keyed hash over all data passed so far. The comparison takes constant time.
    pub(crate) fn verify(&self, link: &Mac) -> bool {
        self.hasher.finalize() == *link
    }

    pub(crate) fn mac(&self) -> Mac {
        self.hasher.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_parts_is_the_hash_of_their_concatenation() {
        let chain = ChainKey::new(1, &Key::new([1; 32]), &[2; 16]);
        assert_eq!(chain.mac(&[b"ab", b"", b"c"]), chain.mac(&[b"abc"]));
        assert_ne!(chain.mac(&[b"abc"]), chain.mac(&[b"abd"]));
        assert_ne!(chain.mac(&[b"abc"]), ChainKey::new(1, &Key::new([3; 32]), &[2; 16]).mac(&[b"abc"]), "another key");
        assert_ne!(
            chain.mac(&[b"abc"]),
            ChainKey::new(1, &Key::new([1; 32]), &[3; 16]).mac(&[b"abc"]),
            "another image"
        );
    }
}
