//! Followers: copies of the model in other processes, which replay the journal of an owner and can take over from it.
//!
//! A follower only reads files. Its thread polls the journal for events that are durable, and replays them. [`shared`] has the
//! state that all clones of a follower share, [`following`] the thread, and [`promotion`] the takeover.

// each module uses only the modules above it
mod shared;
mod following;
mod promotion;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use self::shared::Shared;
use crate::disk::{Disk, RealDisk, absolute};
use crate::error::Error;
use crate::event::Model;
use crate::log;
use crate::options::Options;
use crate::seq::Seq;

pub use promotion::PromoteError;

/// A copy of the model that follows the journal of its owner, which may be another process on the same machine. If the owner
/// ends, a follower can [take over](Follower::promote).
///
/// A follower shows only durable events: what neither a crash of the owner nor a power cut can take back. It is a little behind the
/// owner: [`lag`](Follower::lag) tells how far, and [`wait`](Follower::wait) waits for an event. It never changes a file, and never
/// holds up the owner. It takes as much memory as the model.
///
/// A follower is a cheap handle: clone it and hand the clones to other threads. Dropping the last clone ends its thread, and waits for
/// it unless the clone is dropped on that thread, by a value of the model.
///
/// A follower that cannot go on stops, and then every call returns the reason: an event that this program does not know, a state
/// that differs from its recorded digest, a damaged journal, or a directory that was removed, cut by a repair, or replaced by
/// another image or timeline ([`ErrorKind::Replaced`](crate::ErrorKind::Replaced)). To go on, correct the cause and open it again.
///
/// ```
/// # use memimage::{Follower, Image, Model, Shape};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
/// # struct Counter { count: u64 }
/// # #[memimage::commands]
/// # impl Counter {
/// #     /// Adds one.
/// #     #[command]
/// #     fn add(&mut self) -> u64 { self.count += 1; self.count }
/// # }
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("counter.image");
/// let owner = Image::<Counter>::open(&path)?; // mostly in another process
/// owner.add()?;
///
/// let follower = Follower::<Counter>::open(&path)?;
/// follower.wait(owner.journal().seq())?;
/// assert_eq!(follower.query(|counter| counter.count)?, 1);
///
/// Image::close(owner)?; // or its process ends
/// let owner = follower.promote()?;
/// assert_eq!(owner.add()?, 2);
/// # Ok::<(), memimage::Error>(())
/// ```
pub struct Follower<M: Model> {
    handle: Arc<Handle<M>>,
}

/// Ends the thread when the last clone is dropped.
struct Handle<M: Model> {
    shared: Arc<Shared<M>>,
}

impl<M: Model> Drop for Handle<M> {
    fn drop(&mut self) {
        match self.shared.process.is_certainly_current() {
            true => self.shared.stop_thread(),
            // the thread exists only in the parent
            false => std::mem::forget(Arc::clone(&self.shared)),
        }
    }
}

impl<M: Model> Clone for Follower<M> {
    fn clone(&self) -> Follower<M> {
        Follower { handle: Arc::clone(&self.handle) }
    }
}

