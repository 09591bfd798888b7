//! The keys of one image as they are met: asked for once each, and held to what the image says of itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Chain, Cipher, Keys};
use crate::error::{Error, Kind};

/// How something on disk is protected, by the numbers of its keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) cipher: Option<u32>,
    pub(crate) chain: Option<u32>,
}

/// What protects something on disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protection {
    pub(crate) cipher: Option<Arc<Cipher>>,
    pub(crate) chain: Option<Arc<Chain>>,
}

impl Form {
    /// Whether both are encrypted or neither is, and so for a chain.
    pub(crate) fn is_like(self, other: Form) -> bool {
        self.cipher.is_some() == other.cipher.is_some() && self.chain.is_some() == other.chain.is_some()
    }
}

impl Protection {
    pub(crate) fn form(&self) -> Form {
        Form {
            cipher: self.cipher.as_ref().map(|cipher| cipher.id()),
            chain: self.chain.as_ref().map(|chain| chain.id()),
        }
    }
}

/// The keys that were given for an image; none for one that is not protected.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    encryption: Option<Keys>,
    chain: Option<Keys>,
    met: Mutex<Met>,
}

/// What was made of the keys so far.
#[derive(Debug, Default)]
struct Met {
    ciphers: BTreeMap<u32, Arc<Cipher>>,
    /// Of each key and image.
    chains: BTreeMap<(u32, [u8; 16]), Arc<Chain>>,
}

impl Keyring {
    pub(crate) fn new(encryption: Option<Keys>, chain: Option<Keys>) -> Keyring {
        Keyring { encryption, chain, met: Mutex::default() }
    }

    /// Whether no keys were given.
    pub(crate) fn is_empty(&self) -> bool {
        self.encryption.is_none() && self.chain.is_none()
    }

    /// Whether keys were given for just what something of this form is protected by, whatever their numbers.
    pub(crate) fn takes(&self, form: Form) -> bool {
        self.current_form().is_like(form)
    }

    /// What protects all that is new in the image with this UUID.
    pub(crate) fn current(&self, uuid: &[u8; 16], path: &Path) -> Result<Protection, Error> {
        self.protection(self.current_form(), uuid, path)
    }

    /// What protects something in the image with this UUID that says of itself that its form is this. One that is not
    /// protected where keys were given is refused too: it may have been put there by somebody who has no key.
    pub(crate) fn protection(&self, form: Form, uuid: &[u8; 16], path: &Path) -> Result<Protection, Error> {
        let refused = |what: String| Error::new(Kind::Key { path: path.to_owned(), what });
        let current = self.current_form();
        match (form.cipher, current.cipher) {
            (Some(id), None) if cfg!(feature = "encryption") => {
                return Err(refused(format!("it is encrypted, and no keys were given; give key {id} by `encryption`")));
            }
            (Some(id), _) if cfg!(not(feature = "encryption")) => {
                let what = "it is encrypted, and this program was built without memimage's feature `encryption`; build it \
                            with that";
                return Err(refused(format!("{what}, and give key {id}")));
            }
            (None, Some(_)) => {
                let what = "it is not encrypted, and keys of `encryption` were given; leave them out, or have the image \
                            encrypted by `admin::Rewrite`";
                return Err(refused(what.to_owned()));
            }
            _ => {}
        }
        match (form.chain, current.chain) {
            (Some(id), None) if cfg!(feature = "chain") => {
                return Err(refused(format!("it has a chain, and no keys were given; give key {id} by `chain`")));
            }
            (Some(id), _) if cfg!(not(feature = "chain")) => {
                let what = "it has a chain, and this program was built without memimage's feature `chain`; build it with \
                            that";
                return Err(refused(format!("{what}, and give key {id}")));
            }
            (None, Some(_)) => {
                let what = "it has no chain, and keys of `chain` were given; leave them out, or have the image chained by \
                            `admin::Rewrite`";
                return Err(refused(what.to_owned()));
            }
            _ => {}
        }
        let unknown =
            |id, of| refused(format!("it needs key {id} of `{of}`, and the callback gave none of that number"));
        let cipher = form.cipher.map(|id| self.cipher(id).ok_or_else(|| unknown(id, "encryption"))).transpose()?;
        let chain = form.chain.map(|id| self.chain(id, uuid).ok_or_else(|| unknown(id, "chain"))).transpose()?;
        Ok(Protection { cipher, chain })
    }

    #[cfg(any(feature = "chain", feature = "encryption"))]
    fn current_form(&self) -> Form {
        Form { cipher: self.encryption.as_ref().map(Keys::current), chain: self.chain.as_ref().map(Keys::current) }
    }

    #[cfg(not(any(feature = "chain", feature = "encryption")))]
    fn current_form(&self) -> Form {
        Form {
            cipher: self.encryption.as_ref().map(|keys| match *keys {}),
            chain: self.chain.as_ref().map(|keys| match *keys {}),
        }
    }

    #[cfg(feature = "encryption")]
    fn cipher(&self, id: u32) -> Option<Arc<Cipher>> {
        if let Some(cipher) = self.met.lock().ciphers.get(&id) {
            return Some(Arc::clone(cipher));
        }
        // with no lock held, since a callback may run anything
        let cipher = Arc::new(Cipher::new(id, &self.encryption.as_ref()?.fetch(id)?));
        Some(Arc::clone(self.met.lock().ciphers.entry(id).or_insert(cipher)))
    }

    #[cfg(not(feature = "encryption"))]
    fn cipher(&self, _: u32) -> Option<Arc<Cipher>> {
        None
    }

    #[cfg(feature = "chain")]
    fn chain(&self, id: u32, uuid: &[u8; 16]) -> Option<Arc<Chain>> {
        if let Some(chain) = self.met.lock().chains.get(&(id, *uuid)) {
            return Some(Arc::clone(chain));
        }
        let chain = Arc::new(Chain::new(id, &self.chain.as_ref()?.fetch(id)?, uuid));
        Some(Arc::clone(self.met.lock().chains.entry((id, *uuid)).or_insert(chain)))
    }

    #[cfg(not(feature = "chain"))]
    fn chain(&self, _: u32, _: &[u8; 16]) -> Option<Arc<Chain>> {
        None
    }
}
