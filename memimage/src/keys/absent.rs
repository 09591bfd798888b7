//! Placeholders for the types of a disabled feature. No value of these types can exist.

use super::{AuthenticationError, Mac, Nonce, TAG};

/// No keys exist without the features `chain` and `encryption`.
#[derive(Clone, Debug)]
pub(crate) enum Keys {}

/// No cipher exists without the feature `encryption`.
#[derive(Debug)]
pub(crate) enum Cipher {}

impl Cipher {
    pub(crate) fn id(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn encrypt(&self, _: &Nonce, _: &[u8], _: &mut [u8]) -> [u8; TAG] {
        match *self {}
    }

    pub(crate) fn decrypt(&self, _: &Nonce, _: &[u8], _: &mut [u8], _: &[u8; TAG]) -> Result<(), AuthenticationError> {
        match *self {}
    }
}

/// No chain exists without the feature `chain`.
#[derive(Debug)]
pub(crate) enum ChainKey {}

impl ChainKey {
    pub(crate) fn id(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn mac(&self, _: &[&[u8]]) -> Mac {
        match *self {}
    }

    pub(crate) fn verify(&self, _: &[&[u8]], _: &Mac) -> bool {
        match *self {}
    }

    pub(crate) fn stream(&self) -> KeyedHasher {
        match *self {}
    }
}

/// No keyed hash exists without the feature `chain`.
#[derive(Debug)]
pub(crate) enum KeyedHasher {}

impl KeyedHasher {
    pub(crate) fn update(&mut self, _: &[u8]) {
        match *self {}
    }

    pub(crate) fn verify(&self, _: &Mac) -> bool {
        match *self {}
    }

    pub(crate) fn mac(&self) -> Mac {
        match *self {}
    }
}
