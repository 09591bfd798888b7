//! A running image: the model in memory, and the journal of its commands.
//!
//! This file defines [`Image`], the handle that users see. [`core`] defines the state that all clones of the handle share.

// each module uses only the modules above it
mod reentrancy;
mod recording_clock;
mod recovery_report;
mod replica_slot;
mod core;
mod shipping;
mod pinned_files;
mod read_guard;
mod pending;
mod pending_all;
mod recovering;
mod contradicted;
mod replica;
mod rebuild;
mod taken_snapshot;
mod verification;
mod pruning;
mod snapshotting;
mod arguments;
mod request;
mod execute;
mod submit;
mod bulk;
mod query;
mod with;
mod once;
mod journal;
mod stats;
mod time_correction;
#[cfg(feature = "erasure")]
mod erasing;
mod admin;
mod replay_report;
mod opening;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub(crate) use self::core::STACK;
pub(crate) use pinned_files::PinnedFiles;
pub(crate) use reentrancy::ReentrancyGuard;

pub use admin::Admin;
pub use bulk::{Bulk, BulkOnce};
pub use journal::JournalHandle;
pub use once::WithRequestKey;
pub use pending::Pending;
pub use pending_all::PendingAll;
pub use read_guard::ReadGuard;
pub use recovery_report::RecoveryReport;
pub use snapshotting::SnapshotInfo;
pub use stats::Stats;
pub use with::WithMetadata;

use self::core::Shared;
use crate::context::Metadata;
use crate::error::Error;
use crate::event::{Command, Model};
use crate::execute::Execute as _;
use crate::journal::is_writing;
use crate::log;
use crate::options::Options;
use crate::planted::{Bug, planted};
use execute::SubmitMode;

/// A model in main memory, and the journal that makes its commands durable.
///
/// The model's commands are methods of the image, through the trait that `#[memimage::commands]` generates. An image is a cheap
/// handle: clone it and hand the clones to other threads. Dropping the last clone syncs and closes the image;
/// [`Image::close`] does the same and returns the error, if any.
pub struct Image<M: Model> {
    handle: Arc<Handle<M>>,
}

impl<M: Model> Clone for Image<M> {
    fn clone(&self) -> Image<M> {
        Image { handle: Arc::clone(&self.handle) }
    }
}

/// Closes the image when the last clone is dropped.
struct Handle<M: Model> {
    shared: Arc<Shared<M>>,
}

impl<M: Model> Drop for Handle<M> {
    fn drop(&mut self) {
        if !self.shared.process.is_certainly_current() && !planted(Bug::ClosedInForkedChild) {
            return self.shared.abandon();
        }
        let shared = Arc::clone(&self.shared);
        let close = move || {
            if let Err(error) = shared.close() {
                log::error!(%error, "could not close a dropped image");
            }
        };
        // a waker may drop the image while this thread writes a batch; to close here would wait for that write for ever
        if is_writing() {
            std::thread::spawn(close);
        } else {
            close();
        }
    }
}

impl<M: Model> Image<M> {
    fn new(shared: Arc<Shared<M>>) -> Image<M> {
        Image { handle: Arc::new(Handle { shared }) }
    }

    fn shared(&self) -> &Shared<M> {
        &self.handle.shared
    }

