//! The cipher: XChaCha20-Poly1305 (RFC 8439 with nonces of 192 bits, draft-irtf-cfrg-xchacha).

use std::fmt;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};

use super::key::Key;
use super::{AuthenticationError, Nonce, TAG};

/// Encrypts and decrypts with one key. The tag also authenticates the *associated* bytes, which are not stored with the data.
pub(crate) struct Cipher {
    id: u32,
    aead: XChaCha20Poly1305,
}

impl Cipher {
    pub(super) fn new(id: u32, key: &Key) -> Cipher {
        Cipher { id, aead: XChaCha20Poly1305::new(key.bytes().into()) }
    }

    /// The number of the key.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Encrypts in place and returns the tag. A nonce must never be used twice with one key.
    pub(crate) fn encrypt(&self, nonce: &Nonce, associated: &[u8], bytes: &mut [u8]) -> [u8; TAG] {
        let tag = self.aead.encrypt_inout_detached(nonce.into(), associated, bytes.into());
        tag.expect("every plaintext in an image is far smaller than the cipher's limit of 256 GiB").into()
    }

    /// Decrypts in place. On error the bytes are unchanged.
    pub(crate) fn decrypt(
        &self,
        nonce: &Nonce,
        associated: &[u8],
        bytes: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), AuthenticationError> {
        self.aead
            .decrypt_inout_detached(nonce.into(), associated, bytes.into(), tag.into())
            .map_err(|_| AuthenticationError)
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cipher").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
    }

    /// The test vector of appendix A.3.1 of draft-irtf-cfrg-xchacha-03.
    #[test]
    fn it_is_xchacha20_poly1305() {
        let key = std::array::from_fn(|at| 0x80 + at as u8);
        let nonce = std::array::from_fn(|at| 0x40 + at as u8);
        let associated: [u8; 12] = bytes("50515253c0c1c2c3c4c5c6c7");
        let mut text = *b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                          sunscreen would be it.";
        let cipher = Cipher::new(1, &Key::new(key));
        let clear = text;
        let tag = cipher.encrypt(&nonce, &associated, &mut text);
        assert_eq!(tag, bytes("c0875924c1c7987947deafd8780acf49"));
        assert_eq!(text[..16], bytes::<16>("bd6d179d3e83d43b9576579493c0e939"));
        assert_eq!(cipher.decrypt(&nonce, &associated, &mut text, &tag), Ok(()));
        assert_eq!(text, clear);
    }

    #[test]
    fn decryption_fails_and_changes_nothing_unless_key_nonce_and_associated_bytes_match() {
        let cipher = Cipher::new(1, &Key::new([1; 32]));
        let mut text = *b"twenty marks";
        let tag = cipher.encrypt(&[2; 24], b"bound to", &mut text);
        let sealed = text;
        let other = Cipher::new(1, &Key::new([3; 32]));
        assert_eq!(other.decrypt(&[2; 24], b"bound to", &mut text, &tag), Err(AuthenticationError), "another key");
        assert_eq!(cipher.decrypt(&[4; 24], b"bound to", &mut text, &tag), Err(AuthenticationError), "another nonce");
        assert_eq!(
            cipher.decrypt(&[2; 24], b"bound at", &mut text, &tag),
            Err(AuthenticationError),
            "other associated bytes"
        );
        assert_eq!(text, sealed);
    }

    #[test]
    fn debug_output_does_not_show_the_key() {
        let key = Key::new([0x5A; 32]);
        let shown = format!("{key:?} {:?}", Cipher::new(7, &key));
        assert_eq!(shown, "Key(..) Cipher { id: 7, .. }");
    }
}
