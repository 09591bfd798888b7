//! The events that a projection handles: in the order of the journal, each as soon as it is durable.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::error::{Error, ErrorKind, ProjectionFault};
use crate::event::Model;
use crate::history::{JournalSource, Look, ModelFeed};
use crate::journal::{Scan, StoredRecord, Voids};
use crate::log;
use crate::recovery::{FollowedDispatch, OpenedJournal};
use crate::seq::Seq;

/// The durable events after some event, for a projection. After the running image has ended, it reads those of later owners.
pub(super) struct EventFeed<M: Model> {
    /// The name of the projection.
    name: &'static str,
    source: JournalSource,
    records: ModelFeed<M>,
}

/// The result of waiting for events.
pub(super) enum Waited {
    /// The events up to this one are durable.
    Durable(Seq),
    /// The running image in this process has ended, and all its events were handled.
    ImageEnded,
    /// The projection is to stop.
    Stopping,
}

impl<M: Model> EventFeed<M> {
    /// Opens the feed after event `last`, which is durable. `journal` is the journal of `source`, and `voids` are its void events after
    /// `last`.
    pub(super) fn open(
        name: &'static str,
        source: &JournalSource,
        journal: &OpenedJournal,
        voids: Voids,
        last: Seq,
    ) -> Result<EventFeed<M>, Error> {
        if !journal.segments().reaches(last)? {
            return Err(pruned(name, source, journal, last.next()));
        }
        let records = ModelFeed::of_journal(source, source.watch(), journal, voids, (last, last))?;
        Ok(EventFeed { name, source: source.without_owner(), records })
    }

    /// Waits until an event after the last one that was read is durable. `void_epoch` is the newest epoch whose void events the state of
    /// the projection does not contain. The thread that sets `is_stopping` must then wake the image's watch and unpark this thread.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal was removed, cut or replaced, or if an event that was handled became void.
    pub(super) fn wait(&mut self, is_stopping: &AtomicBool, void_epoch: u64) -> Result<Waited, Error> {
        let is_stopping = || is_stopping.load(Ordering::Acquire);
        loop {
            if is_stopping() {
                return Ok(Waited::Stopping);
            }
            let look = self.records.look()?;
            self.refuse_new_voids(void_epoch)?;
            match look {
                Look::Durable(durable) => return Ok(Waited::Durable(durable)),
                Look::Nothing => self.records.wait(is_stopping, None, park_until),
                Look::Ended(_) => {
                    self.records.follow_files();
                    return Ok(Waited::ImageEnded);
                }
            }
        }
    }

    /// Returns an error if an event that was handled became void after `void_epoch`.
    pub(super) fn refuse_new_voids(&self, void_epoch: u64) -> Result<(), Error> {
        let seq = self.records.last();
        match self.records.voids().invalidates(seq, void_epoch) {
            true => Err(ProjectionFault::EventBecameVoid { name: self.name, seq }.into()),
            false => Ok(()),
        }
    }

    /// The next event up to `until`, which must be durable. Goes on behind a recorded gap: the image was repaired by a decision
    /// that its projections follow.
    pub(super) fn next(&mut self, until: Seq) -> Result<Option<StoredRecord>, Error> {
        let next = loop {
            match self.records.next(until) {
                Err(error) if error.is_gap() => {
                    log::warning!(projection = self.name, %error, "a projection goes on without lost events");
                }
                next => break next,
            }
        };
        next.map_err(|error| match error.kind() {
            ErrorKind::Pruned => {
                let (name, image) = (self.name, self.source.layout().root().to_owned());
                ProjectionFault::Pruned { name, image, seq: self.records.last().next(), first: None }.into()
            }
            _ => error,
        })
    }

    /// The last event that was read, or that is lost in a gap that was passed.
    pub(super) fn last(&self) -> Seq {
        self.records.last()
    }

    pub(super) fn scan(&self) -> &Scan {
        self.records.scan()
    }

    pub(super) fn dispatch(&self) -> &FollowedDispatch {
        self.records.dispatch()
    }

    /// The void events that are known.
    pub(super) fn voids(&self) -> &Voids {
        self.records.voids()
    }
}

#[expect(clippy::disallowed_methods, reason = "the pauses of a reader are not part of a model's state")]
fn park_until(at: Instant) {
    std::thread::park_timeout(at.saturating_duration_since(Instant::now()));
}

/// The error for event `seq`, which the journal no longer has.
fn pruned(name: &'static str, source: &JournalSource, journal: &OpenedJournal, seq: Seq) -> Error {
    let segments = journal.segments();
    let first = segments.first_frame(segments.first()).ok().flatten().map(|header| header.first_seq);
    ProjectionFault::Pruned { name, image: source.layout().root().to_owned(), seq, first }.into()
}
