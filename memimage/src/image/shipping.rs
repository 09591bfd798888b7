//! Starts and ends the engine that ships the journal of a replicated image to its log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::Shared;
use crate::disk::Disk;
use crate::error::{Error, ErrorKind};
use crate::event::Model;
use crate::journal::Layout;
use crate::options::Options;
use crate::replication::{Acknowledge, Claimed, LockedDirectory, OwnerJournal, error};

/// How long an opening waits until the log has all recovered events.
const CATCH_UP: Duration = Duration::from_secs(60);
/// How long a close waits for the log, if a snapshot may wait for it.
const CLOSE: Duration = Duration::from_secs(10);

/// A log that this owner has claimed, and when its callers get their answers.
pub(super) type ClaimedLog = (Box<dyn Claimed>, Acknowledge);

/// Claims the log, if the image is replicated to one.
pub(super) fn claim_log<M>(
    options: &Options<M>,
    disk: &Arc<dyn Disk>,
    layout: &Layout,
) -> Result<Option<ClaimedLog>, Error> {
    let Some(replication) = &options.replication else { return Ok(None) };
    let directory = LockedDirectory { disk: Arc::clone(disk), layout: layout.clone() };
    Ok(Some((replication.claim(&directory)?, replication.acknowledge)))
}

impl<M: Model> Shared<M> {
    /// Starts to ship the journal. If answers wait for the log, waits until it has all recovered events, because a query may show them.
    ///
    /// # Errors
    ///
    /// Fails if shipping cannot be started, if another owner takes over the log, or if the log does not get the events in time.
    pub(super) fn start_shipping(&self, claimed: Box<dyn Claimed>, acknowledge: Acknowledge) -> Result<(), Error> {
        let journal = self.journal.replicate(acknowledge.gate());
        let owner = OwnerJournal { disk: self.disk.clone(), layout: self.layout.clone(), journal };
        *self.shipping.lock() = Some(claimed.start(owner)?);
        if acknowledge != Acknowledge::Remote {
            return Ok(());
        }
        let seq = self.journal.executed();
        #[expect(clippy::disallowed_methods, reason = "the duration of an open is not part of the state")]
        let deadline = Instant::now() + CATCH_UP;
        if self.journal.wait_for_log(seq, deadline).map_err(|error| error.cause())? {
            return Ok(());
        }
        let message = format!(
            "the log of the image `{}` did not get all events up to {seq} within {CATCH_UP:?}, so the image was closed again; help: \
             try again when the log can be reached",
            self.layout.root().display()
        );
        Err(error(ErrorKind::Replication, message))
    }

    /// Makes sure that a close does not wait for a log that cannot be reached: a snapshot or a verification in progress may wait for
    /// it. If the log does not get all events in time, poisons the image, which ends these waits. All events are on the local disk.
    pub(super) fn bound_waits_for_log(&self) {
        let is_waited_for = {
            let progress = self.progress.lock();
            progress.thread.is_some() || progress.unverified_since.is_some()
        } || self.snapshotting.try_lock().is_none();
        if !is_waited_for || !self.journal.answers_wait_for_log() || self.journal.sync_locally().is_err() {
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "the duration of a close is not part of the state")]
        let deadline = Instant::now() + CLOSE;
        if let Ok(false) = self.journal.wait_for_log(self.journal.executed(), deadline) {
            let message = format!(
                "the log of the image `{}` did not get all events within {CLOSE:?}, while the image was being closed; they are on the local \
                 disk; help: open the image again when the log can be reached",
                self.layout.root().display()
            );
            self.journal.poison(&error(ErrorKind::Replication, message));
        }
    }

    /// Ships the rest of the journal, as far as the engine can within its time, and ends the engine.
    ///
    /// # Errors
    ///
    /// Fails if the log did not get everything.
    pub(super) fn stop_shipping(&self) -> Result<(), Error> {
        let shipping = self.shipping.lock().take();
        shipping.map_or(Ok(()), |shipping| shipping.stop())
    }
}
