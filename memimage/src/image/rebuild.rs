//! Rebuilds the model after a command panicked and may have left the model half changed: from the standing replica, or from
//! disk.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::core::{Core, Shared};
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::log;
use crate::panics::drop_caught;
use crate::recovery::RecoveryGoal;

impl<M: Model> Shared<M> {
    /// Replaces the model, which a panicking body may have left half changed.
    pub(super) fn rebuild(&self, core: &mut Core<M>) -> Result<(), Error> {
        let rebuild = || {
            self.journal.sync()?;
            let until = self.journal.executed();
            if let Some((model, began)) = self.take_standing_replica(until) {
                return Ok((model, began, "the standing replica"));
            }
            let goal = RecoveryGoal {
                until: Some(until),
                newest_snapshot: None,
                verify_digests: self.verify_digests,
                trust_upcasters: true,
                ..RecoveryGoal::default()
            };
            self.recover_beside(&core.dispatch, goal).map(|recovered| (recovered.model, recovered.snapshot, "disk"))
        };
        // a panic during the rebuild, for example in a `Deserialize`, must not expose the half-changed model either
        let rebuilt = catch_unwind(AssertUnwindSafe(rebuild))
            .unwrap_or_else(|panic| Err(Error::panicked("rebuilding the model from", self.layout.root(), panic)));
        match rebuilt {
            Ok((rebuilt, began, from)) => {
                log::warning!(seq = %self.journal.executed(), from, "a command panicked; the model was rebuilt");
                let half_changed = std::mem::replace(&mut core.model, rebuilt);
                core.began = began;
                drop_caught(half_changed);
                Ok(())
            }
            Err(error) if error.is_poisoned() => Err(error),
            Err(error) => {
                self.journal.poison(&error);
                Err(Error::new(ErrorDetail::Poisoned { cause: error, unknown: false }))
            }
        }
    }
}
