//! Maintenance of a running image.

use std::fmt;

use super::Image;
use super::pinned_files::PinnedFiles;
use super::snapshotting::SnapshotInfo;
use super::stats::Stats;
use crate::context::Timestamp;
use crate::error::Error;
use crate::event::Model;
use crate::seq::Seq;

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
    /// The state is written from a replica, so commands go on meanwhile; [`Options::snapshot_source`](crate::Options::snapshot_source)
    /// sets another source. The snapshot is valid once it is loaded once, synced and renamed. Then the image prunes its journal as far as its [`Retention`](crate::Retention) allows. If pruning fails,
    /// the snapshot is still valid, and [`Stats::retention_failure`] contains the error.
    ///
    /// # Errors
    ///
    /// Returns an error if the snapshot cannot be written, or if its verification finds that replay gives another state
    /// ([`ErrorKind::Diverged`](crate::ErrorKind::Diverged)). After either of these errors, the image continues with its older
    /// snapshots.
    pub fn snapshot(&self) -> Result<SnapshotInfo, Error> {
        self.image.shared().snapshot()
    }

    /// Verifies that a replay of the journal, which begins at the newest snapshot, gives the state of the running image. Returns
    /// the last event in the compared states.
    ///
    /// Commands wait while the running state is hashed: a few seconds for each GiB. The replayed state takes as much memory as the
    /// model. A snapshot from which the replay contradicts the journal is moved to the quarantine.
    ///
    /// # Errors
    ///
    /// Returns an error if the states differ ([`ErrorKind::Diverged`](crate::ErrorKind::Diverged)), if a snapshot is incomplete
    /// ([`ErrorKind::InvalidModel`](crate::ErrorKind::InvalidModel)), or if the journal cannot be read.
    pub fn verify(&self) -> Result<Seq, Error> {
        self.image.shared().verify_now()
    }

    /// Sets recorded time back to `to`, which must be earlier than the time of the last event. Call this function after the
    /// system clock was ahead and has been corrected; otherwise new events get the time of the last event until the clock has
    /// caught up. The times of existing events do not change. The journal records the correction with its reason; when the
    /// function returns, the correction is on disk.
    ///
    /// After the correction, a command may see an earlier time than the previous command did, both when it is executed and on
    /// replay. A model must not rely on times that never decrease.
    ///
    /// # Errors
    ///
    /// Returns an error if `to` is not earlier than the time of the last event
    /// ([`ErrorKind::NotApplicable`](crate::ErrorKind::NotApplicable)), if the reason is empty or longer than 4096 bytes, or if
    /// the correction cannot be written.
    pub fn correct_time(&self, to: Timestamp, reason: impl Into<String>) -> Result<(), Error> {
        self.image.shared().correct_time(to, reason.into())
    }

    /// Erases all [personal data](crate::Personal) of a subject: destroys the key with which they are sealed. Returns whether the
    /// subject had a key.
    ///
    /// When it returns, the key is gone from the key file, and [`Personal::get`](crate::Personal::get) of each value returns `None`: in
    /// this image, in past states, in branches, projections and backups, and in followers as soon as they look. An erasure cannot be
    /// undone. Erasing a subject again changes nothing. New data of the subject get a new key.
    ///
    /// If the model has derived fields, they are rebuilt, so that they do not keep a part of the erased values; commands wait
    /// meanwhile. See [the guide](crate::guide::personal_data) for what an erasure does not reach, such as a copy of the key file.
    ///
    /// # Errors
    ///
    /// - Returns an error if the key file cannot be written or locked, or is damaged
    ///   ([`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt)), missing ([`ErrorKind::PersonalKey`](crate::ErrorKind::PersonalKey)) or
    ///   replaced. The values may be erased all the same: repeat the call until it succeeds. The next opening of the image also
    ///   completes an erasure that has begun.
    /// - Returns an error if the image is closed or poisoned, or if the call comes from inside the image.
    #[cfg(feature = "erasure")]
    pub fn erase(&self, subject: impl Into<crate::Subject>) -> Result<bool, Error> {
        self.image.shared().erase(&subject.into())
    }

    /// The files of the image, for an operation that copies them.
    pub(crate) fn pin_files(&self, call: &'static str) -> Result<PinnedFiles<'a>, Error> {
        self.image.shared().pin_files(call)
    }

    /// Syncs every executed event, and returns the newest link of the journal's chain; `None` if the image has no chain.
    ///
    /// The chain alone does not reveal that the whole image was replaced by an older copy. The newest link reveals such a
    /// replacement, if you store the link where an attacker who can write to the image cannot write.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`JournalHandle::sync`](crate::JournalHandle::sync).
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
