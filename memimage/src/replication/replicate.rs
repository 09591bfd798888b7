//! The interface between an image and the engine that replicates its journal to a log on other machines.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::acknowledge::Acknowledge;
use super::journal_copy::JournalCopy;
use super::piece_reader::PieceReader;
use crate::disk::Disk;
use crate::error::{Error, ErrorDetail, ErrorKind};
use crate::journal::{Layout, ReplicatedJournal, Survey};
use crate::seq::Seq;

/// The error of an engine. The message says what happened, where, and after `help:` what to do.
pub fn error(kind: ErrorKind, message: impl fmt::Display) -> Error {
    Error::new(ErrorDetail::Replication { kind, message: message.to_string() })
}

/// An engine that replicates the journal of an image to a log, before the image is open. See
/// [`Options::replicate`](crate::Options::replicate).
pub trait Replicate: Send {
    /// Verifies, as far as that is possible without the directory's lock, that the image in the directory `path` may use the log. Called
    /// before the directory is created or locked, so that a refusal leaves nothing behind. Changes nothing. Default: `Ok`.
    ///
    /// # Errors
    ///
    /// Returns an error if [`claim`](Replicate::claim) would return one. The image is not opened then.
    fn admit(&self, path: &Path) -> Result<(), Error> {
        let _ = path;
        Ok(())
    }

    /// Claims the log for this owner. Called after the image's directory was locked, and before anything in it is read. The engine may
    /// bring the directory up to date with the log.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be reached, or belongs to another owner. The image is not opened then.
    fn claim(self: Box<Self>, directory: &LockedDirectory, acknowledge: Acknowledge)
    -> Result<Box<dyn Claimed>, Error>;

    /// The engine once more, for a further attempt with the same options, such as after a promotion that failed. Default: `None`, for an
    /// engine that can be used once.
    fn again(&self) -> Option<Box<dyn Replicate>> {
        None
    }
}

/// An engine that owns its log. If the opening fails, it is dropped.
pub trait Claimed: Send {
    /// Starts to ship the journal. Called after the image was recovered, and before it executes commands.
    ///
    /// # Errors
    ///
    /// Returns an error if shipping cannot be started. The image is closed then.
    fn start(self: Box<Self>, owner: OwnerJournal) -> Result<Box<dyn Shipping>, Error>;
}

/// An engine that ships the journal of a running image, on threads of its own.
pub trait Shipping: Send {
    /// Ships the rest of the journal, but only for a bounded time, and ends the threads. Called when the image is closed or dropped; then
    /// all events are written, and [`OwnerJournal::is_closed`] is true. Also called if the image is poisoned.
    ///
    /// # Errors
    ///
    /// Returns an error that names the log and the cause if it does not have everything. If events are missing in it, the close of the image
    /// returns an error with this cause.
    fn stop(self: Box<Self>) -> Result<(), Error>;
}

/// The directory of an image that this process has locked, and that is not open yet.
pub struct LockedDirectory {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
}

impl LockedDirectory {
    /// The path of the directory.
    pub fn path(&self) -> &Path {
        self.layout.root()
    }

    /// Whether the directory has no image, and one may be created in it.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory has other files and no image.
    pub fn is_vacant(&self) -> Result<bool, Error> {
        Ok(!matches!(self.layout.survey(&*self.disk)?, Survey::Image(_)))
    }

    /// Reads the journal of the image in the directory.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no image, or if its first segment cannot be read.
    pub fn reader(&self) -> Result<PieceReader, Error> {
        PieceReader::open_on(Arc::clone(&self.disk), &self.layout)
    }

    /// Takes the journal in the directory as a copy of the log, to append what it has lost.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory contains another image than the one with the UUID `image`.
    pub fn copy(&self, image: [u8; 16]) -> Result<JournalCopy, Error> {
        JournalCopy::open(Arc::clone(&self.disk), self.layout.clone(), image, None)
    }
}

impl fmt::Debug for LockedDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockedDirectory").field(&self.path()).finish()
    }
}

/// The journal of a running image, as its engine sees it. It does not keep the image open.
#[derive(Clone)]
pub struct OwnerJournal {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) journal: Weak<dyn ReplicatedJournal>,
}

impl OwnerJournal {
    /// The directory of the image.
    pub fn path(&self) -> &Path {
        self.layout.root()
    }

    /// Reads the journal of the image from its files.
    ///
    /// # Errors
    ///
    /// Returns an error if the first segment cannot be read.
    pub fn reader(&self) -> Result<PieceReader, Error> {
        PieceReader::open_on(Arc::clone(&self.disk), &self.layout)
    }

    /// Ends the present calls of [`wait`](OwnerJournal::wait).
    pub fn wake(&self) {
        if let Some(journal) = self.journal.upgrade() {
            journal.wake();
        }
    }

    /// The last event that may be shipped. With [`Acknowledge::Remote`], this is the last one that was handed to the operating system,
    /// so that it is shipped while it is being synced. With [`Acknowledge::Local`], it is the last one whose callers got their answers: with
    /// [`Durability::Synced`](crate::Durability::Synced), the last synced one. 0 after the image has ended.
    pub fn shippable(&self) -> Seq {
        self.journal.upgrade().map_or(Seq::ZERO, |journal| journal.shippable())
    }

    /// Waits until the number of changes is no longer `seen`, or until the timeout, and returns the number. It begins with 0, and changes
    /// when more events may be shippable, and when the image has been closed or poisoned. Read the number before
    /// [`shippable`](OwnerJournal::shippable), so that no change is missed.
    pub fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        self.journal.upgrade().map_or(u64::MAX, |journal| journal.wait(seen, timeout))
    }

    /// Records that the log has all events up to this one. Answers those callers that waited only for this; so code of the program may run, in wakers of tasks.
    pub fn shipped(&self, seq: Seq) {
        if let Some(journal) = self.journal.upgrade() {
            journal.shipped(seq);
        }
    }

    /// Poisons the image: all commands and queries fail from now on. With an error of the kind [`ErrorKind::Fenced`], their errors have this
    /// kind, too. The outcome of the commands that wait for the log is unknown then.
    pub fn fail(&self, error: &Error) {
        if let Some(journal) = self.journal.upgrade() {
            journal.fail(error);
        }
    }

    /// Whether the image has been closed or poisoned, so that no more events become shippable.
    pub fn is_closed(&self) -> bool {
        self.journal.upgrade().is_none_or(|journal| journal.is_closed())
    }
}

impl fmt::Debug for OwnerJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerJournal").field("path", &self.layout.root()).finish_non_exhaustive()
    }
}
