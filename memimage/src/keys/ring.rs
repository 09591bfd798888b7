//! The keyring of one image: it fetches each key once, and checks that the given keys match the image's protection.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{ChainKey, Cipher, Keys};
use crate::error::{Error, ErrorDetail};
use crate::personal_keys::PersonalKeys;

/// The protection of a file or frame: the numbers of its encryption key and its chain key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyIds {
    pub(crate) cipher: Option<u32>,
    pub(crate) chain: Option<u32>,
}

/// The cipher and the chain that protect a file or frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protection {
    pub(crate) cipher: Option<Arc<Cipher>>,
    pub(crate) chain: Option<Arc<ChainKey>>,
}

impl KeyIds {
    /// Whether two files or frames are both encrypted or both not encrypted, and both chained or both not chained.
    pub(crate) fn has_same_kinds(self, other: KeyIds) -> bool {
        self.cipher.is_some() == other.cipher.is_some() && self.chain.is_some() == other.chain.is_some()
    }
}

impl Protection {
    pub(crate) fn key_ids(&self) -> KeyIds {
        KeyIds {
            cipher: self.cipher.as_ref().map(|cipher| cipher.id()),
            chain: self.chain.as_ref().map(|chain| chain.id()),
        }
    }
}

/// The keys given for an image; empty for an image that is not protected.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    encryption: Option<Keys>,
    chain: Option<Keys>,
    /// The keys of personal data, which are in a file of their own.
    personal: PersonalKeys,
    loaded: Mutex<Loaded>,
}

/// The ciphers and chain keys made from the keys that were fetched so far.
#[derive(Debug, Default)]
struct Loaded {
    ciphers: BTreeMap<u32, Arc<Cipher>>,
    /// The chain keys, by key number and image UUID.
    chains: BTreeMap<(u32, [u8; 16]), Arc<ChainKey>>,
}

impl Keyring {
    pub(crate) fn new(encryption: Option<Keys>, chain: Option<Keys>) -> Keyring {
        Keyring { encryption, chain, personal: PersonalKeys::default(), loaded: Mutex::default() }
    }

    /// The same keyring, with these keys of personal data.
    #[cfg(feature = "erasure")]
    pub(crate) fn with_personal(self, personal: PersonalKeys) -> Keyring {
        Keyring { personal, ..self }
    }

    /// The keys of personal data.
    pub(crate) fn personal(&self) -> &PersonalKeys {
        &self.personal
    }

    /// Whether no keys were given.
    pub(crate) fn is_empty(&self) -> bool {
        self.encryption.is_none() && self.chain.is_none()
    }

    /// Whether keys were given for exactly the kinds of protection in `key_ids`, encryption and chain. Key numbers are not
    /// compared.
    pub(crate) fn matches(&self, key_ids: KeyIds) -> bool {
        self.current_key_ids().has_same_kinds(key_ids)
    }

    /// The protection of new data in the image with this UUID.
    pub(crate) fn current(&self, uuid: &[u8; 16], path: &Path) -> Result<Protection, Error> {
        self.protection(self.current_key_ids(), uuid, path)
    }

    /// The protection of existing data, with the keys whose numbers are in `key_ids`. Unprotected data is an error if keys were
    /// given: an attacker without a key may have written it.
    pub(crate) fn protection(&self, key_ids: KeyIds, uuid: &[u8; 16], path: &Path) -> Result<Protection, Error> {
        let refused = |cause: String| Error::new(ErrorDetail::Key { path: path.to_owned(), what: cause });
        let current = self.current_key_ids();
        match (key_ids.cipher, current.cipher) {
            (Some(id), None) if cfg!(feature = "encryption") => {
                return Err(refused(format!(
                    "it is encrypted, but no encryption keys were given; help: pass key {id} to `encryption`"
                )));
            }
            (Some(id), _) if cfg!(not(feature = "encryption")) => {
                let cause = "it is encrypted, but this program was built without memimage's feature `encryption`; \
                            help: enable the feature";
                return Err(refused(format!("{cause}, and pass key {id} to `encryption`")));
            }
            (None, Some(_)) => {
                let cause = "it is not encrypted, but keys were passed to `encryption`; help: do not pass them, or encrypt \
                            the image with `admin::Rewrite`";
                return Err(refused(cause.to_owned()));
            }
            _ => {}
        }
        match (key_ids.chain, current.chain) {
            (Some(id), None) if cfg!(feature = "chain") => {
                return Err(refused(format!(
                    "it has a chain, but no chain keys were given; help: pass key {id} to `chain`"
                )));
            }
            (Some(id), _) if cfg!(not(feature = "chain")) => {
                let cause = "it has a chain, but this program was built without memimage's feature `chain`; \
                            help: enable the feature";
                return Err(refused(format!("{cause}, and pass key {id} to `chain`")));
            }
            (None, Some(_)) => {
                let cause = "it has no chain, but keys were passed to `chain`; help: do not pass them, or chain the \
                            image with `admin::Rewrite`";
                return Err(refused(cause.to_owned()));
            }
            _ => {}
        }
        let unknown = |id, option| {
            refused(format!(
                "it needs key {id} of `{option}`, but the callback returned no key with this number; help: add the key to \
                 the program's key store"
            ))
        };
        let cipher = key_ids.cipher.map(|id| self.cipher(id).ok_or_else(|| unknown(id, "encryption"))).transpose()?;
        let chain = key_ids.chain.map(|id| self.chain(id, uuid).ok_or_else(|| unknown(id, "chain"))).transpose()?;
        Ok(Protection { cipher, chain })
    }

    #[cfg(any(feature = "chain", feature = "encryption"))]
    fn current_key_ids(&self) -> KeyIds {
        KeyIds { cipher: self.encryption.as_ref().map(Keys::current), chain: self.chain.as_ref().map(Keys::current) }
    }

    #[cfg(not(any(feature = "chain", feature = "encryption")))]
    fn current_key_ids(&self) -> KeyIds {
        KeyIds {
            cipher: self.encryption.as_ref().map(|keys| match *keys {}),
            chain: self.chain.as_ref().map(|keys| match *keys {}),
        }
    }

    #[cfg(feature = "encryption")]
    fn cipher(&self, id: u32) -> Option<Arc<Cipher>> {
        if let Some(cipher) = self.loaded.lock().ciphers.get(&id) {
            return Some(Arc::clone(cipher));
        }
        // Fetch the key without holding the lock, because the callback runs user code.
        let cipher = Arc::new(Cipher::new(id, &self.encryption.as_ref()?.fetch(id)?));
        Some(Arc::clone(self.loaded.lock().ciphers.entry(id).or_insert(cipher)))
    }

    #[cfg(not(feature = "encryption"))]
    fn cipher(&self, _: u32) -> Option<Arc<Cipher>> {
        None
    }

    #[cfg(feature = "chain")]
    fn chain(&self, id: u32, uuid: &[u8; 16]) -> Option<Arc<ChainKey>> {
        if let Some(chain) = self.loaded.lock().chains.get(&(id, *uuid)) {
            return Some(Arc::clone(chain));
        }
        let chain = Arc::new(ChainKey::new(id, &self.chain.as_ref()?.fetch(id)?, uuid));
        Some(Arc::clone(self.loaded.lock().chains.entry((id, *uuid)).or_insert(chain)))
    }

    #[cfg(not(feature = "chain"))]
    fn chain(&self, _: u32, _: &[u8; 16]) -> Option<Arc<ChainKey>> {
        None
    }
}
