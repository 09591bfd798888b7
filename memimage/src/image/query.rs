//! Reading the model of a running image.

use super::core::Shared;
use super::pending::Pending;
use super::read_guard::ReadGuard;
use super::reentrancy::{QUERY, READ_UNCOMMITTED, VIEW};
use crate::error::Error;
use crate::event::Model;

impl<M: Model> Shared<M> {
    /// Runs the closure on the newest state. The returned [`Pending`] waits for the newest batch, because the result may depend
    /// on that batch.
    pub(super) fn query<R>(&self, query: impl FnOnce(&M) -> R) -> Result<Pending<R>, Error> {
        let _entered = self.enter(QUERY)?;
        let core = self.core.read();
        self.refuse_if_ended()?;
        let answer = query(&core.model);
        // no command runs while the lock is held, so the answer depends on no later batch
        Ok(Pending::new(Ok(answer), None, self.journal.latest(), self.process))
    }

    /// Runs the closure on the replica, with at least the events that were acknowledged before the call.
    pub(super) fn view<R>(&self, view: impl FnOnce(&M) -> R) -> Result<R, Error> {
        let _entered = self.enter_to_wait(VIEW)?;
        self.refuse_if_ended()?;
        let acknowledged = self.journal.sync_acknowledged()?;
        let replica = self.use_replica();
        let state = replica.read(acknowledged)?;
        Ok(view(state.model()))
    }

    pub(super) fn read_uncommitted(&self) -> Result<ReadGuard<'_, M>, Error> {
        let entered = self.enter(READ_UNCOMMITTED)?;
        let core = self.core.read();
        self.refuse_if_ended()?;
        Ok(ReadGuard::new(core, entered))
    }
}
