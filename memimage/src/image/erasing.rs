//! Erases the personal data of a subject.

use super::core::Shared;
use crate::error::{Error, ErrorDetail};
use crate::event::{Model, rebuild_derived};
use crate::personal::Subject;

impl<M: Model> Shared<M> {
    pub(super) fn erase(&self, subject: &Subject) -> Result<bool, Error> {
        let _entered = self.enter_to_wait("erase")?;
        self.refuse_if_ended()?;
        let existed = self.keyring.personal().erase(subject)?;
        if M::DERIVED.is_some() {
            // the key is destroyed, so a command that comes later finds no value to derive from
            let mut core = self.core.write();
            self.refuse_if_ended()?;
            if let Err(what) = rebuild_derived(&mut core.model) {
                let (state, kept) = ("the running state after an erasure", "the key is destroyed");
                let error = Error::new(ErrorDetail::Rebuild { state, model: M::NAME, what, kept });
                self.rebuild(&mut core)?;
                return Err(error);
            }
            drop(core);
            self.refute_replica();
        }
        Ok(existed)
    }
}
