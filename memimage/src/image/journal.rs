//! The public handle on the journal of a running image.

use std::cell::OnceCell;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use super::Image;
use super::core::Shared;
use crate::error::Error;
use crate::event::Model;
use crate::history::{Journal, JournalSource, LiveJournal};
use crate::journal::DurabilityWatch;
use crate::seq::Seq;

/// The journal of a running image. See [`Image::journal`].
///
/// It dereferences to [`Journal`], which has the methods that read. Those that read the history, past states and changes first make
/// the events durable whose answers were returned before the call, and show at least these.
/// [Subscriptions](Journal::subscribe) sync nothing: they return each event once the image has synced it.
///
/// At any moment [`seq`](JournalHandle::seq) ≥ [`written_seq`](JournalHandle::written_seq) ≥
/// [`durable_seq`](JournalHandle::durable_seq).
pub struct JournalHandle<'a, M: Model> {
    image: &'a Image<M>,
    /// Made when a reading method is called for the first time.
    journal: OnceCell<Journal<M>>,
}

impl<'a, M: Model> JournalHandle<'a, M> {
    pub(super) fn new(image: &'a Image<M>) -> JournalHandle<'a, M> {
        JournalHandle { image, journal: OnceCell::new() }
    }

    /// The last event executed.
    pub fn seq(&self) -> Seq {
        self.image.shared().journal.executed()
    }

    /// The last event handed to the operating system. This event and all earlier ones survive a kill of this process.
    pub fn written_seq(&self) -> Seq {
        self.image.shared().journal.written()
    }

    /// The last event that a sync (`fdatasync`) has put on disk. This event and all earlier ones survive a power cut.
    pub fn durable_seq(&self) -> Seq {
        self.image.shared().journal.durable()
    }

    /// Syncs every executed event, whatever the image's [`Durability`](crate::Durability).
    ///
    /// # Errors
    ///
    /// Returns an error if the image is poisoned or closed, or if `sync` is called from inside a command, query or guard of the
    /// image.
    pub fn sync(&self) -> Result<(), Error> {
        let shared = self.image.shared();
        drop(shared.enter_to_wait("sync")?);
        shared.refuse_if_ended()?;
        shared.journal.sync()
    }
}

impl<M: Model> Deref for JournalHandle<'_, M> {
    type Target = Journal<M>;

    fn deref(&self) -> &Journal<M> {
        self.journal.get_or_init(|| Journal::new(self.image.shared().journal_source()))
    }
}

impl<M: Model> Shared<M> {
    /// The journal's files, for readers of the history.
    fn journal_source(&self) -> JournalSource {
        let live = self.this.clone() as Weak<dyn LiveJournal>;
        JournalSource::new(&self.disk, &self.layout, &self.keyring, Some(live)).bound_to(self.identity.uuid)
    }
}

impl<M: Model> LiveJournal for Shared<M> {
    fn acknowledged(&self, call: &'static str) -> Result<Seq, Error> {
        drop(self.enter_to_wait(call)?);
        self.refuse_if_ended()?;
        self.journal.sync_acknowledged()
    }

    fn watch(&self) -> Result<(Seq, Arc<DurabilityWatch>), Error> {
        self.refuse_if_forked()?;
        self.refuse_if_ended()?;
        Ok((self.journal.executed(), Arc::clone(self.journal.watch())))
    }

    fn refuse_to_wait(&self, call: &'static str) -> Result<(), Error> {
        self.enter_to_wait(call).map(drop)
    }

    fn keep_files(&self, call: &'static str) -> Result<Box<dyn Send + '_>, Error> {
        Ok(Box::new(self.pin_files(call)?))
    }
}

impl<M: Model> fmt::Debug for JournalHandle<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalHandle").field("seq", &self.seq()).finish_non_exhaustive()
    }
}
