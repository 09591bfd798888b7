//! Recovers a second model from the files of the running image, while commands go on.

use super::core::Shared;
use crate::error::Error;
use crate::event::Model;
use crate::recovery::{Dispatch, OpenedJournal, Recovered, RecoveryGoal, recover};

impl<M: Model> Shared<M> {
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
