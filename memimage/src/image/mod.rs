//! A running image: the model in memory, and the journal of its commands.

// each uses those above it
mod reentrancy;
mod stats;
mod core;
mod guard;
mod pending;
mod snapshotting;
mod pruning;
mod run;
mod with;
mod admin;
mod opening;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use admin::Admin;
pub use guard::ReadGuard;
pub use pending::Pending;
pub use snapshotting::SnapshotInfo;
pub use stats::{RecoveryReport, Stats};
pub use with::WithMetadata;

use self::core::Shared;
use crate::context::Metadata;
use crate::error::Error;
use crate::event::{Command, Model};
use crate::execute::Execute;
use crate::journal::is_writing;
use crate::options::Options;
use crate::seq::Seq;
use reentrancy::{GUARD, QUERY, ReentrancyGuard};
use run::SubmitMode;

/// A model in main memory, and the journal that makes its commands durable.
///
/// The model's commands are methods of it, by the trait that `#[memimage::commands]` makes. It is a cheap handle: clone it
/// and hand it to other threads. The last one dropped syncs and closes the image; [`close`](Image::close) also tells
/// whether that worked.
pub struct Image<M: Model> {
    handle: Arc<Handle<M>>,
}

impl<M: Model> Clone for Image<M> {
    fn clone(&self) -> Image<M> {
        Image { handle: Arc::clone(&self.handle) }
    }
}

/// What the clones of an image share; the image is closed with the last of them.
struct Handle<M: Model> {
    shared: Arc<Shared<M>>,
}

impl<M: Model> Drop for Handle<M> {
    fn drop(&mut self) {
        let shared = Arc::clone(&self.shared);
        let close = move || {
            if let Err(error) = shared.close() {
                tracing::error!(%error, "an image that was dropped could not be closed in order");
            }
        };
        // dropped by a waker while this thread writes a batch, it would wait for itself
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

    /// Opens the image in the directory `path`: makes it if nothing is there, or recovers it.
    ///
    /// # Errors
    ///
    /// As [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Image<M>, Error> {
        Image::options().open(path)
    }

    /// A new image without files, for tests and for state that may be lost.
    ///
    /// # Errors
    ///
    /// If the model has no digest, since its `Serialize` and its `Shape` disagree.
    pub fn in_memory() -> Result<Image<M>, Error> {
        Image::options().in_memory()
    }

    /// How to open an image, to be changed before [`Options::open`].
    pub fn options() -> Options<M> {
        Options::new()
    }

    /// Executes a command and returns while it is on its way to disk, so that one thread can have many under way. Waits
    /// for room first, if too many batches wait to be written.
    ///
    /// # Errors
    ///
    /// If it was not executed: its record is too large or cannot be encoded, its body panicked, the disk is full, the
    /// image is poisoned or closed, or this is a call from inside the image. A refusal is an answer, and comes from
    /// [`Pending::wait`].
    pub fn submit<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.shared().run(command, &Metadata::new(), SubmitMode::Submit)
    }

    /// As [`submit`](Image::submit), but answers [busy](Error::is_busy) where that waits for room.
    ///
    /// # Errors
    ///
    /// As [`submit`](Image::submit).
    pub fn try_submit<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.shared().run(command, &Metadata::new(), SubmitMode::Try)
    }

    /// As [`submit`](Image::submit), but awaits room. It does take the image's lock, which a long [`read`](Image::read)
    /// elsewhere may hold.
    ///
    /// # Errors
    ///
    /// As [`submit`](Image::submit).
    pub async fn submit_async<C: Command<M>>(&self, command: C) -> Result<Pending<C::Output, C::Error>, Error> {
        self.shared().run_async(command, &Metadata::new()).await
    }

    /// Asks the model, and answers once all that the answer may rest on is durable: it never shows what a crash could take
    /// back. (`Buffered` and `Interval` answer once it is written.)
    ///
    /// Commands wait while the closure runs, so it must not wait for another thread that runs one.
    ///
    /// # Errors
    ///
    /// If the image is poisoned or closed, or this is a call from inside it.
    pub fn query<R>(&self, query: impl FnOnce(&M) -> R) -> Result<R, Error> {
        let shared = self.shared();
        let entered = ReentrancyGuard::new(shared.journal.id(), QUERY)?;
        let (answer, latest) = {
            let core = shared.core.read();
            shared.refuse_if_ended()?;
            // no command can run while the lock is held, so this is all that the answer rests on
            (query(&core.model), shared.journal.latest())
        };
        drop(entered);
        if let Some(ticket) = latest {
            ticket.wait()?;
        }
        Ok(answer)
    }

    /// The newest state, perhaps not on disk yet. Commands wait while the guard lives, so let go of it soon.
    ///
    /// # Errors
    ///
    /// As [`query`](Image::query).
    pub fn read(&self) -> Result<ReadGuard<'_, M>, Error> {
        let shared = self.shared();
        let entered = ReentrancyGuard::new(shared.journal.id(), GUARD)?;
        let core = shared.core.read();
        shared.refuse_if_ended()?;
        Ok(ReadGuard::new(core, entered))
    }

    /// This image with metadata that are recorded with the commands run through it.
    pub fn with(&self, metadata: Metadata) -> WithMetadata<'_, M> {
        WithMetadata::new(self, metadata)
    }

    /// The last event executed.
    pub fn seq(&self) -> Seq {
        self.shared().journal.executed()
    }

    /// The last event handed to the operating system: it survives a kill of this process.
    pub fn written_seq(&self) -> Seq {
        self.shared().journal.written()
    }

    /// The last event on disk by fdatasync: it survives a power cut.
    pub fn durable_seq(&self) -> Seq {
        self.shared().journal.durable()
    }

    /// Makes all that was executed durable, whatever the image's durability.
    ///
    /// # Errors
    ///
    /// If the image is poisoned or closed, or this is a call from inside it.
    pub fn sync(&self) -> Result<(), Error> {
        let shared = self.shared();
        drop(ReentrancyGuard::new(shared.journal.id(), "sync")?);
        shared.refuse_if_ended()?;
        shared.journal.sync()
    }

    /// Figures of this image.
    pub fn stats(&self) -> Stats {
        let shared = self.shared();
        let journal = &shared.journal;
        let (newest, failure, base, retention_failure) = {
            let progress = shared.progress.lock();
            (progress.newest, progress.failure.clone(), progress.base, progress.retention_failure.clone())
        };
        // the least first: each is at most what the next is by then
        let durable_seq = journal.durable();
        let written_seq = journal.written();
        Stats {
            seq: journal.executed(),
            written_seq,
            durable_seq,
            epoch: shared.epoch,
            batches: journal.batches(),
            bytes: journal.bytes(),
            snapshot: newest,
            snapshot_failure: failure,
            base,
            retention_failure,
            recovery: shared.recovery.clone(),
        }
    }

    /// What administers the image.
    pub fn admin(&self) -> Admin<'_, M> {
        Admin::new(self)
    }

    /// Syncs and closes the image, for all its clones, and lets another process have it.
    ///
    /// # Errors
    ///
    /// If what was executed could not be synced, or this is a call from inside the image.
    pub fn close(self) -> Result<(), Error> {
        self.shared().close()
    }
}

impl<M: Model> Execute for Image<M> {
    type Model = M;

    fn execute<C: Command<M>>(&self, command: C) -> Result<C::Output, C::Error> {
        self.shared().execute(command, &Metadata::new())
    }
}

impl<M: Model> fmt::Debug for Image<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("model", &M::NAME)
            .field("path", &self.shared().layout.root())
            .field("seq", &self.seq())
            .finish_non_exhaustive()
    }
}
