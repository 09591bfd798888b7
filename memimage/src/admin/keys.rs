//! The keys for an operation on an image, and the error if the operation needs keys but was given none.

use std::path::Path;
use std::sync::Arc;

use super::protection::{StateHeaders, how};
use crate::disk::Disk;
use crate::error::{Error, ErrorDetail};
use crate::journal::{Headers, Layout, SalvageSource};
use crate::keys::{KeyIds, Keyring, Keys};
use crate::seq::SegmentId;

/// The keys that the caller gave for an image.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenKeys {
    pub(super) encryption: Option<Keys>,
    pub(super) chain: Option<Keys>,
}

impl GivenKeys {
    pub(super) fn keyring(self) -> Arc<Keyring> {
        Arc::new(Keyring::new(self.encryption, self.chain))
    }
}

/// An operation on an image: its name, and the name of the builder that accepts keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) name: &'static str,
    pub(super) builder: &'static str,
}

impl Task {
    /// Reads the headers of these segments, and verifies that the given keys are the keys of the image. Changes nothing.
    pub(super) fn unlock(
        self,
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        segments: &[SegmentId],
        keyring: &Arc<Keyring>,
    ) -> Result<SalvageSource, Error> {
        let states = StateHeaders::read(disk, layout)?;
        let headers = Headers::read(&**disk, layout, segments, &states.identities())?;
        if keyring.is_empty() {
            let key_ids = if headers.has_identity() { headers.key_ids() } else { states.key_ids() };
            if key_ids != KeyIds::default() {
                return Err(self.without_keys(layout.root(), key_ids, keyring));
            }
        }
        let of_state = match headers.identity() {
            Some(identity) if !headers.has_identity() => states.intact(disk, layout, keyring, &identity.uuid)?,
            _ => None,
        };
        SalvageSource::open(disk, headers.with_state(of_state), keyring)
    }

    /// Like [`unlock`](Task::unlock), for a task that may write: also verifies that the keys for new data are available.
    pub(super) fn unlock_to_write(
        self,
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        keyring: &Arc<Keyring>,
    ) -> Result<(), Error> {
        let survey = layout.survey(&**disk)?;
        self.unlock(disk, layout, survey.image(layout)?, keyring)?;
        keyring.current(&[0; 16], layout.root()).map(drop)
    }

    fn without_keys(self, root: &Path, key_ids: KeyIds, keyring: &Keyring) -> Error {
        let is_supported = key_ids.cipher.is_none_or(|_| cfg!(feature = "encryption"))
            && key_ids.chain.is_none_or(|_| cfg!(feature = "chain"));
        if !is_supported && let Err(error) = keyring.protection(key_ids, &[0; 16], root) {
            return error;
        }
        let cipher = key_ids.cipher.map(|id| format!("key {id} to `encryption`"));
        let chain = key_ids.chain.map(|id| format!("key {id} to `chain`"));
        let keys: Vec<String> = cipher.into_iter().chain(chain).collect();
        let help = format!("use `{}`, and pass {}", self.builder, keys.join(" and "));
        let without = "was given no keys";
        Error::new(ErrorDetail::Protected { path: root.to_owned(), how: how(key_ids), task: self.name, without, help })
    }
}
