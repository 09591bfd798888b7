//! Standbys: copies of an image on other machines, which follow its log and can take over.
//!
//! A standby has a copy of the journal in a directory of its own ([`following`]), and a follower over this copy.

// each module uses only the modules above it
mod divergence;
mod beginning;
mod shared;
mod following;
mod lost_end;
mod promotion;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use memimage::replication::Acknowledge;
use memimage::{Error, Image, Model, Options, Seq};

pub use divergence::{SetAside, set_aside_unshipped};
pub use promotion::StandbyPromoteError;

use self::shared::Shared;
use crate::log::Log;
use crate::log_directory::refuse_inside;

/// A copy of an image on another machine. It follows the log of the image's owner, and can take over from it.
///
/// It has a directory with a journal of its own, byte for byte that of the owner, and the model in memory. After a restart it goes on
/// where it was. It begins with the newest snapshot of the log, and with the entries since.
///
/// A standby is a cheap handle: clone it and hand the clones to other threads. Dropping the last clone ends its thread, and releases the
/// directory. A standby that cannot go on stops, and then every call returns
/// the reason.
pub struct Standby<M: Model> {
    handle: Arc<Handle<M>>,
}

/// Ends the thread when the last clone is dropped.
struct Handle<M: Model> {
    shared: Arc<Shared<M>>,
}

impl<M: Model> Drop for Handle<M> {
    fn drop(&mut self) {
        self.shared.stop_thread();
    }
}

impl<M: Model> Clone for Standby<M> {
    fn clone(&self) -> Standby<M> {
        Standby { handle: Arc::clone(&self.handle) }
    }
}

/// The settings of a standby.
pub struct StandbyOptions<M: Model> {
    /// Those of the image that a promotion opens.
    options: Options<M>,
    acknowledge: Acknowledge,
    sets_aside: bool,
    wait: Duration,
}

/// How far a standby is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lag {
    /// The number of events that the standby has read from the log and not replayed yet.
    pub events: u64,
    /// How long ago the standby has last read the log up to its end. What the owner has appended since is not in the state.
    pub time: Duration,
}

impl<M: Model> Standby<M> {
    /// Opens or creates a standby in the directory `path`. Returns once it has read the log up to its present end.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`StandbyOptions::open`].
    pub fn open(log: Log, path: impl AsRef<Path>) -> Result<Standby<M>, Error> {
        Standby::options().open(log, path)
    }

    /// The settings of a standby, with their defaults.
    pub fn options() -> StandbyOptions<M> {
        StandbyOptions {
            options: Image::<M>::options(),
            acknowledge: Acknowledge::Remote,
            sets_aside: false,
            wait: Duration::from_secs(30),
        }
    }

    fn shared(&self) -> &Arc<Shared<M>> {
        &self.handle.shared
    }

    /// The directory of the standby.
    pub fn path(&self) -> &Path {
        self.shared().path()
    }

    /// Reads the state. A long query holds up the replay of later events, but neither the owner nor the copy of the journal.
    ///
    /// # Errors
    ///
    /// Returns an error if the standby has stopped or was promoted, or if it is called inside of a query.
    pub fn query<R>(&self, query: impl FnOnce(&M) -> R) -> Result<R, Error> {
        self.shared().refuse_if_ended()?;
        self.shared().follower()?.query(query)
    }

    /// The last event in the state.
    pub fn seq(&self) -> Seq {
        self.shared().seq()
    }

    /// How far the state is behind the log.
    ///
    /// # Errors
    ///
    /// Returns an error if the standby has stopped or was promoted, or while the log lacks entries that the standby has
    /// ([`ErrorKind::Corrupt`](memimage::ErrorKind::Corrupt)).
    pub fn lag(&self) -> Result<Lag, Error> {
        self.shared().lag()
    }

    /// Waits until event `seq` is in the state.
    ///
    /// # Errors
    ///
    /// Returns an error if the standby stops or is promoted before, or if it is called inside of a query.
    pub fn wait(&self, seq: Seq) -> Result<(), Error> {
        while !self.wait_timeout(seq, Duration::from_millis(100))? {}
        Ok(())
    }

    /// Like [`wait`](Standby::wait), but for this long at most. Returns whether the event is in the state.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`wait`](Standby::wait).
    pub fn wait_timeout(&self, seq: Seq, timeout: Duration) -> Result<bool, Error> {
        self.shared().refuse_if_ended()?;
        self.shared().follower()?.wait_timeout(seq, timeout)
    }

    /// The events that this directory had and the log does not, if they were set aside when the standby was opened.
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.shared().set_aside.as_ref()
    }

    /// Replays the copied journal once more, and compares the result with the state. See [`Follower::verify`](memimage::Follower::verify).
    ///
    /// # Errors
    ///
    /// Returns an error if the states differ, or if the standby has stopped or was promoted.
    pub fn verify(&self) -> Result<Seq, Error> {
        self.shared().refuse_if_ended()?;
        self.shared().follower()?.verify()
    }
}

impl<M: Model> StandbyOptions<M> {
    /// The options of the image that a promotion opens. Of these, a standby itself uses the keys and
    /// [`verify_digests`](Options::verify_digests).
    pub fn image(mut self, options: Options<M>) -> Self {
        self.options = options;
        self
    }

    /// When the image that a promotion opens answers a command. Default: [`Acknowledge::Remote`].
    pub fn acknowledge(mut self, acknowledge: Acknowledge) -> Self {
        self.acknowledge = acknowledge;
        self
    }

    /// Whether to set aside a directory whose journal has events that the log does not: those that an owner had not shipped before another
    /// took over. Default: no; then such a directory is refused.
    ///
    /// With `true`, the directory `bank.image` is renamed to `bank.image.aside-1` (or a higher number), and the standby begins anew from the log.
    /// That also happens to the directory of the present owner, if it is closed with events that are not shipped: open it as the owner instead.
    /// Nothing is merged or lost: `memimage log bank.image.aside-1` lists the events, and [`Standby::set_aside`] tells which they are.
    /// A directory that still owns the log is refused: open it as the owner.
    pub fn set_aside_unshipped(mut self, set_aside: bool) -> Self {
        self.sets_aside = set_aside;
        self
    }

    /// How long [`open`](StandbyOptions::open) waits for an owner that has not shipped anything yet. Default: 30 s.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Opens or creates a standby in the directory `path`. Returns once it has read the log up to its present end.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be read, is damaged, or has no journal within the [time](StandbyOptions::wait); if the directory is in
    /// use, or contains another image, or events that are not in the log; and the errors of a [`Follower`](memimage::Follower).
    pub fn open(self, log: Log, path: impl AsRef<Path>) -> Result<Standby<M>, Error> {
        let path: PathBuf = std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned());
        refuse_inside(&log, &path)?;
        Ok(Standby { handle: Arc::new(Handle { shared: Shared::open(self, log, path)? }) })
    }
}

impl<M: Model> fmt::Debug for Standby<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standby").field("path", &self.path()).field("seq", &self.seq()).finish_non_exhaustive()
    }
}

impl<M: Model> fmt::Debug for StandbyOptions<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandbyOptions").field("image", &self.options).finish_non_exhaustive()
    }
}
