//! What administers an image, away from its commands' names.

use std::fmt;

use super::Image;
use super::snapshotting::SnapshotInfo;
use crate::error::Error;
use crate::event::Model;

/// What administers an image. See [`Image::admin`].
pub struct Admin<'a, M: Model> {
    image: &'a Image<M>,
}

impl<'a, M: Model> Admin<'a, M> {
    pub(super) fn new(image: &'a Image<M>) -> Admin<'a, M> {
        Admin { image }
    }

    /// Makes a snapshot now: of the newest state, under the read lock, so that commands wait while it is written. It counts
    /// once it is checked, synced and renamed. Then the journal is pruned as far as the image's
    /// [`Retention`](crate::Retention) lets it be; if that fails, the snapshot is good all the same, and
    /// [`Stats::retention_failure`](crate::Stats::retention_failure) tells.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or if the drill finds that replay gives another state ([`Error::is_diverged`]). The image
    /// goes on either way, with the snapshots it had.
    pub fn snapshot(&self) -> Result<SnapshotInfo, Error> {
        self.image.shared().snapshot()
    }

    /// The newest link of the journal's chain, once all that was executed is synced; `None` if the image has no chain.
    ///
    /// The chain does not show that all of an image was taken back to an earlier time. Kept where whoever can write to the image
    /// cannot, the newest link does.
    ///
    /// # Errors
    ///
    /// As [`Image::sync`].
    #[cfg(feature = "chain")]
    pub fn chain_head(&self) -> Result<Option<crate::ChainHead>, Error> {
        self.image.sync()?;
        Ok(self.image.shared().journal.chain_head())
    }
}

impl<M: Model> fmt::Debug for Admin<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}
