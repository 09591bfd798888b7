//! Keys, the cipher that encrypts the image's files, and the chain of keyed hashes that detects changes to these files. This
//! module does no I/O; `journal` and `snapshot` define where nonces and tags are stored.
//!
//! The cipher and the chain are features of the crate. If a feature is disabled, a placeholder type without values takes its
//! place, so that the rest of the crate needs no conditional compilation.

#[cfg(any(feature = "chain", feature = "encryption"))]
mod key;
#[cfg(feature = "chain")]
mod chain;
#[cfg(feature = "encryption")]
mod cipher;
#[cfg(not(all(feature = "chain", feature = "encryption")))]
mod absent;
mod ring;

#[cfg(feature = "chain")]
pub use chain::ChainHead;
#[cfg(feature = "chain")]
pub(crate) use chain::{ChainKey, KeyedHasher};
#[cfg(feature = "encryption")]
pub(crate) use cipher::Cipher;
#[cfg(any(feature = "chain", feature = "encryption"))]
pub use key::{Key, Keys};

#[cfg(not(feature = "encryption"))]
pub(crate) use absent::Cipher;
#[cfg(not(any(feature = "chain", feature = "encryption")))]
pub(crate) use absent::Keys;
#[cfg(not(feature = "chain"))]
pub(crate) use absent::{ChainKey, KeyedHasher};

pub(crate) use ring::{KeyIds, Keyring, Protection};

/// Length in bytes of an XChaCha20-Poly1305 nonce. Nonces of this length can be drawn at random: two equal nonces are
/// practically impossible.
pub(crate) const NONCE: usize = 24;
/// Length in bytes of an XChaCha20-Poly1305 tag.
pub(crate) const TAG: usize = 16;
/// Length in bytes of a link of the chain.
pub(crate) const MAC: usize = 32;

/// A nonce.
pub(crate) type Nonce = [u8; NONCE];
/// A link of the chain: the keyed hash over some data and the previous link.
pub(crate) type Mac = [u8; MAC];

/// Authentication failed: the tag does not match the data, the key or the associated bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AuthenticationError;
