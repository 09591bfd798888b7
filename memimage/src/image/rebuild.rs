//! Rebuilds the model from disk, after a command panicked and may have left the model half changed, or to verify a snapshot.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::core::{Core, Shared};
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::event::Model;
use crate::log;
use crate::panics::drop_caught;
use crate::recovery::{Dispatch, OpenedJournal, Recovered, RecoveryGoal, recover};

impl<M: Model> Shared<M> {
    /// Replaces the model by the state recovered from disk, because a panicking body may have left the model half changed.
    pub(super) fn rebuild(&self, core: &mut Core<M>) -> Result<(), Error> {
        let rebuild = || {
            self.journal.sync()?;
            let until = self.journal.executed();
            let goal = RecoveryGoal {
                until: Some(until),
                newest_snapshot: None,
                verify_digests: self.verify_digests,
                trust_upcasters: true,
                ..RecoveryGoal::default()
            };
            self.recover_beside(&core.dispatch, goal)
        };
        // a panic during the rebuild, for example in a `Deserialize`, must not expose the half-changed model either
        let rebuilt = catch_unwind(AssertUnwindSafe(rebuild))
            .unwrap_or_else(|panic| Err(Error::panicked("rebuilding the model from", self.layout.root(), panic)));
        match rebuilt {
            Ok(rebuilt) => {
                log::warning!(seq = %rebuilt.last, "a command panicked; the model was rebuilt from disk");
                let half_changed = std::mem::replace(&mut core.model, rebuilt.model);
                drop_caught(half_changed);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Poisoned => Err(error),
            Err(error) => {
                self.journal.poison(&error);
                Err(Error::new(ErrorDetail::Poisoned { cause: error, unknown: false }))
            }
        }
    }

    /// Recovers a second model from the files of the running image.
    pub(super) fn recover_beside(&self, dispatch: &Dispatch, goal: RecoveryGoal) -> Result<Recovered<M>, Error> {
        let _no_removal = self.files.read();
        recover::<M>(&self.open_journal()?, dispatch, goal)
    }

    /// Opens the journal of the running image for reading.
    pub(super) fn open_journal(&self) -> Result<OpenedJournal, Error> {
        // read the durable seq before the list of segments, so that the listed segments contain all events up to this seq
        OpenedJournal::beside_owner(&self.disk, &self.layout, &self.keyring, self.journal.durable())
    }
}
