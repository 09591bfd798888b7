//! Placeholders for the keys of personal data without the feature `erasure`: no payload needs a key.

use std::path::Path;
use std::sync::Arc;

use crate::disk::Disk;
use crate::error::Error;

/// No subject lacks a key, so no value of this type exists.
#[derive(Debug)]
pub(crate) enum MissingKeys {}

#[derive(Clone, Debug, Default)]
pub(crate) struct PersonalKeys;

#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the signatures are those of the feature `erasure`")]
impl PersonalKeys {
    pub(crate) fn open(&self, _: &Arc<dyn Disk>, _: &Path) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn reading<R>(&self, read: impl FnOnce() -> R) -> R {
        read()
    }

    pub(crate) fn refresh(&self) -> Result<bool, Error> {
        Ok(false)
    }

    pub(crate) fn complete_erasures(&self) {}

    pub(crate) fn encode<R>(&self, encode: impl FnOnce() -> R) -> (R, Option<MissingKeys>) {
        (encode(), None)
    }

    pub(crate) fn create(&self, missing: &MissingKeys) -> Result<(), Error> {
        match *missing {}
    }
}