impl<M: Model> Follower<M> {
    /// Follows the image in the directory `path`. Returns once the state after the last durable event is recovered. For options of
    /// the image to be, such as keys, use [`Options::follow`].
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Options::follow`].
    pub fn open(path: impl AsRef<Path>) -> Result<Follower<M>, Error> {
        Options::new().follow(path)
    }

    fn shared(&self) -> &Arc<Shared<M>> {
        &self.handle.shared
    }

    /// The directory of the image.
    pub fn path(&self) -> &Path {
        self.shared().layout.root()
    }

    /// Runs a closure on the state. The closure must be short, because no event is replayed while it runs.
    ///
    /// # Errors
    ///
    /// Returns an error if the follower has stopped or was promoted, or if `query` is called inside a query of the same follower.
    pub fn query<R>(&self, query: impl FnOnce(&M) -> R) -> Result<R, Error> {
        let _entered = self.shared().enter("query")?;
        self.shared().read(|state| query(state.model()))
    }

    /// The last event in the state; once the follower has stopped or was promoted, the last one that was in it.
    pub fn seq(&self) -> Seq {
        self.shared().seq()
    }

    /// The number of events that are known to be durable in the owner's journal and that this follower has not replayed. While the
    /// owner writes without a pause, the number can be too low: the follower looks a few MiB ahead.
    ///
    /// # Errors
    ///
    /// Returns an error if the follower has stopped or was promoted, or if this is a child of the process that opened it.
    pub fn lag(&self) -> Result<u64, Error> {
        self.shared().lag()
    }

    /// How often the follower has recovered its state anew since it was opened, because the owner had pruned events that it had not
    /// replayed, because an event became void, or because the files changed while they were read.
    pub fn recoveries(&self) -> u64 {
        self.shared().recoveries()
    }

    /// Waits until event `seq` is in the state.
    ///
    /// # Errors
    ///
    /// Returns an error if the follower stops or is promoted before, or if `wait` is called inside a query of the same follower.
    pub fn wait(&self, seq: Seq) -> Result<(), Error> {
        let _entered = self.shared().enter("wait")?;
        self.shared().wait(seq, None).map(drop)
    }

    /// Like [`wait`](Follower::wait), but for this long at most. Returns whether the event is in the state.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`wait`](Follower::wait).
    pub fn wait_timeout(&self, seq: Seq, timeout: Duration) -> Result<bool, Error> {
        let _entered = self.shared().enter("wait_timeout")?;
        self.shared().wait(seq, Some(timeout))
    }

    /// Replays the journal once more, from the newest snapshot before the state, and compares the result with the state. Returns
    /// the last event that the compared states contain.
    ///
    /// The follower compares its state with the recorded digests on its own, where the journal records the digest of the newest
    /// state, as an owner does at rest. Under load, most digests in the journal are those of older states. This method compares
    /// those, too. It needs as much memory as the model, and holds up queries only while it hashes the state.
    ///
    /// # Errors
    ///
    /// Returns an error that names the range of events if the states differ
    /// ([`ErrorKind::Diverged`](crate::ErrorKind::Diverged)), and the errors of a recovery.
    pub fn verify(&self) -> Result<Seq, Error> {
        let _entered = self.shared().enter("verify")?;
        self.shared().verify()
    }
}

impl<M: Model> Options<M> {
    /// Follows the image in the directory `path`, as [`Follower::open`] does. The options are those of the image that
    /// [`Follower::promote`] opens; of them, the follower itself uses the keys and [`verify_digests`](Options::verify_digests).
    /// [`create`](Options::create), [`genesis`](Options::genesis) and [`on_progress`](Options::on_progress) have no effect.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no image at the path, if it belongs to another model or to a newer program, if the keys are
    /// missing or wrong, and the errors of a recovery.
    pub fn follow(self, path: impl AsRef<Path>) -> Result<Follower<M>, Error> {
        self.follow_on(Arc::new(RealDisk), absolute(path.as_ref()))
    }

    /// Like [`follow`](Options::follow), on the given disk.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`follow`](Options::follow).
    #[cfg(feature = "sim")]
    pub fn follow_with(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<Follower<M>, Error> {
        self.follow_on(disk, path)
    }

    fn follow_on(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<Follower<M>, Error> {
        self.validate()?;
        let shared = Arc::new(Shared::recover(disk, path.as_ref(), self)?);
        shared.start_thread()?;
        log::info!(path = %shared.layout.root().display(), seq = %shared.seq(), "follows the image");
        Ok(Follower { handle: Arc::new(Handle { shared }) })
    }
}

impl<M: Model> fmt::Debug for Follower<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("path", &self.path()).field("seq", &self.seq()).finish_non_exhaustive()
    }
}