    /// Opens the image in the directory `path`. Creates the image if the directory is missing or empty, and recovers it
    /// otherwise.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Image<M>, Error> {
        Image::options().open(path)
    }

    /// Creates an image without files, for tests and for state that may be lost.
    ///
    /// # Errors
    ///
    /// Returns an error if the model has no digest, because its `Serialize` and its `Shape` disagree.
    pub fn in_memory() -> Result<Image<M>, Error> {
        Image::options().in_memory()
    }

    /// Returns the default options of an image, which can be changed before [`Options::open`].
    pub fn options() -> Options<M> {
        Options::new()
    }

    /// Executes a command and returns before its event is durable, so that one thread can have many commands under way. Before
    /// it executes the command, waits until the queue of unwritten batches has room.
    ///
    /// # Errors
    ///
    /// Returns an error if the command has no effect: its record is too large or cannot be encoded, its body panicked, the disk
    /// is full, the image is poisoned or closed, or `submit` was called from inside the image. If the model refuses the
    /// command, [`Pending::wait`] returns the refusal, and `submit` returns no error.
    pub fn submit<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.shared().submit(command, &Metadata::new(), SubmitMode::Submit)
    }

    /// Executes many commands of one type, in their order, and returns before their events are durable. For bulk work of one
    /// thread this is the fastest way: the image takes its lock once for up to 64 commands.
    ///
    /// Each command has its own event and its own answer, as if it were submitted alone. The commands are not one atomic unit:
    /// some may be refused, commands of other callers may come between them, and a crash may keep only the first few. To change
    /// the state in one atomic step, write one command. (See [the guide](crate::guide::grouping_commands).)
    ///
    /// `submit_all` takes up to 64 commands from the iterator before it executes the first of them, and waits for room as
    /// [`submit`](Image::submit) does. All answers are kept in memory until [`PendingAll::wait`] returns them, so submit an
    /// endless stream in parts. The iterator is not called again after it has returned `None`.
    ///
    /// If [`submit`](Image::submit) would return an error for a command (the disk is full, the record is too large, the body
    /// panicked), this error is the last answer, and no later command is executed: [`PendingAll::ended_early`]. Up to 63 later
    /// commands may then have been taken from the iterator; they are dropped.
    ///
    /// ```
    /// # use memimage::{Image, Model, Shape};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
    /// # struct Counter { count: u64 }
    /// # #[memimage::commands]
    /// # impl Counter {
    /// #     /// Adds to the count.
    /// #     #[command]
    /// #     fn add(&mut self, number: u64) -> u64 { self.count += number; self.count }
    /// # }
    /// let counter = Image::<Counter>::in_memory()?;
    /// let pending = counter.submit_all((1..=4).map(|number| CounterAdd { number }));
    /// let counts = pending.wait().into_iter().collect::<Result<Vec<u64>, _>>()?;
    /// assert_eq!(counts, [1, 3, 6, 10]);
    /// # Ok::<(), memimage::Error>(())
    /// ```
    pub fn submit_all<C: Command<M>>(&self, commands: impl IntoIterator<Item = C>) -> PendingAll<C::Output, C::Error> {
        self.shared().submit_each(commands, &Metadata::new(), "submit_all", |bulk, command| bulk.execute(command))
    }

    /// Like [`submit_all`](Image::submit_all), for commands of several types, or for several commands an item. Calls `submit`
    /// with each item and with a [`Bulk`]; `submit` executes commands by calling them on the `Bulk`.
    ///
    /// The image's lock is held while `submit` runs, from the first command on. Meanwhile other commands and queries wait, and
    /// no other caller's command becomes durable. So keep `submit` short, and do not wait in it: neither for another thread that
    /// uses the image, nor for a second image, whose `submit_each` might wait for this one. Commands and queries on the image
    /// itself return [`ErrorKind::Reentrant`](crate::ErrorKind::Reentrant).
    ///
    /// The answers that `submit` sees are not durable yet: return them, and do nothing else with them. If `submit` panics, the
    /// commands that it executed stay executed.
    ///
    /// ```
    /// # use memimage::{Error, Image, Model, Shape};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
    /// # struct Counter { count: u64 }
    /// # #[memimage::commands]
    /// # impl Counter {
    /// #     /// Adds to the count.
    /// #     #[command]
    /// #     fn add(&mut self, number: u64) -> u64 { self.count += number; self.count }
    /// #     /// Sets the count to zero.
    /// #     #[command]
    /// #     fn reset(&mut self) -> u64 { std::mem::take(&mut self.count) }
    /// # }
    /// let counter = Image::<Counter>::in_memory()?;
    /// let requests = ["5", "7", "reset", "1"];
    /// let pending = counter.submit_each(requests, |counter, request| match request.parse() {
    ///     Ok(number) => counter.add(number),
    ///     Err(_) => counter.reset(),
    /// });
    /// let counts = pending.wait().into_iter().collect::<Result<Vec<u64>, Error>>()?;
    /// assert_eq!(counts, [5, 12, 12, 1]);
    /// # Ok::<(), memimage::Error>(())
    /// ```
    pub fn submit_each<T, R, E: From<Error>>(
        &self,
        items: impl IntoIterator<Item = T>,
        submit: impl FnMut(&Bulk<'_, M>, T) -> Result<R, E>,
    ) -> PendingAll<R, E> {
        self.shared().submit_each(items, &Metadata::new(), "submit_each", submit)
    }

    /// Like [`submit`](Image::submit), but returns [`ErrorKind::Busy`](crate::ErrorKind::Busy) where `submit` would wait for
    /// room.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`submit`](Image::submit).
    pub fn try_submit<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.shared().submit(command, &Metadata::new(), SubmitMode::Try)
    }

    /// Like [`submit`](Image::submit), but awaits room instead of blocking the thread.
    ///
    /// The future still takes the image's lock, so a poll blocks its thread for as long as another thread's command, query or
    /// [`read_uncommitted`](Image::read_uncommitted) guard holds that lock.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`submit`](Image::submit).
    pub async fn submit_async<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.shared().submit_async(command, &Metadata::new()).await
    }

    /// Executes a command and awaits its durable answer. This is equivalent to awaiting [`submit_async`](Image::submit_async),
    /// and then awaiting the returned [`Pending`].
    ///
    /// Dropping the future before its first poll executes nothing. Dropping the future later does not undo a command that was
    /// executed.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`submit`](Image::submit) and of [`Pending::wait`].
    pub async fn execute_async<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.submit_async(command).await?.await
    }

    /// Reads the model, and returns the closure's result once every event that the result may depend on is durable. So a query
    /// never shows a change that a crash could undo. (Under `Buffered` and `Interval`, the query returns once the operating
    /// system has the events that the result may depend on.)
    ///
    /// Commands wait while the closure runs, so keep it short. The closure must not wait for another thread that runs a command
    /// or begins a view of the image.
    ///
    /// # Errors
    ///
    /// Returns an error if the image is poisoned or closed, or if `query` is called from inside the image.
    pub fn query<R>(&self, query: impl FnOnce(&M) -> R) -> Result<R, Error> {
        self.shared().query(query)?.wait()
    }

    /// Like [`query`](Image::query), but awaits durability instead of blocking the thread. The closure runs on the polling
    /// thread, under the read lock.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`query`](Image::query).
    pub async fn query_async<R>(&self, query: impl FnOnce(&M) -> R) -> Result<R, Error> {
        self.shared().query(query)?.await
    }

    /// Reads a copy of the model, the *replica*, with at least the events whose answers were returned before this call. Commands
    /// never wait for a view, however long the closure runs, and many views run side by side. For reports, exports and other
    /// reads that take more than a millisecond.
    ///
    /// With [`Replica::OnDemand`](crate::Replica::OnDemand), the first view loads the newest snapshot and replays the events since,
    /// which takes as long as opening the image; views that begin meanwhile share this replica. With
    /// [`Replica::Standing`](crate::Replica::Standing), a view only waits until the replica has replayed the newest events. A view
    /// that needs newer events than the replica has waits for the views in progress. So does a snapshot from the replica, and then new
    /// views wait for the snapshot. Therefore the closure must not wait for another thread's view, snapshot, verification or close
    /// of this image.
    ///
    /// Calls on this image from inside the closure return [`ErrorKind::Reentrant`](crate::ErrorKind::Reentrant).
    ///
    /// ```
    /// # use memimage::{Image, Model, Shape};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
    /// # struct Counter { count: u64 }
    /// # #[memimage::commands]
    /// # impl Counter {
    /// #     /// Adds to the count.
    /// #     #[command]
    /// #     fn add(&mut self, number: u64) -> u64 { self.count += number; self.count }
    /// # }
    /// let counter = Image::<Counter>::in_memory()?;
    /// counter.add(7)?;
    /// assert_eq!(counter.view(|counter| counter.count)?, 7);
    /// # Ok::<(), memimage::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the image is poisoned or closed, if `view` is called from inside the image, or if the replica cannot be
    /// recovered.
    pub fn view<R>(&self, view: impl FnOnce(&M) -> R) -> Result<R, Error> {
        self.shared().view(view)
    }

    /// Returns read access to the newest state, which may not be durable yet: a crash can undo changes that the guard shows.
    /// Commands wait while the guard lives, so drop it soon.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`query`](Image::query).
    pub fn read_uncommitted(&self) -> Result<ReadGuard<'_, M>, Error> {
        self.shared().read_uncommitted()
    }

    /// Returns a handle on this image that records the given metadata, such as the actor, with each command that runs through
    /// the handle.
    #[must_use = "only commands that run through the returned value are recorded with the metadata"]
    pub fn with(&self, metadata: Metadata) -> WithMetadata<'_, M> {
        WithMetadata::new(self, metadata)
    }

    /// Returns a handle on this image that executes a command once, however often it is called with the same key: a retry executes
    /// nothing and gets the answer of the first call. The key is the id that a client gave its request; it is from 1 to 255 bytes
    /// long, and the command's [`Metadata`] has it as [`Metadata::REQUEST`].
    ///
    /// The image remembers a request for [as many events](crate::Options::remember) as its options say, also after a restart. A
    /// call that a check refused leaves no trace, so that a retry is judged anew; a rejection by a body is remembered like an
    /// answer. See [the guide](crate::guide::retries).
    ///
    /// Besides the errors of the command, a call returns
    ///
    /// - [`ErrorKind::RequestKeyReused`](crate::ErrorKind::RequestKeyReused) if the key belongs to another command, or to the same
    ///   command with other arguments;
    /// - [`ErrorKind::AlreadyExecuted`](crate::ErrorKind::AlreadyExecuted) if the request was executed, but its answer is not
    ///   available: its type must implement serde's traits and [`Shape`](crate::Shape);
    /// - [`ErrorKind::InvalidRequestKey`](crate::ErrorKind::InvalidRequestKey) if the key is empty or too long.
    ///
    /// ```
    /// # use memimage::{Image, Model, Shape};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize, Shape, Model)]
    /// # struct Counter { count: u64 }
    /// # #[memimage::commands]
    /// # impl Counter {
    /// #     /// Adds to the count.
    /// #     #[command]
    /// #     fn add(&mut self, number: u64) -> u64 { self.count += number; self.count }
    /// # }
    /// let counter = Image::<Counter>::in_memory()?;
    /// assert_eq!(counter.once("request 81a3").add(7)?, 7);
    /// assert_eq!(counter.once("request 81a3").add(7)?, 7); // a retry
    /// assert_eq!(counter.query(|counter| counter.count)?, 7);
    /// # Ok::<(), memimage::Error>(())
    /// ```
    #[must_use = "only a command that runs through the returned value is executed once"]
    pub fn once(&self, key: impl Into<String>) -> WithRequestKey<'_, M> {
        self.with(Metadata::new()).once(key)
    }

    /// Returns the image's journal, to read its progress and to sync it.
    pub fn journal(&self) -> JournalHandle<'_, M> {
        JournalHandle::new(self)
    }

    /// Returns the maintenance operations on the image, such as figures and snapshots.
    pub fn admin(&self) -> Admin<'_, M> {
        Admin::new(self)
    }

    /// Syncs the journal, closes the image for all its clones, and releases the image's lock, so that another process can open
    /// the image.
    ///
    /// `close` is an associated function, so that a model may have a command of the same name: `Image::close(bank)?`.
    ///
    /// # Errors
    ///
    /// Returns an error if an executed event could not be synced, or if `close` is called from inside the image. With
    /// [`Options::replicate`], also if the log did not get the rest of the events within ten seconds
    /// ([`ErrorKind::Replication`](crate::ErrorKind::Replication)): the message names the events that are on the local disk only; the next
    /// opening of the directory as the owner ships them. And if the log has lost its last entry, which a close verifies. A snapshot
    /// that is not in the log yet is not waited for, and causes no error: the next owner ships it.
    ///
    /// After an error, the image is closed nevertheless, unless `close` was called from inside it.
    pub fn close(image: Image<M>) -> Result<(), Error> {
        image.shared().close()
    }
}

impl<M: Model> fmt::Debug for Image<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("model", &M::NAME)
            .field("path", &self.shared().layout.root())
            .field("seq", &self.journal().seq())
            .finish_non_exhaustive()
    }
}
