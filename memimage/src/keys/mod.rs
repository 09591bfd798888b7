//! Keys, and what they do: a cipher that hides what is on disk, and a chain of keyed hashes that shows whether it is what
//! was written. Pure; where nonces and tags stand is for `journal` and `snapshot` to say.
//!
//! Both are features. Without one, its type stands here with no values, so that the rest of the library is the same.

#[cfg(feature = "chain")]
mod chain;
#[cfg(feature = "encryption")]
mod cipher;
#[cfg(any(feature = "chain", feature = "encryption"))]
mod key;
#[cfg(not(all(feature = "chain", feature = "encryption")))]
mod absent;
mod ring;

#[cfg(feature = "chain")]
pub use chain::ChainHead;
#[cfg(feature = "chain")]
pub(crate) use chain::{Chain, Stream};
#[cfg(feature = "encryption")]
pub(crate) use cipher::Cipher;
#[cfg(any(feature = "chain", feature = "encryption"))]
pub use key::{Key, Keys};

#[cfg(not(feature = "encryption"))]
pub(crate) use absent::Cipher;
#[cfg(not(any(feature = "chain", feature = "encryption")))]
pub(crate) use absent::Keys;
#[cfg(not(feature = "chain"))]
pub(crate) use absent::{Chain, Stream};

pub(crate) use ring::{Form, Keyring, Protection};

/// Bytes of a nonce of XChaCha20-Poly1305: so many that random ones never meet.
pub(crate) const NONCE: usize = 24;
/// Bytes of its tag.
pub(crate) const TAG: usize = 16;
/// Bytes of a link of the chain.
pub(crate) const MAC: usize = 32;

/// A nonce.
pub(crate) type Nonce = [u8; NONCE];
/// A link of the chain: the keyed hash over something and the link before it.
pub(crate) type Mac = [u8; MAC];

/// A tag that does not belong to the bytes, the key, or what the bytes were bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;
