//! Maintenance of a running image.

use std::fmt;

use super::Image;
use super::snapshotting::SnapshotInfo;
use super::stats::Stats;
use crate::context::Timestamp;
use crate::error::Error;
use crate::event::Model;

/// Maintenance operations on a running image. See [`Image::admin`].
pub struct Admin<'a, M: Model> {
    image: &'a Image<M>,
}

impl<'a, M: Model> Admin<'a, M> {
    pub(super) fn new(image: &'a Image<M>) -> Admin<'a, M> {
        Admin { image }
    }

    /// Figures of the running image: its path, the progress of its journal, and the report of its recovery.
    pub fn stats(&self) -> Stats {
        self.image.shared().stats()
    }

    /// Makes a snapshot of the newest state now.
    ///
    /// Commands wait while the state is written, under the read lock. The snapshot is valid once it is verified, synced and
    /// renamed. Then the image prunes its journal as far as its [`Retention`](crate::Retention) allows. If pruning fails, the
    /// snapshot is still valid, and [`Stats::retention_failure`] has the reason.
    ///
    /// # Errors
    ///
    /// If the snapshot cannot be written, or if its verification finds that replay gives another state
    /// ([`ErrorKind::Diverged`](crate::ErrorKind::Diverged)). Either way the image goes on with the snapshots it had.
    pub fn snapshot(&self) -> Result<SnapshotInfo, Error> {
        self.image.shared().snapshot()
    }

    /// Lets recorded time go on from `to`, which is earlier than the time of the last event. Use this after the system clock was wrong
    /// and has been corrected: without it, all events get the wrong time until the clock has caught up. The times of earlier events
    /// stay as they are. The journal records the decision with its reason; when the function returns, the decision is on disk.
    ///
    /// A model that relies on times that never go back sees one that does, as its replay will.
    ///
    /// # Errors
    ///
    /// If `to` is not earlier than the time of the last event ([`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable)), if the
    /// reason is empty or longer than 4096 bytes, or if the decision cannot be written.
    pub fn correct_time(&self, to: Timestamp, reason: impl Into<String>) -> Result<(), Error> {
        self.image.shared().correct_time(to, reason.into())
    }

    /// The newest link of the journal's chain, after every executed event is synced; `None` if the image has no chain.
    ///
    /// The chain alone does not show that an older copy has replaced the whole image. The newest link shows it, if you keep
    /// the link in a place to which an attacker who can write to the image cannot write.
    ///
    /// # Errors
    ///
    /// As [`JournalHandle::sync`](crate::JournalHandle::sync).
    #[cfg(feature = "chain")]
    pub fn chain_head(&self) -> Result<Option<crate::ChainHead>, Error> {
        self.image.journal().sync()?;
        Ok(self.image.shared().journal.chain_head())
    }
}

impl<M: Model> fmt::Debug for Admin<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}
