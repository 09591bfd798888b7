//! The key of a subject, and how it seals values.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use parking_lot::RwLock;
use zeroize::Zeroizing;

use super::subject::Subject;

/// The number of a key: 16 random bytes.
pub(crate) type KeyId = [u8; 16];

/// The bytes of a key, which are wiped when they are dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

const NONCE: usize = 24;
const TAG: usize = 16;

/// The contexts of the keys that are derived from a secret; see FORMAT.md.
const SEALING: &str = "memimage personal data, version 1, sealing";
const NONCES: &str = "memimage personal data, version 1, nonces";

/// The key of a subject. All values that it seals share it, so its destruction erases them at once.
pub(crate) struct SubjectKey {
    id: KeyId,
    /// `None` once the key is destroyed.
    secret: RwLock<Option<Secret>>,
    /// Whether the key is destroyed. Never falls back to false.
    is_erased: AtomicBool,
}

/// Why sealed bytes cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    Erased,
    /// The bytes were changed, or belong to another subject or key.
    Invalid,
}

impl SubjectKey {
    pub(crate) fn new(id: KeyId, secret: Option<Secret>) -> SubjectKey {
        SubjectKey { id, is_erased: AtomicBool::new(secret.is_none()), secret: RwLock::new(secret) }
    }

    pub(crate) fn id(&self) -> &KeyId {
        &self.id
    }

    pub(crate) fn is_erased(&self) -> bool {
        self.is_erased.load(Ordering::Acquire)
    }

    /// Destroys the key in memory. The caller has made the erasure durable.
    pub(crate) fn erase(&self) {
        self.is_erased.store(true, Ordering::Release);
        *self.secret.write() = None;
    }

    /// Seals a value; `None` if the key is destroyed. Equal values give equal bytes: the nonce is a keyed hash of the value.
    pub(super) fn seal(&self, subject: &Subject, plain: &[u8]) -> Option<Vec<u8>> {
        let secret = self.secret.read();
        let secret = secret.as_ref()?;
        let nonce_key = Zeroizing::new(blake3::derive_key(NONCES, &**secret));
        let hash = blake3::keyed_hash(&nonce_key, plain);
        let nonce: [u8; NONCE] = hash.as_bytes()[..NONCE].try_into().expect("a hash is longer than a nonce");
        let mut sealed = Vec::with_capacity(NONCE + plain.len() + TAG);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = cipher(secret).encrypt_inout_detached(
            (&nonce).into(),
            &self.associated(subject),
            (&mut sealed[NONCE..]).into(),
        );
        let tag: [u8; TAG] = tag.expect("a value is far smaller than the cipher's limit of 256 GiB").into();
        sealed.extend_from_slice(&tag);
        Some(sealed)
    }

    /// Opens what [`seal`](SubjectKey::seal) returned.
    pub(super) fn open(&self, subject: &Subject, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let secret = self.secret.read();
        let secret = secret.as_ref().ok_or(Unopened::Erased)?;
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>().ok_or(Unopened::Invalid)?;
        let (content, tag) = rest.split_last_chunk::<TAG>().ok_or(Unopened::Invalid)?;
        let mut plain = Zeroizing::new(content.to_vec());
        cipher(secret)
            .decrypt_inout_detached(nonce.into(), &self.associated(subject), plain.as_mut_slice().into(), tag.into())
            .map_err(|_| Unopened::Invalid)?;
        Ok(plain)
    }

    /// The bytes to which sealed bytes are bound: they open only beside the same key id and subject.
    fn associated(&self, subject: &Subject) -> Vec<u8> {
        [&self.id[..], subject.as_str().as_bytes()].concat()
    }
}

fn cipher(secret: &Secret) -> XChaCha20Poly1305 {
    let key = Zeroizing::new(blake3::derive_key(SEALING, &**secret));
    XChaCha20Poly1305::new((&*key).into())
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectKey").field("is_erased", &self.is_erased()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SubjectKey {
        SubjectKey::new([byte; 16], Some(Zeroizing::new([byte; 32])))
    }

    #[test]
    fn sealed_bytes_open_only_beside_the_same_subject_and_key() {
        let (ann, bob) = (Subject::from("ann"), Subject::from("bob"));
        let sealed = key(1).seal(&ann, b"a secret").unwrap();
        assert_eq!(*key(1).open(&ann, &sealed).unwrap(), b"a secret");
        assert_eq!(key(1).open(&bob, &sealed), Err(Unopened::Invalid), "another subject");
        assert_eq!(key(2).open(&ann, &sealed), Err(Unopened::Invalid), "another key");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key(1).open(&ann, &changed), Err(Unopened::Invalid), "byte {at}");
            assert_eq!(key(1).open(&ann, &sealed[..at]), Err(Unopened::Invalid), "cut at {at}");
        }
    }

    #[test]
    fn sealing_is_deterministic_and_hides_the_value() {
        let ann = Subject::from("ann");
        let sealed = key(1).seal(&ann, b"a secret").unwrap();
        assert_eq!(sealed, key(1).seal(&ann, b"a secret").unwrap());
        assert_ne!(
            sealed[..NONCE],
            key(1).seal(&ann, b"a secres").unwrap()[..NONCE],
            "another value has another nonce"
        );
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn a_destroyed_key_neither_seals_nor_opens() {
        let (ann, key) = (Subject::from("ann"), key(1));
        let sealed = key.seal(&ann, b"a secret").unwrap();
        key.erase();
        assert!(key.is_erased());
        assert_eq!(key.seal(&ann, b"a secret"), None);
        assert_eq!(key.open(&ann, &sealed), Err(Unopened::Erased));
    }
}
