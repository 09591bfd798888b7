//! A log that has lost its end: it no longer has the last entry that a standby has verified.

use memimage::{Error, ErrorKind, Model};

use super::following::StepError;
use super::shared::Shared;
use crate::failure::failure;
use crate::log_reader::{LogTail, has_entry};
use crate::pauses::Pauses;

/// So many reads in sequence must miss the entry: a single one may be answered from an older state.
const LOOKS: u32 = 8;

impl<M: Model> Shared<M> {
    /// Verifies that the log still has the last entry that was read, and records the answer for other threads.
    pub(super) fn check_end(&self, tail: &LogTail) -> Result<(), StepError> {
        let mut pauses = Pauses::default();
        for look in 1..=LOOKS {
            let found = has_entry(&self.log.engine, tail.header.position, &tail.hash);
            if found.map_err(StepError::Unavailable)? {
                self.progress.lock().lost = None;
                return Ok(());
            }
            if look < LOOKS {
                std::thread::sleep(pauses.next());
            }
        }
        let error = self.lost_entries(tail.header.position);
        self.progress.lock().lost = Some(error.clone());
        Err(StepError::Lost(error))
    }

    /// The error of a log that has lost entries of which the standby has the content.
    pub(super) fn lost_entries(&self, position: u64) -> Error {
        let (address, path) = (self.log.address(), self.path.display());
        failure(
            ErrorKind::Corrupt,
            format!(
                "`{address}` has lost entries: the standby in `{path}` has verified the one at position {position}, and the log no longer has it; \
                 help: start the owner again, whose journal has them, and then this standby; if the owner is gone, decide: to keep what the standby has, open its \
                 directory as an image that is replicated to a new log; to keep what the log has, open a standby in another directory"
            ),
        )
    }

    pub(super) fn refuse_if_lost(&self) -> Result<(), Error> {
        self.progress.lock().lost.clone().map_or(Ok(()), Err)
    }
}
