//! The public handle on the journal of a running image.

use std::fmt;

use super::Image;
use crate::error::Error;
use crate::event::Model;
use crate::seq::Seq;

/// The journal of a running image. See [`Image::journal`].
///
/// At any moment [`seq`](JournalHandle::seq) ≥ [`written_seq`](JournalHandle::written_seq) ≥
/// [`durable_seq`](JournalHandle::durable_seq).
pub struct JournalHandle<'a, M: Model> {
    image: &'a Image<M>,
}

impl<'a, M: Model> JournalHandle<'a, M> {
    pub(super) fn new(image: &'a Image<M>) -> JournalHandle<'a, M> {
        JournalHandle { image }
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

impl<M: Model> fmt::Debug for JournalHandle<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalHandle").field("seq", &self.seq()).finish_non_exhaustive()
    }
}
