//! The keys for an operation on an image, and the error when they are needed and were not given.

use std::path::Path;
use std::sync::Arc;

use super::protection::{how, of_states};
use crate::disk::Disk;
use crate::error::{Error, ErrorDetail};
use crate::journal::{Headers, Layout, SalvageSource};
use crate::keys::{KeyIds, Keyring, Keys};
use crate::seq::SegmentId;

/// The keys of an image, as its owner gave them.
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

/// An operation on an image: its name, and the builder that takes keys for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) name: &'static str,
    pub(super) builder: &'static str,
}

impl Task {
    /// Reads the headers of these segments, and checks that the keys are the ones of the image. Changes nothing.
    pub(super) fn unlock(
        self,
        disk: &Arc<dyn Disk>,
        layout: &Layout,
        segments: &[SegmentId],
        keyring: &Arc<Keyring>,
    ) -> Result<SalvageSource, Error> {
        let headers = Headers::read(&**disk, layout, segments)?;
        if keyring.is_empty() {
            let form = match headers.identity() {
                Some(_) => headers.form(),
                // all segment headers are damaged, but a snapshot header may be intact
                None => of_states(disk, layout)?,
            };
            if form != KeyIds::default() {
                return Err(self.without_keys(layout.root(), form, keyring));
            }
        }
        SalvageSource::open(disk, headers, keyring)
    }

    /// Like [`unlock`](Task::unlock), for a task that may write: the current keys must be given too.
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

    fn without_keys(self, root: &Path, form: KeyIds, keyring: &Keyring) -> Error {
        let is_supported = form.cipher.is_none_or(|_| cfg!(feature = "encryption"))
            && form.chain.is_none_or(|_| cfg!(feature = "chain"));
        if !is_supported && let Err(error) = keyring.protection(form, &[0; 16], root) {
            return error;
        }
        let cipher = form.cipher.map(|id| format!("key {id} to `encryption`"));
        let chain = form.chain.map(|id| format!("key {id} to `chain`"));
        let keys: Vec<String> = cipher.into_iter().chain(chain).collect();
        let help = format!("use `{}`, and pass {}", self.builder, keys.join(" and "));
        let without = "was given no keys";
        Error::new(ErrorDetail::Protected { path: root.to_owned(), how: how(form), task: self.name, without, help })
    }
}
