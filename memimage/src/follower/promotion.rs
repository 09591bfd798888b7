//! The promotion of a follower to the owner of its image.

use std::fmt;

use super::Follower;
use super::shared::Shared;
use crate::error::{Error, ErrorDetail};
use crate::event::Model;
use crate::image::Image;
use crate::journal::Continuity;
use crate::log;
use crate::options::Options;
use crate::recovery::HandedOver;
use crate::replication::{Acknowledge, Replicate, ReplicationOption};

impl<M: Model> Follower<M> {
    /// Takes over the image: this process becomes its owner, once the owner before has closed it or has ended. Call this again
    /// while it fails with [`ErrorKind::Locked`](crate::ErrorKind::Locked), because the owner still lives.
    ///
    /// This is an opening with the options that were given to [`Options::follow`]: it takes the lock, repairs a torn write, and
    /// recovers every event that the owner may have acknowledged. But it replays only the events that this follower has not
    /// replayed. If several followers are promoted, one becomes the owner, and the others get an error.
    ///
    /// After a promotion, calls on other clones of this follower return errors.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Options::open`], and an error of the kind [`Replaced`](crate::ErrorKind::Replaced) if the directory
    /// no longer contains the journal that was followed. The error returns the follower, which goes on.
    pub fn promote(self) -> Result<Image<M>, PromoteError<M>> {
        match self.try_to_promote() {
            Ok(image) => Ok(image),
            Err(error) => Err(PromoteError { error, follower: self }),
        }
    }

    /// Like [`promote`](Follower::promote), with a log to which the image is replicated from now on. Replaces the log that was given to
    /// [`Options::follow`], if any; also if the promotion fails.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`promote`](Follower::promote), and those of the log.
    pub fn promote_replicated(
        self,
        log: impl Replicate + 'static,
        acknowledge: Acknowledge,
    ) -> Result<Image<M>, PromoteError<M>> {
        self.shared().options.lock().replication = Some(ReplicationOption::new(Box::new(log), acknowledge));
        self.promote()
    }

    fn try_to_promote(&self) -> Result<Image<M>, Error> {
        let shared = self.shared();
        let _entered = shared.enter("promote")?;
        if let Some(ended) = shared.status.lock().ended.clone() {
            return Err(ended);
        }
        let mut is_stopped = false;
        let hand_over = || {
            shared.stop_thread();
            is_stopped = true;
            shared.hand_over()
        };
        let options = options_of_image(&shared.options.lock());
        let opened = options.take_over_on(shared.disk.clone(), shared.layout.root(), hand_over);
        match &opened {
            Ok(_) => {
                shared.end(Error::new(ErrorDetail::FollowerPromoted { path: shared.layout.root().to_owned() }));
            }
            Err(_) if is_stopped => {
                if let Err(error) = shared.start_thread() {
                    log::error!(%error, "the follower cannot go on after a failed promotion");
                    let (path, seq) = (shared.layout.root().to_owned(), shared.seq());
                    shared.end(Error::new(ErrorDetail::FollowerStopped { path, seq, cause: error }));
                }
            }
            Err(_) => {}
        }
        opened
    }
}

impl<M: Model> Shared<M> {
    /// Gives up the state, if the journal still continues it. `None` if it must be recovered. The caller owns the image, and has
    /// stopped the thread.
    fn hand_over(&self) -> Result<Option<HandedOver<M>>, Error> {
        let mut journal = self.journal.lock();
        if let Some(ended) = self.status.lock().ended.clone() {
            return Err(ended);
        }
        match journal.verify_continuity(true)? {
            Continuity::Whole => Ok(self.state.write().take().map(|state| journal.hand_over(state))),
            Continuity::Voided => Ok(None),
        }
    }
}

/// The options of the image that a promotion opens. It never creates an image.
fn options_of_image<M: Model>(options: &Options<M>) -> Options<M> {
    Options {
        create: false,
        durability: options.durability,
        segment_bytes: options.segment_bytes,
        align: options.align,
        caps: options.caps,
        record_bytes_max: options.record_bytes_max,
        remember: options.remember,
        snapshots: options.snapshots,
        snapshot_source: options.snapshot_source,
        pause_budget: options.pause_budget,
        replica: options.replica,
        retention: options.retention,
        kept_snapshots: options.kept_snapshots,
        retain_for_subscriptions: options.retain_for_subscriptions,
        verify_snapshots: options.verify_snapshots,
        verify_digests: options.verify_digests,
        allow_network: options.allow_network,
        accept_incomplete_copy: options.accept_incomplete_copy,
        clock: options.clock.clone(),
        monotonic: options.monotonic.clone(),
        genesis: None,
        encryption: options.encryption.clone(),
        #[cfg(feature = "erasure")]
        personal_keys: options.personal_keys.clone(),
        chain: options.chain.clone(),
        progress: None,
        replication: options.replication.clone(),
    }
}

/// The error of a promotion, with the follower, which goes on following. [`Error`] can be made from it with `?`.
pub struct PromoteError<M: Model> {
    error: Error,
    follower: Follower<M>,
}

impl<M: Model> PromoteError<M> {
    /// The cause; of the kind [`ErrorKind::Locked`](crate::ErrorKind::Locked) if the owner still lives.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Returns the follower.
    pub fn into_follower(self) -> Follower<M> {
        self.follower
    }
}

impl<M: Model> From<PromoteError<M>> for Error {
    fn from(failed: PromoteError<M>) -> Error {
        failed.error
    }
}

impl<M: Model> fmt::Display for PromoteError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<M: Model> fmt::Debug for PromoteError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<M: Model> std::error::Error for PromoteError<M> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}
