//! What stands for a part of this module whose feature is off: types without values.

use super::{Mac, Nonce, Refused, TAG};

/// There are no keys.
#[derive(Clone, Debug)]
pub(crate) enum Keys {}

/// There is no cipher.
#[derive(Debug)]
pub(crate) enum Cipher {}

impl Cipher {
    pub(crate) fn id(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn encrypt(&self, _: &Nonce, _: &[u8], _: &mut [u8]) -> [u8; TAG] {
        match *self {}
    }

    pub(crate) fn decrypt(&self, _: &Nonce, _: &[u8], _: &mut [u8], _: &[u8; TAG]) -> Result<(), Refused> {
        match *self {}
    }
}

/// There is no chain.
#[derive(Debug)]
pub(crate) enum Chain {}

impl Chain {
    pub(crate) fn id(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn mac(&self, _: &[&[u8]]) -> Mac {
        match *self {}
    }

    pub(crate) fn confirms(&self, _: &[&[u8]], _: &Mac) -> bool {
        match *self {}
    }

    pub(crate) fn stream(&self) -> Stream {
        match *self {}
    }
}

/// There is nothing to hash.
#[derive(Debug)]
pub(crate) enum Stream {}

impl Stream {
    pub(crate) fn update(&mut self, _: &[u8]) {
        match *self {}
    }

    pub(crate) fn confirms(&self, _: &Mac) -> bool {
        match *self {}
    }

    pub(crate) fn mac(&self) -> Mac {
        match *self {}
    }
}
