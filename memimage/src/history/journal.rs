//! The public reader of a journal.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use super::changes::Changes;
use super::diff::{StateDifference, diff};
use super::moment::Moment;
use super::past::Past;
use super::records::before_first;
use super::selection::History;
use super::source::JournalSource;
use crate::disk::{Disk, RealDisk, absolute};
use crate::error::Error;
use crate::event::Model;
use crate::journal::Layout;
use crate::options::Options;
use crate::seq::Seq;

/// The journal of an image, for reading: its history, its past states, and what changed. A running image has the same methods:
/// [`Image::journal`](crate::Image::journal).
///
/// A journal is opened without the image's lock, from any process, beside a running owner or without one. It shows what is
/// durable: what a power cut cannot take back. After a kill of the owner, the last event may be shown only once the image was opened
/// again, because only an opening proves that it is on disk. (A [branch](Journal::branch) reads as far as an opening.) It changes no file, except those of [named
/// subscriptions](Journal::subscribe_as). Every call looks at the files again, so it sees the events
/// that the owner has recorded meanwhile.
///
/// A journal belongs to the image that it was opened for. If the directory then holds another image, every call returns
/// [`ErrorKind::Replaced`](crate::ErrorKind::Replaced). A restored backup is the same image: new calls read what it has, while a
/// [`Past`] or a subscription from before the restore returns `Replaced` where the backup does not continue it.
///
/// A journal of a running image does not keep the image open or in memory. Once the image is closed, its methods return
/// [`ErrorKind::Closed`](crate::ErrorKind::Closed); a journal that is opened by its path reads on.
pub struct Journal<M: Model> {
    pub(crate) source: JournalSource,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> Clone for Journal<M> {
    fn clone(&self) -> Journal<M> {
        Journal::new(self.source.clone())
    }
}

impl<M: Model> Journal<M> {
    pub(crate) fn new(source: JournalSource) -> Journal<M> {
        Journal { source, model: PhantomData }
    }

    /// Opens the journal of the image in the directory `path`. For an encrypted or chained image, use
    /// [`Options::open_journal`].
    ///
    /// # Errors
    ///
    /// Returns an error if there is no image at the path, or if it belongs to another model.
    pub fn open(path: impl AsRef<Path>) -> Result<Journal<M>, Error> {
        Options::new().open_journal(path)
    }

    pub(crate) fn source(&self) -> &JournalSource {
        &self.source
    }

    /// The directory of the image.
    pub fn path(&self) -> &Path {
        self.source.layout().root()
    }

    /// The last durable event.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal cannot be read.
    pub fn durable_seq(&self) -> Result<Seq, Error> {
        self.source.durable("durable_seq")
    }

    /// The first event in the journal: 1, unless old events were [pruned](crate::Options::retention). In an image without events, the
    /// event that will be recorded first.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal cannot be read.
    pub fn first_seq(&self) -> Result<Seq, Error> {
        self.source.attempt(|| Ok(before_first(&self.source.open(Seq::ZERO)?)?.next()))
    }

    /// The events of the image, in order. If old events were pruned, begins with the [first](Journal::first_seq) that is left.
    pub fn history(&self) -> History<M> {
        History::new(self.source.clone())
    }

    /// Rebuilds the state of the model after an event ([`Seq`]) or at a time ([`Timestamp`](crate::Timestamp)).
    ///
    /// This loads the newest usable snapshot before that moment, and replays the events from there. By default only two recent snapshots
    /// exist, and older states are replayed from the first event; [`Options::keep_snapshots`] keeps more.
    ///
    /// For a time, this first finds the last event that was recorded at or before it. For that, it reads the segments from the end of
    /// the journal back to this event, because [corrected](crate::Admin::correct_time) times go back. See
    /// [the guide](crate::guide::past_states#the-cost-of-a-past-state) for all costs.
    ///
    /// # Errors
    ///
    /// Returns an error if the moment is before the image was created, after its end, or in the pruned part of the journal
    /// ([`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange), [`ErrorKind::Pruned`](crate::ErrorKind::Pruned)), and the errors of
    /// a recovery.
    pub fn at(&self, moment: impl Into<Moment>) -> Result<Past<M>, Error> {
        Past::at(&self.source, moment.into())
    }

    /// Each event that changed a value: "who changed this balance, and when". `select` returns the value.
    ///
    /// Begins with the oldest state that the journal can rebuild, and replays all events up to the last one that is durable when the
    /// loop begins. To begin later, use [`Past::changes`].
    pub fn changes<V: PartialEq + Clone, S: FnMut(&M) -> V>(&self, select: S) -> Changes<M, V, S> {
        Changes::new(self.source.clone(), select)
    }

    /// The first state for which `predicate` returns true; `None` if there is none. [`Past::seq`] names the event that led to it.
    ///
    /// Begins with the oldest state that the journal can rebuild.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`at`](Journal::at).
    pub fn first(&self, mut predicate: impl FnMut(&M) -> bool) -> Result<Option<Past<M>>, Error> {
        let mut past = Past::oldest(&self.source, "first")?;
        while !predicate(&past) {
            if !past.step()? {
                return Ok(None);
            }
        }
        Ok(Some(past))
    }

    /// The parts of the model that differ between two moments. The two states are compared along the model's shape, while both are
    /// in memory in an encoded form.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`at`](Journal::at), and an error if a state takes more than 256 MiB in this form.
    pub fn diff(&self, old: impl Into<Moment>, new: impl Into<Moment>) -> Result<Vec<StateDifference>, Error> {
        diff::<M>(&self.source, old.into(), new.into())
    }
}

impl<M: Model> Options<M> {
    /// Opens the journal of the image in the directory `path` for reading. Of the options, only the keys are used.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Journal::open`], and an error if the keys are missing or wrong.
    pub fn open_journal(self, path: impl AsRef<Path>) -> Result<Journal<M>, Error> {
        self.open_journal_on(Arc::new(RealDisk), absolute(path.as_ref()))
    }

    /// Like [`open_journal`](Options::open_journal), on the given disk.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`open_journal`](Options::open_journal).
    #[cfg(feature = "sim")]
    pub fn open_journal_with(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<Journal<M>, Error> {
        self.open_journal_on(disk, path)
    }

    pub(crate) fn open_journal_on(self, disk: Arc<dyn Disk>, path: impl AsRef<Path>) -> Result<Journal<M>, Error> {
        let (layout, keyring) = (Layout::new(path.as_ref()), self.keyring());
        let source = JournalSource::new(&disk, &layout, &keyring, None);
        let journal = source.open(Seq::ZERO)?;
        layout.refuse_other_model(journal.segments().identity(), M::NAME)?;
        let uuid = journal.segments().identity().uuid;
        Ok(Journal::new(source.bound_to(uuid)))
    }
}

impl<M: Model> fmt::Debug for Journal<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("path", &self.path()).finish_non_exhaustive()
    }
}
